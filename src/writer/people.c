/* SPDX-License-Identifier: MIT */
/*
 * What is known of people: when they were first seen, how many in each quarter of an hour, where
 * they came from, and when they first converted and paid. Each is the earliest of something, so
 * events may come in any order. An event that is older than what was known moves its person: one
 * down where they were counted, one up where they belong.
 *
 * The channel is that of the earliest sign_up that names one in its properties, else of the
 * earliest event that has one; at the same moment the one that comes first in the alphabet.
 */
#include "writer_priv.h"

#include "traction/json.h"

#include <stdlib.h>
#include <string.h>

enum { KNOWN_SLOTS = 1 << 17, BATCH_SLOTS = 1 << 14 };

/* What of people is the earliest of something. */
enum first {
    FIRST_SEEN,
    FIRST_CHANNEL,
    FIRST_SIGN_UP, /* that names a channel */
    FIRST_CONVERTED,
    FIRST_PAID,
    FIRST_SIGNED_UP, /* at all */
    FIRSTS
};

struct sighting {
    uint8_t key[KNOWN_KEY_BYTES]; /* person, project */
    int32_t project_id;
    int64_t us[FIRSTS];      /* the earliest in this batch; INT64_MAX: none */
    struct tr_slice channel; /* of us[FIRST_CHANNEL] */
    struct tr_slice sign_up; /* the channel of us[FIRST_SIGN_UP] */
    bool seen_before;
    int64_t first_seen_us; /* as stored until now */
};

struct people {
    struct known *known;    /* per person and first: when, or an earlier bound of nothing: never
                               too early */
    struct known *in_batch; /* the same of what is on the list already, as far as remembered */
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

/* The cache's key of a first of a person. */
static const uint8_t *key_of(const uint8_t person[KNOWN_KEY_BYTES], enum first first,
                             uint8_t out[KNOWN_KEY_BYTES])
{
    memcpy(out, person, KNOWN_KEY_BYTES);
    out[KNOWN_KEY_BYTES - 1] = (uint8_t)first;
    return out;
}

static void remember(struct people *people, const struct sighting *at)
{
    uint8_t key[KNOWN_KEY_BYTES];
    for (int first = 0; first < FIRSTS; first++) {
        int64_t us = at->us[first];
        if (first == FIRST_SEEN && at->seen_before && at->first_seen_us < us)
            us = at->first_seen_us;
        if (us != INT64_MAX)
            tr_known_set(people->known, key_of(at->key, first, key), us);
    }
}

void tr_people_committed(struct people *people)
{
    for (size_t i = 0; people->stored && i < people->count; i++)
        remember(people, &people->list[i]);
    people->count = 0;
}

void tr_people_rolled_back(struct people *people)
{
    people->count = 0;
}

/* Gathering
 * ------------------------------------------------------------------------------------------ */

static bool is_payment(const struct item *item)
{
    return (item->standard == STANDARD_PURCHASE ||
            item->standard == STANDARD_SUBSCRIPTION_STARTED ||
            item->standard == STANDARD_SUBSCRIPTION_CHANGED) &&
           item->record.has_value && item->record.value > 0;
}

/* Whether a sign_up itself says where the person came from. */
static bool names_channel(const struct item *item)
{
    static const char *const name = "channel";
    struct tr_json_value value;
    if (item->standard != STANDARD_SIGN_UP || item->record.channel.data == NULL)
        return false;
    tr_json_collect(item->record.properties, &name, 1, &value);
    return value.raw.data != NULL && value.type == TR_JSON_STRING && value.raw.size > 2;
}

static void see(struct sighting *at, const struct item *item)
{
    const struct tr_record *record = &item->record;
    *at = (struct sighting){.project_id = record->project_id};
    memcpy(at->key, item->person, 16);
    memcpy(at->key + 16, &record->project_id, 4);
    for (int first = 0; first < FIRSTS; first++)
        at->us[first] = INT64_MAX;
    at->us[FIRST_SEEN] = record->timestamp_us;
    if (record->channel.data != NULL) {
        at->us[FIRST_CHANNEL] = record->timestamp_us;
        at->channel = record->channel;
    }
    if (names_channel(item)) {
        at->us[FIRST_SIGN_UP] = record->timestamp_us;
        at->sign_up = record->channel;
    }
    if (item->standard == STANDARD_SIGN_UP)
        at->us[FIRST_SIGNED_UP] = record->timestamp_us;
    if (item->standard == STANDARD_CONVERSION)
        at->us[FIRST_CONVERTED] = record->timestamp_us;
    if (is_payment(item))
        at->us[FIRST_PAID] = record->timestamp_us;
}

/* Whether it says anything that is not known. A channel of the same moment may come first in the
 * alphabet; bounds of nothing else can be equal and matter. */
static bool is_news(const struct people *people, const struct sighting *at)
{
    uint8_t key[KNOWN_KEY_BYTES];
    for (int first = 0; first < FIRSTS; first++) {
        if (at->us[first] == INT64_MAX)
            continue;
        key_of(at->key, first, key);
        int64_t known = tr_known_get(people->known, key, INT64_MAX);
        int64_t listed = tr_known_get(people->in_batch, key, INT64_MAX);
        int64_t bound = known < listed ? known : listed;
        bool tie = first == FIRST_CHANNEL || first == FIRST_SIGN_UP;
        if (at->us[first] < bound || (tie && at->us[first] == bound))
            return true;
    }
    return false;
}

static void list_it(struct people *people, const struct sighting *at)
{
    uint8_t key[KNOWN_KEY_BYTES];
    for (int first = 0; first < FIRSTS; first++) {
        key_of(at->key, first, key);
        if (at->us[first] < tr_known_get(people->in_batch, key, INT64_MAX))
            tr_known_set(people->in_batch, key, at->us[first]);
    }
    people->list[people->count++] = *at;
}

/* By project and person. */
static int compare_sightings(const void *a, const void *b)
{
    const struct sighting *one = a;
    const struct sighting *two = b;
    return memcmp(one->key, two->key, KNOWN_KEY_BYTES);
}

static void keep_earliest(int64_t *us, struct tr_slice *text, int64_t other_us,
                          struct tr_slice other)
{
    if (other_us > *us)
        return;
    if (other_us < *us || (text != NULL && tr_slice_compare(other, *text) < 0)) {
        *us = other_us;
        if (text != NULL)
            *text = other;
    }
}

static void combine(struct sighting *at, const struct sighting *other)
{
    keep_earliest(&at->us[FIRST_SEEN], NULL, other->us[FIRST_SEEN], TR_SLICE_NONE);
    keep_earliest(&at->us[FIRST_CHANNEL], &at->channel, other->us[FIRST_CHANNEL], other->channel);
    keep_earliest(&at->us[FIRST_SIGN_UP], &at->sign_up, other->us[FIRST_SIGN_UP], other->sign_up);
    keep_earliest(&at->us[FIRST_CONVERTED], NULL, other->us[FIRST_CONVERTED], TR_SLICE_NONE);
    keep_earliest(&at->us[FIRST_PAID], NULL, other->us[FIRST_PAID], TR_SLICE_NONE);
    keep_earliest(&at->us[FIRST_SIGNED_UP], NULL, other->us[FIRST_SIGNED_UP], TR_SLICE_NONE);
}

/* One sighting a person. */
static void sort_and_combine(struct people *people)
{
    size_t kept = 0;
    if (people->count > 1)
        qsort(people->list, people->count, sizeof *people->list, compare_sightings);
    for (size_t i = 0; i < people->count; i++) {
        if (kept > 0 && compare_sightings(&people->list[kept - 1], &people->list[i]) == 0)
            combine(&people->list[kept - 1], &people->list[i]);
        else
            people->list[kept++] = people->list[i];
    }
    people->count = kept;
}

void tr_people_gather(struct people *people, const struct landing *landing)
{
    tr_known_clear(people->in_batch);
    people->list = tr_arena_alloc(landing->arena, (landing->count + 1) * sizeof *people->list);
    people->count = 0;
    people->stored = false;
    for (size_t i = 0; i < landing->count; i++) {
        struct sighting at;
        const struct item *item = &landing->items[i];
        /* Who says what was spent on a channel did not come through it. */
        if (!tr_item_counts(item) || item->standard == STANDARD_ACQUISITION_COST)
            continue;
        see(&at, item);
        if (is_news(people, &at))
            list_it(people, &at);
    }
    sort_and_combine(people);
}

/* Storing
 * -------------------------------------------------------------------------------------------- */

static bool is_earlier(const struct sighting *at)
{
    return !at->seen_before || at->us[FIRST_SEEN] < at->first_seen_us;
}

static void bind_people(struct tr_pg_params *params, const struct sighting *list, size_t count)
{
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, list[i].project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_bytes(params, list[i].key, 16);
    tr_pg_array_end(params);
}

static int read_stored(struct landing *landing, struct sighting *list, size_t count,
                       struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    bind_people(landing->params, list, count);
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

static void bind_channels(struct tr_pg_params *params, const struct people *people,
                          struct tr_slice (*get)(const struct sighting *))
{
    tr_pg_array_begin(params, TR_PG_TEXT);
    for (size_t i = 0; i < people->count; i++) {
        struct tr_slice text = get(&people->list[i]);
        if (text.data != NULL)
            tr_pg_array_bytes(params, text.data, text.size);
        else
            tr_pg_array_null(params);
    }
    tr_pg_array_end(params);
}

static struct tr_slice get_channel(const struct sighting *at)
{
    return at->channel;
}

static struct tr_slice get_sign_up(const struct sighting *at)
{
    return at->sign_up;
}

static int write_people(struct people *people, struct landing *landing, struct tr_error *error)
{
    struct tr_pg_params *params = landing->params;
    bind_people(params, people->list, people->count);
    for (int first = 0; first < FIRSTS; first++) {
        tr_pg_array_begin(params, TR_PG_TIMESTAMPTZ);
        for (size_t i = 0; i < people->count; i++)
            tr_pg_array_int(params, people->list[i].us[first]);
        tr_pg_array_end(params);
    }
    bind_channels(params, people, get_channel);
    bind_channels(params, people, get_sign_up);
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
        result = count_at(counts, calendars, landing, at->project_id, at->us[FIRST_SEEN], 1, error);
        if (result == 0 && at->seen_before)
            result =
                count_at(counts, calendars, landing, at->project_id, at->first_seen_us, -1, error);
    }
    return result;
}

/* What was known of visitors is known of the users they became; each row tells how the count of
 * people first seen changes. */
static int join(struct landing *landing, struct counts *counts, struct calendars *calendars,
                struct tr_error *error)
{
    if (landing->join_count == 0)
        return 0;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    tr_pg_params_clear(landing->params);
    tr_bind_joins(landing->params, landing->joins, landing->join_count);
    int result = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/join_people"), landing->params,
                             &rows, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++)
        result = count_at(counts, calendars, landing, (int32_t)tr_pg_get_int(rows, row, 0),
                          tr_pg_get_timestamptz(rows, row, 1), tr_pg_get_int(rows, row, 2), error);
    return result;
}

int tr_people_erase(struct landing *landing, const uint8_t person[16], int32_t project_id,
                    struct counts *counts, struct calendars *calendars, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    tr_pg_params_clear(landing->params);
    tr_pg_bind_int4(landing->params, project_id);
    tr_pg_bind_uuid(landing->params, person);
    int result = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/erase_person"), landing->params,
                             &rows, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++)
        result = count_at(counts, calendars, landing, project_id,
                          tr_pg_get_timestamptz(rows, row, 0), 1, error);
    return result;
}

int tr_people_store(struct people *people, struct landing *landing, struct counts *counts,
                    struct calendars *calendars, struct tr_error *error)
{
    int result = join(landing, counts, calendars, error);
    if (result < 0 || people->count == 0)
        return result;
    result = read_stored(landing, people->list, people->count, error);
    if (result == 0)
        result = write_people(people, landing, error);
    if (result == 0)
        result = move_counts(counts, calendars, landing, people->list, people->count, error);
    people->stored = result == 0;
    return result;
}
