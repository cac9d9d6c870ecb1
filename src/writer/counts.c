/* SPDX-License-Identifier: MIT */
/*
 * Counts per quarter of an hour and per day. They are summed up here first: a batch of thousands of
 * events touches a few hundred rows.
 */
#include "writer_priv.h"

#include <stdlib.h>
#include <string.h>

#include "table.h"

enum { KEY_MAX_BYTES = 512, COST_SEPARATOR = 0x1f };

struct count {
    struct table_entry entry;
    struct count_key key;
    int64_t n;
    struct tr_slice amount; /* of money: an entry of its own each */
    struct count *next;     /* all entries, in no order */
    size_t bytes;
    char packed[];
};

struct counts {
    struct tr_arena *arena;
    struct table table;
    struct count *all;
};

int64_t tr_quarter(int64_t us)
{
    static const int64_t quarter_us = INT64_C(900) * 1000000;
    int64_t rest = us % quarter_us;
    return us - (rest < 0 ? rest + quarter_us : rest);
}

struct counts *tr_counts_new(struct tr_arena *arena)
{
    struct counts *counts = tr_arena_calloc(arena, sizeof *counts);
    counts->arena = arena;
    counts->table.arena = arena;
    return counts;
}

/* What makes two counts the same: project, metric (static, so its address), bucket, key. */
static size_t pack(const struct count_key *key, char out[KEY_MAX_BYTES])
{
    size_t size = key->key.size < KEY_MAX_BYTES - 32 ? key->key.size : KEY_MAX_BYTES - 32;
    memcpy(out, &key->bucket_us, 8);
    memcpy(out + 8, &key->metric, sizeof key->metric);
    memcpy(out + 16, &key->project_id, 4);
    memcpy(out + 20, key->key.data, size);
    return 20 + size;
}

static struct count *new_count(struct counts *counts, const struct count_key *key, size_t extra)
{
    struct count *count = tr_arena_calloc(counts->arena, sizeof *count + extra);
    count->key = *key;
    count->next = counts->all;
    counts->all = count;
    return count;
}

void tr_counts_add(struct counts *counts, const struct count_key *key, int64_t n)
{
    char packed[KEY_MAX_BYTES];
    size_t size = pack(key, packed);
    struct count *count = tr_table_find(&counts->table, packed, size);
    if (count == NULL) {
        count = new_count(counts, key, size);
        memcpy(count->packed, packed, size);
        tr_table_add(&counts->table, &count->entry, count->packed, size);
    }
    count->n += n;
}

void tr_counts_add_amount(struct counts *counts, const struct count_key *key,
                          struct tr_slice amount)
{
    struct count *count = new_count(counts, key, 0);
    count->n = 1;
    count->amount = amount;
}

/* Of an exact decimal. */
static struct tr_slice negated(struct tr_arena *arena, struct tr_slice amount)
{
    if (amount.size > 0 && amount.data[0] == '-')
        return tr_slice(amount.data + 1, amount.size - 1);
    char *text = tr_arena_alloc(arena, amount.size + 1);
    text[0] = '-';
    memcpy(text + 1, amount.data, amount.size);
    return tr_slice(text, amount.size + 1);
}

void tr_counts_negate(struct counts *counts)
{
    for (struct count *count = counts->all; count != NULL; count = count->next) {
        count->n = -count->n;
        if (count->amount.data != NULL)
            count->amount = negated(counts->arena, count->amount);
    }
}

static struct tr_slice kind_and_name(struct tr_arena *arena, const struct tr_record *record)
{
    char *text = tr_arena_alloc(arena, record->name.size + 2);
    text[0] = (char)record->kind;
    text[1] = ':';
    memcpy(text + 2, record->name.data, record->name.size);
    return tr_slice(text, record->name.size + 2);
}

static struct tr_slice or_empty(struct tr_slice text)
{
    return text.data != NULL ? text : TR_SLICE("");
}

/* Money spent to win people, by channel. Currencies have no separator in them; channels might. */
static void count_cost(struct counts *counts, const struct tr_record *record, struct count_key *key)
{
    struct tr_slice unit = or_empty(record->unit);
    struct tr_slice channel = or_empty(record->channel);
    if (record->value_text.data == NULL)
        return;
    char *text = tr_arena_alloc(counts->arena, unit.size + 1 + channel.size);
    memcpy(text, unit.data, unit.size);
    text[unit.size] = COST_SEPARATOR;
    memcpy(text + unit.size + 1, channel.data, channel.size);
    key->metric = "cost";
    key->key = tr_slice(text, unit.size + 1 + channel.size);
    tr_counts_add_amount(counts, key, record->value_text);
}

static void count_item(struct counts *counts, const struct item *item)
{
    const struct tr_record *record = &item->record;
    struct count_key key = {
        .project_id = record->project_id,
        .metric = "event",
        .bucket_us = tr_quarter(record->timestamp_us),
        .day_start_us = item->day_start_us,
        .key = kind_and_name(counts->arena, record),
    };
    tr_counts_add(counts, &key, 1);
    tr_counts_add_quality(counts, item, key, counts->arena);
    if (item->standard == STANDARD_API_REQUEST) {
        key.key = or_empty(record->route);
        key.metric = "request";
        tr_counts_add(counts, &key, 1);
        key.metric = "failure";
        if (record->status >= 500)
            tr_counts_add(counts, &key, 1);
    } else if (item->standard == STANDARD_FEATURE_USED && record->feature.data != NULL) {
        key.metric = "feature";
        key.key = record->feature;
        tr_counts_add(counts, &key, 1);
    } else if (item->standard == STANDARD_PURCHASE && record->value_text.data != NULL) {
        key.metric = "revenue";
        key.key = or_empty(record->unit);
        tr_counts_add_amount(counts, &key, record->value_text);
    } else if (item->standard == STANDARD_ACQUISITION_COST) {
        count_cost(counts, record, &key);
    }
}

void tr_counts_add_items(struct counts *counts, const struct landing *landing)
{
    for (size_t i = 0; i < landing->count; i++)
        if (tr_item_counts(&landing->items[i]))
            count_item(counts, &landing->items[i]);
}

/* Both grains: each entry counts for its quarter and for its day. */
static void bind_ints(struct tr_pg_params *params, enum tr_pg_type type,
                      const struct counts *counts, int64_t (*get)(const struct count *, char grain))
{
    tr_pg_array_begin(params, type);
    for (const char *grain = "qd"; *grain != '\0'; grain++)
        for (const struct count *count = counts->all; count != NULL; count = count->next)
            tr_pg_array_int(params, get(count, *grain));
    tr_pg_array_end(params);
}

static void bind_texts(struct tr_pg_params *params, const struct counts *counts,
                       struct tr_slice (*get)(const struct count *))
{
    tr_pg_array_begin(params, TR_PG_TEXT);
    for (int grain = 0; grain < 2; grain++) {
        for (const struct count *count = counts->all; count != NULL; count = count->next) {
            struct tr_slice text = get(count);
            tr_pg_array_bytes(params, text.data, text.size);
        }
    }
    tr_pg_array_end(params);
}

static int64_t get_project(const struct count *count, char grain)
{
    (void)grain;
    return count->key.project_id;
}

static int64_t get_grain(const struct count *count, char grain)
{
    (void)count;
    return grain;
}

static int64_t get_bucket(const struct count *count, char grain)
{
    return grain == 'q' ? count->key.bucket_us : count->key.day_start_us;
}

static int64_t get_n(const struct count *count, char grain)
{
    (void)grain;
    return count->n;
}

static struct tr_slice get_metric(const struct count *count)
{
    return tr_slice_of(count->key.metric);
}

static struct tr_slice get_key(const struct count *count)
{
    return count->key.key;
}

static struct tr_slice get_amount(const struct count *count)
{
    return count->amount.data != NULL ? count->amount : TR_SLICE("0");
}

int tr_counts_store(struct counts *counts, struct landing *landing, struct tr_error *error)
{
    int result = 0;
    if (counts->all != NULL) {
        struct tr_pg_params *params = landing->params;
        tr_pg_params_clear(params);
        bind_ints(params, TR_PG_INT4, counts, get_project);
        bind_texts(params, counts, get_metric);
        bind_ints(params, TR_PG_CHAR, counts, get_grain);
        bind_ints(params, TR_PG_TIMESTAMPTZ, counts, get_bucket);
        bind_texts(params, counts, get_key);
        bind_ints(params, TR_PG_INT8, counts, get_n);
        bind_texts(params, counts, get_amount);
        result =
            tr_pg_query(landing->pg, tr_pg_sql("queries/writer/add_counts"), params, NULL, error);
    }
    return result;
}
