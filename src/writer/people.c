/* SPDX-License-Identifier: MIT */
/*
 * When people were first seen, and how many in each quarter of an hour. An event that is older than
 * what was known moves its person: one down where they were counted, one up where they belong.
 */
#include "writer_priv.h"

#include <stdlib.h>
#include <string.h>

enum { KNOWN_SLOTS = 1 << 17, BATCH_SLOTS = 1 << 14 };

struct sighting {
    uint8_t key[KNOWN_KEY_BYTES]; /* person, project */
    int32_t project_id;
    int64_t us; /* the earliest in this batch */
    bool seen_before;
    int64_t first_seen_us; /* as stored until now */
};

struct people {
    struct known *known; /* person → first seen, or an earlier bound of nothing: never too early */
    struct known *in_batch; /* person → the earliest on the list, as far as remembered */
    struct sighting *list;  /* of the landing under way; in its arena */
    size_t count;
    bool stored;
};

struct people *tr_people_new(void)
{
    struct people *people = tr_calloc(1, sizeof *people);
    people->known = tr_known_new(KNOWN_SLOTS);
    people->in_batch = tr_known_new(BATCH_SLOTS);
    return people;
}

void tr_people_free(struct people *people)
{
    if (people == NULL)
        return;
    tr_known_free(people->known);
    tr_known_free(people->in_batch);
    free(people);
}

void tr_people_clear(struct people *people)
{
    tr_known_clear(people->known);
    people->count = 0;
}

void tr_people_committed(struct people *people)
{
    for (size_t i = 0; people->stored && i < people->count; i++) {
        const struct sighting *at = &people->list[i];
        bool earlier = !at->seen_before || at->us < at->first_seen_us;
        tr_known_set(people->known, at->key, earlier ? at->us : at->first_seen_us);
    }
    people->count = 0;
}

void tr_people_rolled_back(struct people *people)
{
    people->count = 0;
}

/* By project and person, the earliest first. */
static int compare_sightings(const void *a, const void *b)
{
    const struct sighting *one = a;
    const struct sighting *two = b;
    int order = memcmp(one->key, two->key, KNOWN_KEY_BYTES);
    if (order != 0)
        return order;
    return one->us < two->us ? -1 : one->us > two->us;
}

/* The earliest event of each person that may be older than what is known of them. */
static size_t gather(struct people *people, const struct landing *landing, struct sighting *list)
{
    size_t count = 0;
    for (size_t i = 0; i < landing->count; i++) {
        const struct tr_record *record = &landing->items[i].record;
        if (!tr_item_counts(&landing->items[i]))
            continue;
        struct sighting at = {.project_id = record->project_id, .us = record->timestamp_us};
        memcpy(at.key, landing->items[i].person, 16);
        memcpy(at.key + 16, &record->project_id, 4);
        if (tr_known_get(people->known, at.key, INT64_MAX) <= at.us ||
            tr_known_get(people->in_batch, at.key, INT64_MAX) <= at.us)
            continue;
        tr_known_set(people->in_batch, at.key, at.us);
        list[count++] = at;
    }
    qsort(list, count, sizeof *list, compare_sightings);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || memcmp(list[i].key, list[kept - 1].key, KNOWN_KEY_BYTES) != 0)
            list[kept++] = list[i];
    return kept;
}

static bool is_earlier(const struct sighting *at)
{
    return !at->seen_before || at->us < at->first_seen_us;
}

static void bind_people(struct tr_pg_params *params, const struct sighting *list, size_t count,
                        bool only_earlier)
{
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < count; i++)
        if (!only_earlier || is_earlier(&list[i]))
            tr_pg_array_int(params, list[i].project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < count; i++)
        if (!only_earlier || is_earlier(&list[i]))
            tr_pg_array_bytes(params, list[i].key, 16);
    tr_pg_array_end(params);
}

static int read_stored(struct landing *landing, struct sighting *list, size_t count,
                       struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    bind_people(landing->params, list, count, false);
    int code = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/get_people"), landing->params,
                           &result, error);
    if (code < 0)
        return code;
    for (int row = 0; row < tr_pg_rows(result); row++) {
        struct sighting *at = &list[tr_pg_get_int(result, row, 0) - 1];
        at->seen_before = true;
        at->first_seen_us = tr_pg_get_timestamptz(result, row, 1);
    }
    return 0;
}

static int write_earlier(struct landing *landing, const struct sighting *list, size_t count,
                         struct tr_error *error)
{
    struct tr_pg_params *params = landing->params;
    bind_people(params, list, count, true);
    tr_pg_array_begin(params, TR_PG_TIMESTAMPTZ);
    for (size_t i = 0; i < count; i++)
        if (is_earlier(&list[i]))
            tr_pg_array_int(params, list[i].us);
    tr_pg_array_end(params);
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/put_people"), params, NULL, error);
}

static int count_at(struct counts *counts, struct calendars *calendars, struct landing *landing,
                    int32_t project_id, int64_t us, int64_t n, struct tr_error *error)
{
    struct count_key key = {
        .project_id = project_id,
        .metric = "person",
        .bucket_us = tr_quarter(us),
        .key = TR_SLICE(""),
    };
    int result =
        tr_calendars_day_start(calendars, landing, project_id, us, &key.day_start_us, error);
    if (result == 0)
        tr_counts_add(counts, &key, n);
    return result;
}

static int move_counts(struct counts *counts, struct calendars *calendars, struct landing *landing,
                       const struct sighting *list, size_t count, struct tr_error *error)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        const struct sighting *at = &list[i];
        if (!is_earlier(at))
            continue;
        result = count_at(counts, calendars, landing, at->project_id, at->us, 1, error);
        if (result == 0 && at->seen_before)
            result =
                count_at(counts, calendars, landing, at->project_id, at->first_seen_us, -1, error);
    }
    return result;
}

void tr_people_gather(struct people *people, const struct landing *landing)
{
    tr_known_clear(people->in_batch);
    people->list = tr_arena_alloc(landing->arena, (landing->count + 1) * sizeof *people->list);
    people->count = gather(people, landing, people->list);
    people->stored = false;
}

int tr_people_store(struct people *people, struct landing *landing, struct counts *counts,
                    struct calendars *calendars, struct tr_error *error)
{
    if (people->count == 0)
        return 0;
    int result = read_stored(landing, people->list, people->count, error);
    if (result == 0)
        result = write_earlier(landing, people->list, people->count, error);
    if (result == 0)
        result = move_counts(counts, calendars, landing, people->list, people->count, error);
    people->stored = result == 0;
    return result;
}
