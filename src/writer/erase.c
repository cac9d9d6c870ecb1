/* SPDX-License-Identifier: MIT */
/*
 * Erasing a person: afterwards everything is as if nothing had ever been sent of them. One
 * transaction, under the lock of the head, in which
 *
 *   1  each day's events go, and what they counted for is taken back, computed by the same code
 *      that added it
 *   2  their sessions go; what others did in one of these is counted anew
 *   3  sets of members, first times, subscriptions, aliases, refused events, alerts of users and
 * notes go
 *
 * Of events that have expired, the counts stay: nothing says any more whose they were. Servers
 * forget what they remember of people when they see that somebody was erased (land.c).
 */
#include "writer_priv.h"

#include "traction/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "table.h"

enum { LAND_WAIT_MS = 5000, LAND_LOOK_MS = 100 };

/* A session of the person; text is its id, absent for one by inactivity. */
struct known_session {
    struct table_entry entry;
    struct tr_slice text;
    uint8_t digest[16];
};

struct erasing {
    struct landing landing; /* of a day, then of the sessions */
    struct calendars *calendars;
    struct tr_arena *arena; /* of the whole: sessions */
    struct tr_arena *day_arena;
    int32_t project_id;
    struct tr_slice user;
    uint8_t person[16];
    struct table sessions;
    struct tr_erased *erased;
};

enum column {
    COLUMN_TS,
    COLUMN_KIND,
    COLUMN_NAME,
    COLUMN_SESSION,
    COLUMN_VALUE,
    COLUMN_UNIT,
    COLUMN_BOT,
    COLUMNS_OF_SESSIONS,
    COLUMN_CHANNEL = COLUMNS_OF_SESSIONS,
    COLUMN_ROUTE,
    COLUMN_STATUS,
    COLUMN_FEATURE,
    COLUMN_METRIC,
    COLUMN_SENTIMENT,
    COLUMN_PROPERTIES
};

static struct tr_slice text_of(const struct tr_pg_result *rows, int row, enum column column)
{
    if (tr_pg_is_null(rows, row, (int)column))
        return TR_SLICE_NONE;
    return tr_pg_get_bytes(rows, row, (int)column);
}

/* Durations are milliseconds in a record's value, whatever the unit says. */
static double value_of(const struct tr_record *record)
{
    char text[512];
    size_t size = record->value_text.size < sizeof text ? record->value_text.size : 0;
    memcpy(text, record->value_text.data, size);
    text[size] = '\0';
    return strtod(text, NULL) * (tr_slice_is(record->unit, "s") ? 1000 : 1);
}

static void read_quality(struct tr_record *record, const struct tr_pg_result *rows, int row)
{
    record->channel = text_of(rows, row, COLUMN_CHANNEL);
    record->route = text_of(rows, row, COLUMN_ROUTE);
    record->feature = text_of(rows, row, COLUMN_FEATURE);
    record->metric = text_of(rows, row, COLUMN_METRIC);
    record->properties = text_of(rows, row, COLUMN_PROPERTIES);
    if (!tr_pg_is_null(rows, row, COLUMN_STATUS))
        record->status = (int32_t)tr_pg_get_int(rows, row, COLUMN_STATUS);
    record->has_sentiment = !tr_pg_is_null(rows, row, COLUMN_SENTIMENT);
    if (record->has_sentiment)
        record->sentiment = (int32_t)tr_pg_get_int(rows, row, COLUMN_SENTIMENT);
}

/* The row as the item that it was when it landed, as far as rollups see it. Borrows from rows. */
static void read_item(const struct erasing *erasing, const struct tr_pg_result *rows, int row,
                      struct item *item)
{
    struct tr_record *record = &item->record;
    *item = (struct item){.record = {.type = TR_RECORD_EVENT, .project_id = erasing->project_id}};
    record->timestamp_us = tr_pg_get_timestamptz(rows, row, COLUMN_TS);
    record->kind = (enum tr_event_kind)tr_pg_get_bytes(rows, row, COLUMN_KIND).data[0];
    record->name = tr_pg_get_bytes(rows, row, COLUMN_NAME);
    record->session = text_of(rows, row, COLUMN_SESSION);
    record->unit = text_of(rows, row, COLUMN_UNIT);
    record->value_text = text_of(rows, row, COLUMN_VALUE);
    record->has_value = record->value_text.data != NULL;
    if (record->has_value)
        record->value = value_of(record);
    record->bot = tr_pg_get_bool(rows, row, COLUMN_BOT);
    if (tr_pg_columns(rows) > COLUMNS_OF_SESSIONS)
        read_quality(record, rows, row);
    tr_item_derive(item);
}

static int read_items(struct erasing *erasing, const struct tr_pg_result *rows,
                      struct tr_error *error)
{
    struct landing *landing = &erasing->landing;
    landing->count = (size_t)tr_pg_rows(rows);
    landing->items = tr_arena_alloc(landing->arena, (landing->count + 1) * sizeof *landing->items);
    for (size_t i = 0; i < landing->count; i++)
        read_item(erasing, rows, (int)i, &landing->items[i]);
    return tr_calendars_date(erasing->calendars, landing, error);
}

static void bind_person(const struct erasing *erasing)
{
    tr_pg_params_clear(erasing->landing.params);
    tr_pg_bind_int4(erasing->landing.params, erasing->project_id);
    tr_pg_bind_uuid(erasing->landing.params, erasing->person);
}

/* A statement about the person. */
static int ask(const struct erasing *erasing, const char *query, struct tr_pg_result **rows_out,
               struct tr_error *error)
{
    bind_person(erasing);
    return tr_pg_query(erasing->landing.pg, tr_pg_sql(query), erasing->landing.params, rows_out,
                       error);
}

/* Sessions
 * ------------------------------------------------------------------------------------------ */

static void note_session(struct erasing *erasing, const uint8_t digest[16], struct tr_slice text)
{
    if (tr_table_find(&erasing->sessions, digest, 16) != NULL)
        return;
    struct known_session *session = tr_arena_calloc(erasing->arena, sizeof *session);
    memcpy(session->digest, digest, 16);
    session->text = text.data != NULL ? tr_arena_dup(erasing->arena, text) : TR_SLICE_NONE;
    tr_table_add(&erasing->sessions, &session->entry, session->digest, 16);
}

static const struct known_session *next_of(const struct known_session *session)
{
    return session->entry.hh.next;
}

static int note_visits(struct erasing *erasing, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = ask(erasing, "queries/writer/erase_visits", &rows, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++)
        note_session(erasing, (const uint8_t *)tr_pg_get_bytes(rows, row, 0).data, TR_SLICE_NONE);
    return result;
}

/* What others did in the sessions between these times is counted as their sessions. */
static int count_others(struct erasing *erasing, int64_t first_us, int64_t last_us,
                        struct tr_error *error)
{
    struct tr_pg_params *params = erasing->landing.params;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    tr_pg_params_clear(params);
    tr_pg_bind_int4(params, erasing->project_id);
    tr_pg_array_begin(params, TR_PG_TEXT);
    const struct known_session *session = (const struct known_session *)erasing->sessions.first;
    for (; session != NULL; session = next_of(session))
        if (session->text.data != NULL)
            tr_pg_array_bytes(params, session->text.data, session->text.size);
    tr_pg_array_end(params);
    tr_pg_bind_timestamptz(params, first_us);
    tr_pg_bind_timestamptz(params, last_us);
    int result = tr_pg_query(erasing->landing.pg, tr_pg_sql("queries/writer/erase_session_events"),
                             params, &rows, error);
    if (result == 0)
        result = read_items(erasing, rows, error);
    if (result == 0 && erasing->landing.count > 0)
        result = tr_sessions_store(tr_sessions_gather(&erasing->landing, NULL), error);
    return result;
}

static int erase_sessions(struct erasing *erasing, struct tr_error *error)
{
    struct landing *landing = &erasing->landing;
    size_t count = tr_table_count(&erasing->sessions);
    erasing->erased->sessions = (int64_t)count;
    if (count == 0)
        return 0;
    tr_arena_reset(erasing->day_arena);
    struct session_id *gone = tr_arena_alloc(landing->arena, count * sizeof *gone);
    const struct known_session *session = (const struct known_session *)erasing->sessions.first;
    for (size_t i = 0; session != NULL; session = next_of(session), i++) {
        gone[i].project_id = erasing->project_id;
        memcpy(gone[i].digest, session->digest, 16);
    }
    int64_t first_us = 0;
    int64_t last_us = 0;
    int result = tr_sessions_drop(landing, gone, count, &first_us, &last_us, error);
    return result == 0 ? count_others(erasing, first_us, last_us, error) : result;
}

/* Events
 * ---------------------------------------------------------------------------------------------- */

static int take_back(struct erasing *erasing, struct tr_error *error)
{
    struct landing *landing = &erasing->landing;
    struct counts *counts = tr_counts_new(landing->arena);
    tr_counts_add_items(counts, landing);
    tr_counts_negate(counts);
    int result = tr_counts_store(counts, landing, error);
    struct sketches *sketches = tr_sketches_gather(landing);
    tr_sketches_negate(sketches);
    return result == 0 ? tr_sketches_store(sketches, landing, error) : result;
}

static int erase_day(struct erasing *erasing, int32_t day, struct tr_error *error)
{
    struct landing *landing = &erasing->landing;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    tr_arena_reset(erasing->day_arena);
    bind_person(erasing);
    tr_pg_bind_date(landing->params, day);
    int result = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/erase_events"), landing->params,
                             &rows, error);
    if (result < 0 || tr_pg_rows(rows) == 0)
        return result;
    result = read_items(erasing, rows, error);
    for (size_t i = 0; result == 0 && i < landing->count; i++)
        if (tr_item_counts(&landing->items[i]) && landing->items[i].has_session)
            note_session(erasing, landing->items[i].session, landing->items[i].record.session);
    erasing->erased->events += (int64_t)landing->count;
    return result == 0 ? take_back(erasing, error) : result;
}

static int erase_events(struct erasing *erasing, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *days = NULL;
    int result = tr_pg_query(erasing->landing.pg, tr_pg_sql("queries/writer/erase_days"), NULL,
                             &days, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(days); row++)
        result = erase_day(erasing, tr_pg_get_date(days, row, 0), error);
    return result;
}

/* What is kept per person
 * ---------------------------------------------------------------------------- */

static int erase_person(struct erasing *erasing, struct tr_error *error)
{
    struct landing *landing = &erasing->landing;
    tr_arena_reset(erasing->day_arena);
    struct counts *counts = tr_counts_new(landing->arena);
    int result = tr_people_erase(landing, erasing->person, erasing->project_id, counts,
                                 erasing->calendars, error);
    tr_counts_negate(counts);
    return result == 0 ? tr_counts_store(counts, landing, error) : result;
}

static int erase_visitors(struct erasing *erasing, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = ask(erasing, "queries/writer/erase_aliases", &rows, error);
    if (result == 0)
        erasing->erased->visitors = tr_pg_get_int(rows, 0, 0);
    return result;
}

/* Where the user's id stands in texts. */
static int erase_texts(struct erasing *erasing, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    tr_pg_params_clear(erasing->landing.params);
    tr_pg_bind_int4(erasing->landing.params, erasing->project_id);
    tr_pg_bind_text(erasing->landing.params, erasing->user);
    int result = tr_pg_query(erasing->landing.pg, tr_pg_sql("queries/writer/erase_rejects"),
                             erasing->landing.params, &rows, error);
    if (result == 0) {
        erasing->erased->rejects = tr_pg_affected(rows);
        result = tr_pg_query(erasing->landing.pg, tr_pg_sql("queries/writer/erase_alerts"),
                             erasing->landing.params, NULL, error);
    }
    return result;
}

/* A statement about the project. */
static int tidy(struct erasing *erasing, const char *query, struct tr_error *error)
{
    tr_pg_params_clear(erasing->landing.params);
    tr_pg_bind_int4(erasing->landing.params, erasing->project_id);
    return tr_pg_query(erasing->landing.pg, tr_pg_sql(query), erasing->landing.params, NULL, error);
}

static int erase_all(struct erasing *erasing, struct tr_error *error)
{
    int result =
        tr_pg_query(erasing->landing.pg, tr_pg_sql("queries/writer/erase_lock"), NULL, NULL, error);
    if (result == 0)
        result = erase_events(erasing, error);
    if (result == 0)
        result = note_visits(erasing, error);
    if (result == 0)
        result = erase_sessions(erasing, error);
    if (result == 0)
        result = ask(erasing, "queries/writer/erase_members", NULL, error);
    if (result == 0)
        result = ask(erasing, "queries/writer/erase_subscriptions", NULL, error);
    if (result == 0)
        result = erase_person(erasing, error);
    if (result == 0)
        result = erase_visitors(erasing, error);
    if (result == 0)
        result = erase_texts(erasing, error);
    if (result == 0)
        result = tidy(erasing, "queries/writer/erase_notes", error);
    if (result == 0)
        result = tidy(erasing, "queries/writer/erase_empty", error);
    return result;
}

static int transact(struct erasing *erasing, struct tr_error *error)
{
    struct tr_pg *pg = erasing->landing.pg;
    int result = tr_pg_execute(pg, "begin read write", error);
    if (result == 0)
        result = tr_pg_execute(pg, "set local statement_timeout = 0", error);
    if (result == 0)
        result = erase_all(erasing, error);
    if (result == 0)
        result = tr_pg_execute(pg, "commit", error);
    if (result < 0 && !tr_pg_is_broken(pg))
        tr_pg_execute(pg, "rollback", NULL);
    return result;
}

/* What was received of the person before is to be gone, too. */
static int await_landing(struct tr_pg *pg, bool *landed_out, struct tr_error *error)
{
    int64_t since_us = tr_clock_wall_us();
    *landed_out = false;
    for (int waited_ms = 0; !*landed_out && waited_ms < LAND_WAIT_MS; waited_ms += LAND_LOOK_MS) {
        TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
        int result = tr_pg_query(pg, tr_pg_sql("queries/admin/as_of"), NULL, &rows, error);
        if (result < 0)
            return result;
        *landed_out = tr_pg_rows(rows) == 0 || tr_pg_get_timestamptz(rows, 0, 0) >= since_us;
        if (!*landed_out)
            nanosleep(&(struct timespec){0, LAND_LOOK_MS * 1000000L}, NULL);
    }
    return 0;
}

int tr_writer_erase(struct tr_pg *pg, int32_t project_id, struct tr_slice user,
                    struct tr_erased *erased_out, struct tr_error *error)
{
    *erased_out = (struct tr_erased){0};
    int result = await_landing(pg, &erased_out->landed, error);
    if (result < 0)
        return result;
    struct erasing erasing = {
        .project_id = project_id,
        .user = user,
        .erased = erased_out,
        .calendars = tr_calendars_new(),
        .arena = tr_arena_new(SIZE_MAX),
        .day_arena = tr_arena_new(SIZE_MAX),
    };
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    erasing.sessions.arena = erasing.arena;
    erasing.landing = (struct landing){.pg = pg, .params = params, .arena = erasing.day_arena};
    tr_person_digest(project_id, 'u', user, erasing.person);
    result = transact(&erasing, error);
    tr_calendars_free(erasing.calendars);
    tr_arena_free(erasing.arena);
    tr_arena_free(erasing.day_arena);
    return result;
}
