/* SPDX-License-Identifier: MIT */
/*
 * Sessions of events that bring no session id: a person's events with at most half an hour between
 * one and the next. Midnight ends none.
 *
 * Stored are their ends, a row a visit; visits of one person never overlap and lie more than the
 * gap apart. What a batch brings (its events, as stretches without a gap, and the visits of
 * visitors who became users) is laid over the visits nearby, and what now touches becomes one visit
 * with the session of the earliest. So late events, in any order, end in the same visits.
 *
 * Of the kinds, engagement makes sessions, and what browsers measure; what servers send of a person
 * (requests, business, feedback) does not.
 */
#include "writer_priv.h"

#include "traction/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define GAP_US (INT64_C(1800) * 1000000)

/* A stored visit or a stretch of events: laid out in order of time, then merged. */
struct stretch {
    int32_t project_id;
    uint8_t person[16];
    int64_t first_us;
    int64_t last_us;
    bool stored;
    bool moved;           /* stored under another person, the visitor */
    uint8_t owner[16];    /* under whom it is stored */
    int64_t stored_first; /* under which key */
    uint8_t session[16];  /* of stored ones */
    struct item **items;  /* of the batch: the events, count of them */
    size_t count;
};

struct visits {
    struct tr_arena *arena;
    struct stretch *list;
    size_t count;
    size_t capacity;
    /* outcome: rows to delete, rows to write (in place of deleted ones), sessions that became one
     */
    struct stretch *gone;
    size_t gone_count;
    struct stretch *made;
    size_t made_count;
    struct join *joins;
    size_t join_count;
};

void tr_bind_joins(struct tr_pg_params *params, const struct join *joins, size_t count)
{
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, joins[i].project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_bytes(params, joins[i].from, 16);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_bytes(params, joins[i].to, 16);
    tr_pg_array_end(params);
}

/* The batch's own stretches
 * --------------------------------------------------------------------------- */

static bool makes_visits(const struct item *item)
{
    return tr_item_counts(item) && item->record.session.data == NULL &&
           (item->record.kind == TR_EVENT_ENGAGEMENT || item->standard == STANDARD_ERROR ||
            item->standard == STANDARD_PAGE_LOAD || item->standard == STANDARD_WEB_VITAL);
}

static int compare_who(int32_t project_a, const uint8_t a[16], int32_t project_b,
                       const uint8_t b[16])
{
    if (project_a != project_b)
        return project_a < project_b ? -1 : 1;
    return memcmp(a, b, 16);
}

static int compare_items(const void *a, const void *b)
{
    const struct item *one = *(struct item *const *)a;
    const struct item *two = *(struct item *const *)b;
    int order =
        compare_who(one->record.project_id, one->person, two->record.project_id, two->person);
    if (order != 0)
        return order;
    int64_t before = one->record.timestamp_us;
    int64_t after = two->record.timestamp_us;
    return before < after ? -1 : before > after;
}

static struct stretch *add_stretch(struct visits *visits)
{
    if (visits->list == NULL || visits->count == visits->capacity) {
        size_t capacity = visits->capacity ? visits->capacity * 2 : 64;
        struct stretch *list = tr_arena_alloc(visits->arena, capacity * sizeof *list);
        if (visits->list != NULL)
            memcpy(list, visits->list, visits->count * sizeof *list);
        visits->list = list;
        visits->capacity = capacity;
    }
    struct stretch *stretch = &visits->list[visits->count++];
    *stretch = (struct stretch){0};
    return stretch;
}

static bool continues(const struct stretch *stretch, const struct item *item)
{
    return compare_who(stretch->project_id, stretch->person, item->record.project_id,
                       item->person) == 0 &&
           item->record.timestamp_us - stretch->last_us <= GAP_US;
}

static void gather(struct visits *visits, const struct landing *landing)
{
    struct item **items =
        tr_arena_alloc(visits->arena, (landing->count + 1) * sizeof(struct item *));
    size_t count = 0;
    for (size_t i = 0; i < landing->count; i++)
        if (makes_visits(&landing->items[i]))
            items[count++] = &landing->items[i];
    qsort(items, count, sizeof(struct item *), compare_items);
    for (size_t i = 0; i < count; i++) {
        const struct item *item = items[i];
        struct stretch *last = visits->count > 0 ? &visits->list[visits->count - 1] : NULL;
        if (last == NULL || last->stored || !continues(last, item)) {
            last = add_stretch(visits);
            last->project_id = item->record.project_id;
            memcpy(last->person, item->person, sizeof last->person);
            last->first_us = item->record.timestamp_us;
            last->items = &items[i];
        }
        last->last_us = item->record.timestamp_us;
        last->count++;
    }
}

/* What is stored nearby
 * -------------------------------------------------------------------------------- */

static void bind_who(struct tr_pg_params *params, const struct stretch *list, size_t count)
{
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, list[i].project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_bytes(params, list[i].person, 16);
    tr_pg_array_end(params);
}

static void read_row(struct visits *visits, const struct tr_pg_result *rows, int row)
{
    struct stretch *stretch = add_stretch(visits);
    stretch->project_id = (int32_t)tr_pg_get_int(rows, row, 0);
    memcpy(stretch->owner, tr_pg_get_bytes(rows, row, 1).data, 16);
    memcpy(stretch->person, stretch->owner, 16);
    stretch->first_us = tr_pg_get_timestamptz(rows, row, 2);
    stretch->stored_first = stretch->first_us;
    stretch->last_us = tr_pg_get_timestamptz(rows, row, 3);
    memcpy(stretch->session, tr_pg_get_bytes(rows, row, 4).data, 16);
    stretch->stored = true;
}

/* The visits that touch, or come within the gap of, a stretch in the list. */
static int load_near(struct visits *visits, struct landing *landing, struct tr_error *error)
{
    size_t count = visits->count;
    struct tr_pg_params *params = landing->params;
    if (count == 0)
        return 0;
    tr_pg_params_clear(params);
    bind_who(params, visits->list, count);
    tr_pg_array_begin(params, TR_PG_TIMESTAMPTZ);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, visits->list[i].first_us - GAP_US);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_TIMESTAMPTZ);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, visits->list[i].last_us + GAP_US);
    tr_pg_array_end(params);
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result =
        tr_pg_query(landing->pg, tr_pg_sql("queries/writer/get_visits"), params, &rows, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++)
        read_row(visits, rows, row);
    return result;
}

static const struct join *find_join(const struct landing *landing, const struct stretch *stretch)
{
    for (size_t i = 0; i < landing->join_count; i++)
        if (compare_who(landing->joins[i].project_id, landing->joins[i].from, stretch->project_id,
                        stretch->owner) == 0)
            return &landing->joins[i];
    return NULL;
}

/* All visits of those who became users, as the users' own. */
static int load_joined(struct visits *visits, struct landing *landing, struct tr_error *error)
{
    if (landing->join_count == 0)
        return 0;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    tr_pg_params_clear(landing->params);
    tr_bind_joins(landing->params, landing->joins, landing->join_count);
    int result = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/get_joined_visits"),
                             landing->params, &rows, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++) {
        read_row(visits, rows, row);
        struct stretch *stretch = &visits->list[visits->count - 1];
        const struct join *join = find_join(landing, stretch);
        if (join != NULL)
            memcpy(stretch->person, join->to, 16);
        stretch->moved = true;
    }
    return result;
}

/* Merging
 * -------------------------------------------------------------------------------------------- */

static int compare_stretches(const void *a, const void *b)
{
    const struct stretch *one = a;
    const struct stretch *two = b;
    int order = compare_who(one->project_id, one->person, two->project_id, two->person);
    if (order != 0)
        return order;
    if (one->first_us != two->first_us)
        return one->first_us < two->first_us ? -1 : 1;
    order = (int)two->stored - (int)one->stored;
    return order != 0 ? order : memcmp(one->session, two->session, 16);
}

/* A visit that is near several stretches was read several times. */
static void sort_and_thin(struct visits *visits)
{
    if (visits->count < 2)
        return;
    qsort(visits->list, visits->count, sizeof *visits->list, compare_stretches);
    size_t kept = 1;
    for (size_t i = 1; i < visits->count; i++) {
        const struct stretch *last = &visits->list[kept - 1];
        if (!visits->list[i].stored || compare_stretches(last, &visits->list[i]) != 0)
            visits->list[kept++] = visits->list[i];
    }
    visits->count = kept;
}

static void set_session(const struct stretch *stretch, const uint8_t session[16])
{
    for (size_t i = 0; i < stretch->count; i++) {
        stretch->items[i]->has_session = true;
        memcpy(stretch->items[i]->session, session, 16);
    }
}

static void note_join(struct visits *visits, const struct stretch *from, const uint8_t to[16])
{
    if (memcmp(from->session, to, 16) == 0)
        return;
    struct join *join = &visits->joins[visits->join_count++];
    join->project_id = from->project_id;
    memcpy(join->from, from->session, 16);
    memcpy(join->to, to, 16);
}

/* Stretches that touch become one visit, that of the earliest stored one. Its row stays if it still
 * begins at the same time; the rows of the others go. */
static void make_one(struct visits *visits, const struct stretch *list, size_t count,
                     int64_t last_us)
{
    struct stretch *made = &visits->made[visits->made_count];
    const struct stretch *first = NULL;
    for (size_t i = 0; i < count && first == NULL; i++)
        if (list[i].stored)
            first = &list[i];
    *made = list[0];
    made->last_us = last_us;
    if (first != NULL)
        memcpy(made->session, first->session, sizeof made->session);
    else
        tr_random(made->session, sizeof made->session);
    bool stays = first != NULL && !first->moved && first->stored_first == made->first_us;
    if (!stays || first->last_us != last_us)
        visits->made_count++;
    for (size_t i = 0; i < count; i++) {
        set_session(&list[i], made->session);
        if (list[i].stored)
            note_join(visits, &list[i], made->session);
        if (list[i].stored && !(stays && &list[i] == first))
            visits->gone[visits->gone_count++] = list[i];
    }
}

/* How many stretches, from the first of the list on, touch; *last_us_out is where they end. */
static size_t touching(const struct stretch *list, size_t count, int64_t *last_us_out)
{
    size_t n = 1;
    int64_t last_us = list->last_us;
    while (n < count &&
           compare_who(list[n].project_id, list[n].person, list->project_id, list->person) == 0 &&
           list[n].first_us - last_us <= GAP_US) {
        if (list[n].last_us > last_us)
            last_us = list[n].last_us;
        n++;
    }
    *last_us_out = last_us;
    return n;
}

static void merge(struct visits *visits)
{
    size_t most = visits->count + 1;
    visits->gone = tr_arena_alloc(visits->arena, most * sizeof *visits->gone);
    visits->made = tr_arena_alloc(visits->arena, most * sizeof *visits->made);
    visits->joins = tr_arena_alloc(visits->arena, most * sizeof *visits->joins);
    sort_and_thin(visits);
    for (size_t i = 0; i < visits->count;) {
        int64_t last_us = 0;
        size_t count = touching(&visits->list[i], visits->count - i, &last_us);
        make_one(visits, &visits->list[i], count, last_us);
        i += count;
    }
}

int tr_visits_resolve(struct visits **visits_out, struct landing *landing, struct tr_error *error)
{
    struct visits *visits = tr_arena_calloc(landing->arena, sizeof *visits);
    visits->arena = landing->arena;
    for (size_t i = 0; i < landing->count; i++)
        landing->items[i].has_session = landing->items[i].record.session.data != NULL;
    int result = load_joined(visits, landing, error);
    if (result == 0) {
        gather(visits, landing);
        result = load_near(visits, landing, error);
    }
    if (result < 0)
        return result;
    merge(visits);
    *visits_out = visits;
    return 0;
}

/* Storing
 * -------------------------------------------------------------------------------------------- */

static void bind_times(struct tr_pg_params *params, const struct stretch *list, size_t count,
                       int64_t (*get)(const struct stretch *))
{
    tr_pg_array_begin(params, TR_PG_TIMESTAMPTZ);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, get(&list[i]));
    tr_pg_array_end(params);
}

static int64_t get_first(const struct stretch *stretch)
{
    return stretch->first_us;
}

static int64_t get_last(const struct stretch *stretch)
{
    return stretch->last_us;
}

static int64_t get_stored_first(const struct stretch *stretch)
{
    return stretch->stored_first;
}

static int drop_gone(const struct visits *visits, struct landing *landing, struct tr_error *error)
{
    struct tr_pg_params *params = landing->params;
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < visits->gone_count; i++)
        tr_pg_array_int(params, visits->gone[i].project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < visits->gone_count; i++)
        tr_pg_array_bytes(params, visits->gone[i].owner, 16);
    tr_pg_array_end(params);
    bind_times(params, visits->gone, visits->gone_count, get_stored_first);
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/drop_visits"), params, NULL, error);
}

int tr_visits_store(const struct visits *visits, struct landing *landing, struct tr_error *error)
{
    int result = 0;
    if (visits->gone_count > 0)
        result = drop_gone(visits, landing, error);
    if (result < 0 || visits->made_count == 0)
        return result;
    struct tr_pg_params *params = landing->params;
    tr_pg_params_clear(params);
    bind_who(params, visits->made, visits->made_count);
    bind_times(params, visits->made, visits->made_count, get_first);
    bind_times(params, visits->made, visits->made_count, get_last);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < visits->made_count; i++)
        tr_pg_array_bytes(params, visits->made[i].session, 16);
    tr_pg_array_end(params);
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/put_visits"), params, NULL, error);
}

const struct join *tr_visits_joins(const struct visits *visits, size_t *count_out)
{
    *count_out = visits->join_count;
    return visits->joins;
}
