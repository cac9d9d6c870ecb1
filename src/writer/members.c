/* SPDX-License-Identifier: MIT */
/*
 * Who was active on which day, and the matrix that answers distinct counts over any range of days.
 * A member's new day d between its days p (before) and n (after) moves: cell (d, p) up by one, and,
 * if there is n, cell (n, p) down and (n, d) up. Several new days of one member in a batch are
 * taken in their order, each seeing the ones before it.
 */
#include "writer_priv.h"

#include <stdlib.h>
#include <string.h>

#include "table.h"

/* -infinity: the member was never active before. */
#define NEVER INT32_MIN

enum { KNOWN_SLOTS = 1 << 18, BATCH_SLOTS = 1 << 15, SETS_MAX = 20000, SET_KEY_MAX_BYTES = 300 };

/* The number of a set, remembered. Forgotten with a rollback, which may have undone its making. */
struct set {
    struct table_entry entry;
    int id;
    size_t size;
    char packed[];
};

struct candidate {
    uint8_t key[KNOWN_KEY_BYTES]; /* member, set, day: also the key of what is known */
    int set_id;
    int32_t day;
    int32_t previous;
    int32_t next;
    int32_t first; /* of sets with cohorts: the member's first day; NEVER: none yet */
    bool known;
    const struct wanted *wanted;
};

/* A set that items of this batch belong to. */
struct wanted {
    struct table_entry entry;
    int32_t project_id;
    const char *subject;
    struct tr_slice key;
    bool cohort; /* also kept by first days */
    int id;
    size_t size;
    char packed[];
};

struct members {
    struct known *known;
    struct known *in_batch; /* on the list already, as far as remembered */
    struct table sets;      /* of struct set, on the heap */
    /* of the landing under way */
    struct table wanted; /* of struct wanted, in the landing's arena */
    struct candidate *list;
    size_t count;
    size_t capacity;
    bool stored;
};

struct members *tr_members_new(void)
{
    struct members *members = tr_calloc(1, sizeof *members);
    members->known = tr_known_new(KNOWN_SLOTS);
    members->in_batch = tr_known_new(BATCH_SLOTS);
    return members;
}

static void forget_sets(struct members *members)
{
    struct table_entry *entry = members->sets.first;
    tr_table_clear(&members->sets);
    while (entry != NULL) {
        struct table_entry *next = entry->hh.next;
        free(entry);
        entry = next;
    }
}

/* What was gathered is done with, one way or the other. */
static void abandon(struct members *members)
{
    tr_table_clear(&members->wanted);
    members->count = 0;
    members->stored = false;
}

void tr_members_clear(struct members *members)
{
    tr_known_clear(members->known);
    forget_sets(members);
    abandon(members);
}

void tr_members_free(struct members *members)
{
    if (members == NULL)
        return;
    abandon(members);
    forget_sets(members);
    tr_known_free(members->known);
    tr_known_free(members->in_batch);
    free(members->list);
    free(members);
}

void tr_members_committed(struct members *members)
{
    for (size_t i = 0; members->stored && i < members->count; i++)
        tr_known_set(members->known, members->list[i].key, 1);
    abandon(members);
}

void tr_members_rolled_back(struct members *members)
{
    abandon(members);
    forget_sets(members);
}

/* Gathering: which members had which days
 * ------------------------------------------------------------- */

static size_t pack_set(int32_t project_id, const char *subject, struct tr_slice key,
                       char out[SET_KEY_MAX_BYTES])
{
    size_t subject_size = strlen(subject);
    size_t key_size = key.size < 200 ? key.size : 200;
    memcpy(out, &project_id, 4);
    memcpy(out + 4, subject, subject_size + 1);
    memcpy(out + 5 + subject_size, key.data, key_size);
    return 5 + subject_size + key_size;
}

static struct wanted *want_set(struct members *members, struct tr_arena *arena, int32_t project_id,
                               const char *subject, struct tr_slice key)
{
    char packed[SET_KEY_MAX_BYTES];
    size_t size = pack_set(project_id, subject, key, packed);
    struct wanted *wanted = tr_table_find(&members->wanted, packed, size);
    if (wanted != NULL)
        return wanted;
    wanted = tr_arena_calloc(arena, sizeof *wanted + size);
    wanted->project_id = project_id;
    wanted->subject = subject;
    wanted->key = key;
    wanted->cohort = strcmp(subject, "active") == 0;
    wanted->size = size;
    memcpy(wanted->packed, packed, size);
    const struct set *set = tr_table_find(&members->sets, packed, size);
    wanted->id = set != NULL ? set->id : 0;
    tr_table_add(&members->wanted, &wanted->entry, wanted->packed, size);
    return wanted;
}

static void make_key(struct candidate *candidate)
{
    memcpy(candidate->key + 16, &candidate->set_id, 4);
    memcpy(candidate->key + 20, &candidate->day, 4);
}

static void gather(struct members *members, struct tr_arena *arena, const struct item *item,
                   const char *subject, struct tr_slice key, const uint8_t member[16])
{
    struct wanted *wanted = want_set(members, arena, item->record.project_id, subject, key);
    struct candidate candidate = {.set_id = wanted->id,
                                  .day = item->day,
                                  .wanted = wanted,
                                  .previous = NEVER,
                                  .next = NEVER,
                                  .first = NEVER};
    memcpy(candidate.key, member, 16);
    make_key(&candidate);
    if (wanted->id != 0) {
        if (tr_known_get(members->known, candidate.key, 0) != 0 ||
            tr_known_get(members->in_batch, candidate.key, 0) != 0)
            return;
        tr_known_set(members->in_batch, candidate.key, 1);
    }
    if (members->count == members->capacity) {
        members->capacity = members->capacity ? members->capacity * 2 : 1024;
        members->list = tr_realloc(members->list, members->capacity * sizeof *members->list);
    }
    members->list[members->count++] = candidate;
}

static void gather_item(struct members *members, struct tr_arena *arena, const struct item *item)
{
    const struct tr_record *record = &item->record;
    if (record->kind == TR_EVENT_ENGAGEMENT)
        gather(members, arena, item, "active", TR_SLICE(""), item->person);
    if (record->feature.data != NULL && item->standard == STANDARD_FEATURE_USED)
        gather(members, arena, item, "feature", record->feature, item->person);
    if (item->standard == STANDARD_CONVERSION) {
        gather(members, arena, item, "goal", TR_SLICE(""), item->person);
        if (record->goal.size > 0)
            gather(members, arena, item, "goal", record->goal, item->person);
    }
}

/* Numbers of the sets
 * -------------------------------------------------------------------------------- */

static void remember_set(struct members *members, const struct wanted *wanted)
{
    if (tr_table_count(&members->sets) >= SETS_MAX)
        forget_sets(members);
    struct set *set = tr_calloc(1, sizeof *set + wanted->size);
    set->id = wanted->id;
    set->size = wanted->size;
    memcpy(set->packed, wanted->packed, wanted->size);
    tr_table_add(&members->sets, &set->entry, set->packed, set->size);
}

static size_t list_unknown(const struct members *members, struct wanted **unknown)
{
    size_t count = 0;
    for (struct wanted *wanted = (struct wanted *)members->wanted.first; wanted != NULL;
         wanted = wanted->entry.hh.next)
        if (wanted->id == 0)
            unknown[count++] = wanted;
    return count;
}

static void bind_sets(struct tr_pg_params *params, struct wanted *const *unknown, size_t count)
{
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, unknown[i]->project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_TEXT);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_bytes(params, unknown[i]->subject, strlen(unknown[i]->subject));
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_TEXT);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_bytes(params, unknown[i]->key.data, unknown[i]->key.size);
    tr_pg_array_end(params);
}

static int find_sets(struct members *members, struct landing *landing, struct tr_error *error)
{
    struct wanted **unknown = tr_arena_alloc(
        landing->arena, (tr_table_count(&members->wanted) + 1) * sizeof(struct wanted *));
    size_t count = list_unknown(members, unknown);
    if (count == 0)
        return 0;
    bind_sets(landing->params, unknown, count);
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    int code = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/find_sets"), landing->params,
                           &result, error);
    if (code < 0)
        return code;
    for (int row = 0; row < tr_pg_rows(result); row++) {
        struct wanted *wanted = unknown[tr_pg_get_int(result, row, 0) - 1];
        wanted->id = (int)tr_pg_get_int(result, row, 1);
        remember_set(members, wanted);
    }
    for (size_t i = 0; i < members->count; i++) {
        members->list[i].set_id = members->list[i].wanted->id;
        make_key(&members->list[i]);
    }
    return 0;
}

/* Days and cells
 * --------------------------------------------------------------------------------------- */

/* By set, member, day. */
static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *one = a;
    const struct candidate *two = b;
    if (one->set_id != two->set_id)
        return one->set_id < two->set_id ? -1 : 1;
    int order = memcmp(one->key, two->key, 16);
    if (order != 0)
        return order;
    return one->day < two->day ? -1 : one->day > two->day;
}

static void sort_and_thin(struct members *members)
{
    qsort(members->list, members->count, sizeof *members->list, compare_candidates);
    size_t kept = 0;
    for (size_t i = 0; i < members->count; i++)
        if (kept == 0 || compare_candidates(&members->list[i], &members->list[kept - 1]) != 0)
            members->list[kept++] = members->list[i];
    members->count = kept;
}

static void bind_candidates(struct tr_pg_params *params, const struct candidate *list, size_t count)
{
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < count; i++)
        if (!list[i].known)
            tr_pg_array_int(params, list[i].set_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < count; i++)
        if (!list[i].known)
            tr_pg_array_bytes(params, list[i].key, 16);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_DATE);
    for (size_t i = 0; i < count; i++)
        if (!list[i].known)
            tr_pg_array_int(params, list[i].day);
    tr_pg_array_end(params);
}

static int find_neighbours(const struct members *members, struct landing *landing,
                           struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    bind_candidates(landing->params, members->list, members->count);
    tr_pg_array_begin(landing->params, TR_PG_BOOL);
    for (size_t i = 0; i < members->count; i++)
        tr_pg_array_int(landing->params, members->list[i].wanted->cohort);
    tr_pg_array_end(landing->params);
    int code = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/neighbour_days"), landing->params,
                           &result, error);
    if (code < 0)
        return code;
    for (int row = 0; row < tr_pg_rows(result); row++) {
        struct candidate *candidate = &members->list[tr_pg_get_int(result, row, 0) - 1];
        if (!tr_pg_is_null(result, row, 1))
            candidate->previous = tr_pg_get_date(result, row, 1);
        if (!tr_pg_is_null(result, row, 2))
            candidate->next = tr_pg_get_date(result, row, 2);
        if (!tr_pg_is_null(result, row, 3))
            candidate->first = tr_pg_get_date(result, row, 3);
        candidate->known = candidate->previous == candidate->day;
    }
    return 0;
}

static bool same_member(const struct candidate *a, const struct candidate *b)
{
    return a->set_id == b->set_id && memcmp(a->key, b->key, 16) == 0;
}

/* A new day of the same member earlier in this batch may lie nearer than what the table has. */
static void follow_own_days(struct members *members)
{
    for (size_t i = 1; i < members->count; i++) {
        struct candidate *before = &members->list[i - 1];
        struct candidate *candidate = &members->list[i];
        if (!candidate->known && same_member(before, candidate) &&
            before->day > candidate->previous)
            candidate->previous = before->day;
    }
}

/* Cohorts
 * -------------------------------------------------------------------------------------------- */

/* The new day, of all of this member's, that comes first: the list is in order of days. */
static const struct candidate *first_new(const struct members *members, size_t i)
{
    while (i > 0 && same_member(&members->list[i - 1], &members->list[i]))
        i--;
    while (members->list[i].known)
        i++;
    return &members->list[i];
}

/* A member's first day is the first of this batch, if that is earlier than what is stored. Members
 * who had a later one move to the cohort of the earlier, with all that is stored of them. */
static int find_first_days(struct members *members, struct landing *landing, struct tr_error *error)
{
    size_t count = 0;
    const struct candidate **moved =
        tr_arena_alloc(landing->arena, (members->count + 1) * sizeof(struct candidate *));
    int32_t *stored = tr_arena_alloc(landing->arena, (members->count + 1) * sizeof *stored);
    for (size_t i = 0; i < members->count; i++)
        stored[i] = members->list[i].first;
    for (size_t i = 0; i < members->count; i++) {
        struct candidate *at = &members->list[i];
        if (!at->wanted->cohort || at->known)
            continue;
        const struct candidate *first = first_new(members, i);
        if (stored[i] != NEVER && stored[i] <= first->day)
            continue;
        at->first = first->day;
        if (at == first && stored[i] != NEVER)
            moved[count++] = at;
    }
    if (count == 0)
        return 0;
    struct tr_pg_params *params = landing->params;
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, moved[i]->set_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_bytes(params, moved[i]->key, 16);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_DATE);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, moved[i]->day);
    tr_pg_array_end(params);
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/move_cohorts"), params, NULL, error);
}

/* Cells of the matrices
 * --------------------------------------------------------------------------------- */

struct cell {
    int set_id;
    int32_t first; /* of cohorts; else 0 */
    int32_t day;
    int32_t previous;
    int64_t change;
};

/* What the new days change, of all sets or, parted by first days, of those with cohorts. */
static size_t list_cells(const struct members *members, bool cohorts, struct cell *cells)
{
    size_t count = 0;
    for (size_t i = 0; i < members->count; i++) {
        const struct candidate *at = &members->list[i];
        if (at->known || (cohorts && !at->wanted->cohort))
            continue;
        int32_t first = cohorts ? at->first : 0;
        cells[count++] = (struct cell){at->set_id, first, at->day, at->previous, 1};
        if (at->next == NEVER)
            continue;
        cells[count++] = (struct cell){at->set_id, first, at->next, at->previous, -1};
        cells[count++] = (struct cell){at->set_id, first, at->next, at->day, 1};
    }
    return count;
}

static int compare_cells(const void *a, const void *b)
{
    const struct cell *one = a;
    const struct cell *two = b;
    if (one->set_id != two->set_id)
        return one->set_id < two->set_id ? -1 : 1;
    if (one->first != two->first)
        return one->first < two->first ? -1 : 1;
    if (one->day != two->day)
        return one->day < two->day ? -1 : 1;
    return one->previous < two->previous ? -1 : one->previous > two->previous;
}

static size_t merge_cells(struct cell *cells, size_t count)
{
    qsort(cells, count, sizeof *cells, compare_cells);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_cells(&cells[kept - 1], &cells[i]) == 0)
            cells[kept - 1].change += cells[i].change;
        else
            cells[kept++] = cells[i];
    }
    return kept;
}

static void bind_dates(struct tr_pg_params *params, const struct cell *cells, size_t count,
                       int32_t (*get)(const struct cell *))
{
    tr_pg_array_begin(params, TR_PG_DATE);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, get(&cells[i]));
    tr_pg_array_end(params);
}

static int32_t get_first(const struct cell *cell)
{
    return cell->first;
}

static int32_t get_day(const struct cell *cell)
{
    return cell->day;
}

static int32_t get_previous(const struct cell *cell)
{
    return cell->previous;
}

static int store_cells(const struct members *members, bool cohorts, struct landing *landing,
                       struct tr_error *error)
{
    struct cell *cells = tr_arena_alloc(landing->arena, (3 * members->count + 1) * sizeof *cells);
    size_t count = merge_cells(cells, list_cells(members, cohorts, cells));
    if (count == 0)
        return 0;
    struct tr_pg_params *params = landing->params;
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, cells[i].set_id);
    tr_pg_array_end(params);
    if (cohorts)
        bind_dates(params, cells, count, get_first);
    bind_dates(params, cells, count, get_day);
    bind_dates(params, cells, count, get_previous);
    tr_pg_array_begin(params, TR_PG_INT8);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, cells[i].change);
    tr_pg_array_end(params);
    const char *sql =
        cohorts ? tr_pg_sql("queries/writer/add_cohorts") : tr_pg_sql("queries/writer/add_matrix");
    return tr_pg_query(landing->pg, sql, params, NULL, error);
}

/* Everything that was a visitor's is the user's. */
static int join(struct landing *landing, struct tr_error *error)
{
    if (landing->join_count == 0)
        return 0;
    tr_pg_params_clear(landing->params);
    tr_bind_joins(landing->params, landing->joins, landing->join_count);
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/join_members"), landing->params, NULL,
                       error);
}

void tr_members_gather(struct members *members, const struct landing *landing)
{
    abandon(members);
    members->wanted.arena = landing->arena;
    tr_known_clear(members->in_batch);
    for (size_t i = 0; i < landing->count; i++)
        if (tr_item_counts(&landing->items[i]))
            gather_item(members, landing->arena, &landing->items[i]);
}

static int store_days(struct members *members, struct landing *landing, struct tr_error *error)
{
    sort_and_thin(members);
    int result = find_neighbours(members, landing, error);
    if (result < 0)
        return result;
    follow_own_days(members);
    result = find_first_days(members, landing, error);
    if (result == 0) {
        bind_candidates(landing->params, members->list, members->count);
        result = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/add_members"), landing->params,
                             NULL, error);
    }
    if (result == 0)
        result = store_cells(members, false, landing, error);
    if (result == 0)
        result = store_cells(members, true, landing, error);
    return result;
}

int tr_members_store(struct members *members, struct landing *landing, struct tr_error *error)
{
    int result = join(landing, error);
    if (result == 0)
        result = find_sets(members, landing, error);
    if (result == 0 && members->count > 0)
        result = store_days(members, landing, error);
    members->stored = result == 0;
    return result;
}
