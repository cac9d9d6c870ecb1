/* SPDX-License-Identifier: MIT */
/*
 * What people pay a month, change by change. A change is an event of its own: started and changed
 * set the amount to their value (without one they say nothing), cancelled sets it to 0. What
 * follows from a person's other changes, before and after it, is worked out where they are: in
 * PostgreSQL, in one statement a batch that has any (put_subscriptions.sql).
 */
#include "writer_priv.h"

struct subscriptions {
    const struct item **changes; /* in the landing's arena */
    size_t count;
};

static bool is_change(const struct item *item)
{
    bool sets = item->standard == STANDARD_SUBSCRIPTION_STARTED ||
                item->standard == STANDARD_SUBSCRIPTION_CHANGED;
    return tr_item_counts(item) &&
           ((sets && item->record.has_value) || item->standard == STANDARD_SUBSCRIPTION_CANCELLED);
}

struct subscriptions *tr_subscriptions_gather(const struct landing *landing)
{
    struct subscriptions *subscriptions = tr_arena_calloc(landing->arena, sizeof *subscriptions);
    size_t most = 0;
    for (size_t i = 0; i < landing->count; i++)
        most += is_change(&landing->items[i]);
    if (most == 0)
        return subscriptions;
    subscriptions->changes = tr_arena_alloc(landing->arena, most * sizeof(struct item *));
    for (size_t i = 0; i < landing->count; i++)
        if (is_change(&landing->items[i]))
            subscriptions->changes[subscriptions->count++] = &landing->items[i];
    return subscriptions;
}

static void bind_times(struct tr_pg_params *params, const struct subscriptions *subscriptions,
                       bool receipts)
{
    tr_pg_array_begin(params, TR_PG_TIMESTAMPTZ);
    for (size_t i = 0; i < subscriptions->count; i++) {
        const struct tr_record *record = &subscriptions->changes[i]->record;
        tr_pg_array_int(params, receipts ? record->received_us : record->timestamp_us);
    }
    tr_pg_array_end(params);
}

static void bind_texts(struct tr_pg_params *params, const struct subscriptions *subscriptions,
                       struct tr_slice (*get)(const struct item *))
{
    tr_pg_array_begin(params, TR_PG_TEXT);
    for (size_t i = 0; i < subscriptions->count; i++) {
        struct tr_slice text = get(subscriptions->changes[i]);
        if (text.data != NULL)
            tr_pg_array_bytes(params, text.data, text.size);
        else
            tr_pg_array_null(params);
    }
    tr_pg_array_end(params);
}

static struct tr_slice get_id(const struct item *item)
{
    return item->record.id;
}

static struct tr_slice get_amount(const struct item *item)
{
    return item->standard == STANDARD_SUBSCRIPTION_CANCELLED ? TR_SLICE("0")
                                                             : item->record.value_text;
}

static struct tr_slice get_currency(const struct item *item)
{
    return item->record.unit.data != NULL ? item->record.unit : TR_SLICE("");
}

static struct tr_slice get_plan(const struct item *item)
{
    return item->record.plan;
}

static void bind_people(struct tr_pg_params *params, const struct subscriptions *subscriptions)
{
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < subscriptions->count; i++)
        tr_pg_array_int(params, subscriptions->changes[i]->record.project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < subscriptions->count; i++)
        tr_pg_array_bytes(params, subscriptions->changes[i]->person, 16);
    tr_pg_array_end(params);
}

int tr_subscriptions_store(const struct subscriptions *subscriptions, struct landing *landing,
                           struct tr_error *error)
{
    struct tr_pg_params *params = landing->params;
    if (subscriptions->count == 0 && landing->join_count == 0)
        return 0;
    tr_pg_params_clear(params);
    bind_people(params, subscriptions);
    bind_times(params, subscriptions, false);
    bind_times(params, subscriptions, true);
    bind_texts(params, subscriptions, get_id);
    bind_texts(params, subscriptions, get_amount);
    bind_texts(params, subscriptions, get_currency);
    bind_texts(params, subscriptions, get_plan);
    tr_bind_joins(params, landing->joins, landing->join_count);
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/put_subscriptions"), params, NULL,
                       error);
}
