/* SPDX-License-Identifier: MIT */
/*
 * Whose the events of anonymous visitors are. Time of receipt decides, never the client's clock, so
 * that what was counted for a person stays theirs:
 *
 *   - the first user that an identify event joins a visitor to has all of the visitor's past;
 *   - an identify of another user gives that one what is received from then on.
 *
 * Users are never joined to each other. A visitor's spans follow one another without a gap from
 * -infinity to infinity. "From then on" begins behind everything that has landed, so that no event
 * changes hands afterwards (newest_us).
 */
#include "writer_priv.h"

#include <stdlib.h>
#include <string.h>

#include "table.h"

enum { CACHE_SLOTS = 1 << 15, KEY_BYTES = 20 };

/* What is known of a visitor without asking: nobody's, or the first user's for ever. Visitors with
 * several users are not kept. Holds until another server commits. */
enum known_as { UNKNOWN, NOBODYS, JOINED };
struct slot {
    uint8_t key[KEY_BYTES];
    uint8_t known_as;
    uint8_t person[16];
};

struct span {
    int64_t from_us; /* of receipt, included */
    int64_t to_us;   /* not included */
    uint8_t person[16];
    bool changed; /* has to be stored */
    struct span *next;
};

struct visitor {
    struct table_entry entry;
    uint8_t key[KEY_BYTES]; /* the anonymous digest, the project */
    int32_t project_id;
    bool asked; /* spans are as stored */
    struct span *first;
    struct span *last;
};

struct aliases {
    struct slot *cache;
    /* of the landing under way; in its arena */
    struct tr_arena *arena;
    struct table visitors;
    struct join *joins;
    size_t join_count;
    size_t changed; /* spans */
};

struct aliases *tr_aliases_new(void)
{
    struct aliases *aliases = tr_calloc(1, sizeof *aliases);
    aliases->cache = tr_calloc(CACHE_SLOTS, sizeof *aliases->cache);
    return aliases;
}

void tr_aliases_free(struct aliases *aliases)
{
    if (aliases == NULL)
        return;
    free(aliases->cache);
    free(aliases);
}

void tr_aliases_clear(struct aliases *aliases)
{
    memset(aliases->cache, 0, CACHE_SLOTS * sizeof *aliases->cache);
    tr_table_clear(&aliases->visitors);
}

static struct slot *slot_of(const struct aliases *aliases, const uint8_t key[KEY_BYTES])
{
    uint32_t hash;
    memcpy(&hash, key, sizeof hash); /* digests are uniform */
    return &aliases->cache[hash % CACHE_SLOTS];
}

/* Visitors of the batch
 * ------------------------------------------------------------------------------ */

static struct span *add_span(struct aliases *aliases, struct visitor *visitor, int64_t from_us,
                             const uint8_t person[16])
{
    struct span *span = tr_arena_calloc(aliases->arena, sizeof *span);
    span->from_us = from_us;
    span->to_us = INT64_MAX;
    memcpy(span->person, person, sizeof span->person);
    if (visitor->last != NULL)
        visitor->last->next = span;
    else
        visitor->first = span;
    visitor->last = span;
    return span;
}

static void recall(struct aliases *aliases, struct visitor *visitor)
{
    const struct slot *slot = slot_of(aliases, visitor->key);
    if (slot->known_as == UNKNOWN || memcmp(slot->key, visitor->key, KEY_BYTES) != 0)
        return;
    visitor->asked = true;
    if (slot->known_as == JOINED)
        add_span(aliases, visitor, INT64_MIN, slot->person);
}

static struct visitor *visitor_of(struct aliases *aliases, int32_t project_id,
                                  const uint8_t anonymous[16])
{
    uint8_t key[KEY_BYTES];
    memcpy(key, anonymous, 16);
    memcpy(key + 16, &project_id, sizeof project_id);
    struct visitor *visitor = tr_table_find(&aliases->visitors, key, KEY_BYTES);
    if (visitor != NULL)
        return visitor;
    visitor = tr_arena_calloc(aliases->arena, sizeof *visitor);
    memcpy(visitor->key, key, KEY_BYTES);
    visitor->project_id = project_id;
    recall(aliases, visitor);
    tr_table_add(&aliases->visitors, &visitor->entry, visitor->key, KEY_BYTES);
    return visitor;
}

static bool is_identify(const struct item *item)
{
    return item->standard == STANDARD_IDENTIFY && item->record.user.data != NULL &&
           item->record.anonymous.data != NULL;
}

/* The visitor that an item is about: of an anonymous event itself, of an identify the one joined.
 */
static struct visitor *visitor_of_item(struct aliases *aliases, const struct item *item)
{
    const struct tr_record *record = &item->record;
    if (!tr_item_counts(item))
        return NULL;
    if (record->user.data == NULL)
        return visitor_of(aliases, record->project_id, record->person);
    if (!is_identify(item))
        return NULL;
    uint8_t anonymous[16];
    tr_person_digest(record->project_id, 'a', record->anonymous, anonymous);
    return visitor_of(aliases, record->project_id, anonymous);
}

static int load(struct aliases *aliases, struct landing *landing, struct tr_error *error)
{
    struct visitor **list = tr_arena_alloc(
        landing->arena, (tr_table_count(&aliases->visitors) + 1) * sizeof(struct visitor *));
    size_t count = 0;
    struct tr_pg_params *params = landing->params;
    for (struct visitor *at = (struct visitor *)aliases->visitors.first; at != NULL;
         at = at->entry.hh.next)
        if (!at->asked)
            list[count++] = at;
    if (count == 0)
        return 0;
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, list[i]->project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_bytes(params, list[i]->key, 16);
    tr_pg_array_end(params);
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result =
        tr_pg_query(landing->pg, tr_pg_sql("queries/writer/get_aliases"), params, &rows, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++) {
        struct visitor *visitor = list[tr_pg_get_int(rows, row, 0) - 1];
        struct span *span = add_span(aliases, visitor, tr_pg_get_timestamptz(rows, row, 1),
                                     (const uint8_t *)tr_pg_get_bytes(rows, row, 3).data);
        span->to_us = tr_pg_get_timestamptz(rows, row, 2);
    }
    for (size_t i = 0; i < count; i++)
        list[i]->asked = result == 0;
    return result;
}

/* Joining
 * -------------------------------------------------------------------------------------------- */

static void change(struct aliases *aliases, struct span *span)
{
    aliases->changed += !span->changed;
    span->changed = true;
}

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void identify(struct aliases *aliases, struct visitor *visitor, const struct item *item,
                     int64_t newest_us)
{
    const uint8_t *user = item->person;
    struct span *last = visitor->last;
    if (last == NULL) {
        change(aliases, add_span(aliases, visitor, INT64_MIN, user));
        struct join *join = &aliases->joins[aliases->join_count++];
        join->project_id = visitor->project_id;
        memcpy(join->from, visitor->key, sizeof join->from);
        memcpy(join->to, user, sizeof join->to);
        return;
    }
    if (memcmp(last->person, user, sizeof last->person) == 0)
        return;
    int64_t from_us = later_of(item->record.received_us, newest_us + 1);
    from_us = later_of(from_us, last->from_us + 1);
    last->to_us = from_us;
    change(aliases, last);
    change(aliases, add_span(aliases, visitor, from_us, user));
}

static const struct span *span_at(const struct visitor *visitor, int64_t received_us)
{
    const struct span *span = visitor->first;
    while (span != NULL && span->to_us <= received_us)
        span = span->next;
    return span;
}

int tr_aliases_resolve(struct aliases *aliases, struct landing *landing, int64_t newest_us,
                       struct tr_error *error)
{
    struct visitor **visitors =
        tr_arena_alloc(landing->arena, (landing->count + 1) * sizeof(struct visitor *));
    tr_table_clear(&aliases->visitors);
    aliases->arena = landing->arena;
    aliases->visitors.arena = landing->arena;
    aliases->joins = tr_arena_alloc(landing->arena, (landing->count + 1) * sizeof *aliases->joins);
    aliases->join_count = 0;
    aliases->changed = 0;
    for (size_t i = 0; i < landing->count; i++) {
        struct item *item = &landing->items[i];
        memcpy(item->person, item->record.person, sizeof item->person);
        visitors[i] = visitor_of_item(aliases, item);
    }
    int result = load(aliases, landing, error);
    if (result < 0)
        return result;
    for (size_t i = 0; i < landing->count; i++)
        if (visitors[i] != NULL && is_identify(&landing->items[i]))
            identify(aliases, visitors[i], &landing->items[i], newest_us);
    for (size_t i = 0; i < landing->count; i++) {
        struct item *item = &landing->items[i];
        if (visitors[i] == NULL || item->record.user.data != NULL)
            continue;
        const struct span *span = span_at(visitors[i], item->record.received_us);
        if (span != NULL)
            memcpy(item->person, span->person, sizeof item->person);
    }
    landing->joins = aliases->joins;
    landing->join_count = aliases->join_count;
    return 0;
}

/* Storing
 * -------------------------------------------------------------------------------------------- */

/* Calls add for every changed span. */
static void bind_spans(struct aliases *aliases, struct tr_pg_params *params, enum tr_pg_type type,
                       void (*add)(struct tr_pg_params *params, const struct visitor *visitor,
                                   const struct span *span))
{
    tr_pg_array_begin(params, type);
    for (const struct visitor *visitor = (const struct visitor *)aliases->visitors.first;
         visitor != NULL; visitor = visitor->entry.hh.next)
        for (const struct span *span = visitor->first; span != NULL; span = span->next)
            if (span->changed)
                add(params, visitor, span);
    tr_pg_array_end(params);
}

static void add_project(struct tr_pg_params *params, const struct visitor *visitor,
                        const struct span *span)
{
    (void)span;
    tr_pg_array_int(params, visitor->project_id);
}

static void add_anonymous(struct tr_pg_params *params, const struct visitor *visitor,
                          const struct span *span)
{
    (void)span;
    tr_pg_array_bytes(params, visitor->key, 16);
}

static void add_from(struct tr_pg_params *params, const struct visitor *visitor,
                     const struct span *span)
{
    (void)visitor;
    tr_pg_array_int(params, span->from_us);
}

static void add_to(struct tr_pg_params *params, const struct visitor *visitor,
                   const struct span *span)
{
    (void)visitor;
    tr_pg_array_int(params, span->to_us);
}

static void add_person(struct tr_pg_params *params, const struct visitor *visitor,
                       const struct span *span)
{
    (void)visitor;
    tr_pg_array_bytes(params, span->person, sizeof span->person);
}

int tr_aliases_store(struct aliases *aliases, struct landing *landing, struct tr_error *error)
{
    struct tr_pg_params *params = landing->params;
    if (aliases->changed == 0)
        return 0;
    tr_pg_params_clear(params);
    bind_spans(aliases, params, TR_PG_INT4, add_project);
    bind_spans(aliases, params, TR_PG_UUID, add_anonymous);
    bind_spans(aliases, params, TR_PG_TIMESTAMPTZ, add_from);
    bind_spans(aliases, params, TR_PG_TIMESTAMPTZ, add_to);
    bind_spans(aliases, params, TR_PG_UUID, add_person);
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/put_aliases"), params, NULL, error);
}

void tr_aliases_committed(struct aliases *aliases)
{
    for (const struct visitor *visitor = (const struct visitor *)aliases->visitors.first;
         visitor != NULL; visitor = visitor->entry.hh.next) {
        struct slot *slot = slot_of(aliases, visitor->key);
        memcpy(slot->key, visitor->key, KEY_BYTES);
        slot->known_as = NOBODYS;
        if (visitor->first != NULL) {
            slot->known_as = visitor->first == visitor->last ? JOINED : UNKNOWN;
            memcpy(slot->person, visitor->first->person, sizeof slot->person);
        }
    }
    tr_table_clear(&aliases->visitors);
}

void tr_aliases_rolled_back(struct aliases *aliases)
{
    tr_table_clear(&aliases->visitors);
}
