/* SPDX-License-Identifier: MIT */
/*
 * Sessions, a row for each of their days, and, over the sessions that have only one day, how many
 * there are, the distribution of time on site, the bounces, and those with an error. A session that
 * gets a second day leaves these: what it spans then depends on the range that is asked for, so
 * those few are put together when asked.
 *
 * Time on site of a session's day: the engaged time where there is any, else last minus first. It
 * bounced with one page view, nothing else of engagement, and less than ten seconds engaged.
 *
 * Sessions by inactivity that turn out to be one (visits.c) are merged here day by day.
 */
#include "writer_priv.h"

#include "traction/base/sketch.h"

#include <stdlib.h>
#include <string.h>

enum { SKETCH_MAX_BYTES = 32768, BOUNCE_BELOW_US = 10000000 };

/* A day of a session: what the batch brings, or what is stored, or both together. */
struct part {
    int32_t day;
    int64_t first_us;
    int64_t last_us;
    int64_t engaged_us;
    int64_t page_views;
    int64_t interactions; /* other events of engagement */
    int64_t errors;
    bool touched;      /* by this batch */
    bool stored;       /* has a row */
    bool several_days; /* as stored */
    struct part *next;
};

struct session {
    int32_t project_id;
    uint8_t digest[16];
    struct part *parts;
    int days;
};

/* A session as it is stored: one of the list, or one that became part of it. */
struct stored {
    size_t session; /* of the list */
    int32_t project_id;
    uint8_t digest[16];
    int days;
    int32_t day; /* the last one read, with what it counted for as the only one */
    int64_t us;
    bool bounced;
    bool failed;
};

/* A change of a day's distribution. */
struct change {
    int32_t project_id;
    int32_t day;
    int64_t us;
    bool bounced;
    bool failed; /* has an error */
    int sign;
};

struct sessions {
    struct landing *landing;
    struct session *list;
    size_t count;
    struct stored *stored; /* the list's own first, in its order, then those merged into them */
    size_t stored_count;
    struct change *changes;
    size_t change_count;
};

static int64_t engaged_of(const struct item *item)
{
    bool engaged = item->standard == STANDARD_ENGAGED_TIME && item->value_us > 0;
    return engaged ? item->value_us : 0;
}

/* identify says who it is; engaged_time how long, which counts by itself. */
static bool interacts(const struct item *item)
{
    return item->record.kind == TR_EVENT_ENGAGEMENT && item->standard != STANDARD_PAGE_VIEW &&
           item->standard != STANDARD_ENGAGED_TIME && item->standard != STANDARD_IDENTIFY;
}

static struct part *part_of(struct sessions *work, struct session *session, int32_t day)
{
    for (struct part *part = session->parts; part != NULL; part = part->next)
        if (part->day == day)
            return part;
    struct part *part = tr_arena_calloc(work->landing->arena, sizeof *part);
    part->day = day;
    part->first_us = INT64_MAX;
    part->last_us = INT64_MIN;
    part->next = session->parts;
    session->parts = part;
    session->days++;
    return part;
}

static void add_visit(struct sessions *work, struct session *session, const struct item *item)
{
    struct part *part = part_of(work, session, item->day);
    int64_t us = item->record.timestamp_us;
    if (us < part->first_us)
        part->first_us = us;
    if (us > part->last_us)
        part->last_us = us;
    part->engaged_us += engaged_of(item);
    part->page_views += item->standard == STANDARD_PAGE_VIEW;
    part->interactions += interacts(item);
    part->errors += item->standard == STANDARD_ERROR;
    part->touched = true;
}

/* The session of a digest, from an open-addressing table; digests are uniform. */
static struct session *session_of(struct sessions *work, struct session **table, size_t mask,
                                  int32_t project_id, const uint8_t digest[16])
{
    uint64_t hash;
    memcpy(&hash, digest, sizeof hash);
    size_t slot = hash & mask;
    while (table[slot] != NULL && memcmp(table[slot]->digest, digest, 16) != 0)
        slot = (slot + 1) & mask;
    if (table[slot] == NULL) {
        table[slot] = &work->list[work->count++];
        *table[slot] = (struct session){.project_id = project_id};
        memcpy(table[slot]->digest, digest, 16);
    }
    return table[slot];
}

static void note_stored(struct sessions *work, const struct session *session,
                        const uint8_t digest[16])
{
    struct stored *stored = &work->stored[work->stored_count++];
    *stored = (struct stored){.session = (size_t)(session - work->list),
                              .project_id = session->project_id};
    memcpy(stored->digest, digest, 16);
}

static void gather(struct sessions *work, const struct visits *visits)
{
    const struct landing *landing = work->landing;
    size_t join_count = 0;
    const struct join *joins = visits != NULL ? tr_visits_joins(visits, &join_count) : NULL;
    size_t most = landing->count + join_count + 1;
    size_t slots = 16;
    while (slots < 2 * most)
        slots *= 2;
    struct session **table = tr_arena_calloc(landing->arena, slots * sizeof(struct session *));
    work->list = tr_arena_alloc(landing->arena, most * sizeof *work->list);
    work->stored = tr_arena_alloc(landing->arena, (most + join_count) * sizeof *work->stored);
    for (size_t i = 0; i < landing->count; i++) {
        const struct item *item = &landing->items[i];
        if (tr_item_counts(item) && item->has_session)
            add_visit(work,
                      session_of(work, table, slots - 1, item->record.project_id, item->session),
                      item);
    }
    for (size_t i = 0; i < join_count; i++)
        session_of(work, table, slots - 1, joins[i].project_id, joins[i].to);
    for (size_t i = 0; i < work->count; i++)
        note_stored(work, &work->list[i], work->list[i].digest);
    for (size_t i = 0; i < join_count; i++)
        note_stored(work, session_of(work, table, slots - 1, joins[i].project_id, joins[i].to),
                    joins[i].from);
}

static int64_t time_of(const struct part *part)
{
    return part->engaged_us > 0 ? part->engaged_us : part->last_us - part->first_us;
}

static bool bounced(const struct part *part)
{
    return part->page_views == 1 && part->interactions == 0 && part->engaged_us < BOUNCE_BELOW_US;
}

static void add_stored(struct sessions *work, const struct tr_pg_result *result, int row)
{
    struct stored *from = &work->stored[tr_pg_get_int(result, row, 0) - 1];
    struct session *session = &work->list[from->session];
    struct part stored = {
        .first_us = tr_pg_get_timestamptz(result, row, 2),
        .last_us = tr_pg_get_timestamptz(result, row, 3),
        .engaged_us = tr_pg_get_int(result, row, 4),
        .page_views = tr_pg_get_int(result, row, 6),
        .interactions = tr_pg_get_int(result, row, 7),
        .errors = tr_pg_get_int(result, row, 8),
    };
    from->days++;
    from->day = tr_pg_get_date(result, row, 1);
    from->us = time_of(&stored);
    from->bounced = bounced(&stored);
    from->failed = stored.errors > 0;
    struct part *part = part_of(work, session, from->day);
    if (from->session == (size_t)(from - work->stored)) {
        part->stored = true;
        part->several_days = tr_pg_get_bool(result, row, 5);
    } else {
        part->touched = true;
    }
    if (stored.first_us < part->first_us)
        part->first_us = stored.first_us;
    if (stored.last_us > part->last_us)
        part->last_us = stored.last_us;
    part->engaged_us += stored.engaged_us;
    part->page_views += stored.page_views;
    part->interactions += stored.interactions;
    part->errors += stored.errors;
}

/* Of the stored sessions from this place on. */
static void bind_stored(const struct sessions *work, size_t first)
{
    struct tr_pg_params *params = work->landing->params;
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = first; i < work->stored_count; i++)
        tr_pg_array_int(params, work->stored[i].project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = first; i < work->stored_count; i++)
        tr_pg_array_bytes(params, work->stored[i].digest, 16);
    tr_pg_array_end(params);
}

static int read_stored(struct sessions *work, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    bind_stored(work, 0);
    int code = tr_pg_query(work->landing->pg, tr_pg_sql("queries/writer/get_sessions"),
                           work->landing->params, &result, error);
    for (int row = 0; code == 0 && row < tr_pg_rows(result); row++)
        add_stored(work, result, row);
    return code;
}

/* The rows of the stored sessions from this place on. */
static int drop_stored(struct sessions *work, size_t first, struct tr_error *error)
{
    if (work->stored_count == first)
        return 0;
    bind_stored(work, first);
    return tr_pg_query(work->landing->pg, tr_pg_sql("queries/writer/drop_sessions"),
                       work->landing->params, NULL, error);
}

/* Rows to write: what the batch touched, and days that learn that there are others. */
static bool is_changed(const struct session *session, const struct part *part)
{
    return part->touched || part->several_days != (session->days > 1);
}

/* Calls get for every row to be written, in one order for all columns. */
static void bind_column(struct sessions *work, enum tr_pg_type type,
                        int64_t (*get)(const struct session *, const struct part *))
{
    struct tr_pg_params *params = work->landing->params;
    tr_pg_array_begin(params, type);
    for (size_t i = 0; i < work->count; i++) {
        const struct session *session = &work->list[i];
        for (const struct part *part = session->parts; part != NULL; part = part->next) {
            if (!is_changed(session, part))
                continue;
            if (type == TR_PG_UUID)
                tr_pg_array_bytes(params, session->digest, 16);
            else
                tr_pg_array_int(params, get(session, part));
        }
    }
    tr_pg_array_end(params);
}

static int64_t get_project(const struct session *session, const struct part *part)
{
    (void)part;
    return session->project_id;
}

static int64_t get_day(const struct session *session, const struct part *part)
{
    (void)session;
    return part->day;
}

static int64_t get_first(const struct session *session, const struct part *part)
{
    (void)session;
    return part->first_us;
}

static int64_t get_last(const struct session *session, const struct part *part)
{
    (void)session;
    return part->last_us;
}

static int64_t get_engaged(const struct session *session, const struct part *part)
{
    (void)session;
    return part->engaged_us;
}

static int64_t get_page_views(const struct session *session, const struct part *part)
{
    (void)session;
    return part->page_views;
}

static int64_t get_interactions(const struct session *session, const struct part *part)
{
    (void)session;
    return part->interactions;
}

static int64_t get_errors(const struct session *session, const struct part *part)
{
    (void)session;
    return part->errors;
}

static int64_t get_several(const struct session *session, const struct part *part)
{
    (void)part;
    return session->days > 1;
}

static int write_sessions(struct sessions *work, struct tr_error *error)
{
    struct tr_pg_params *params = work->landing->params;
    tr_pg_params_clear(params);
    bind_column(work, TR_PG_INT4, get_project);
    bind_column(work, TR_PG_UUID, NULL);
    bind_column(work, TR_PG_DATE, get_day);
    bind_column(work, TR_PG_TIMESTAMPTZ, get_first);
    bind_column(work, TR_PG_TIMESTAMPTZ, get_last);
    bind_column(work, TR_PG_INT8, get_engaged);
    bind_column(work, TR_PG_BOOL, get_several);
    bind_column(work, TR_PG_INT8, get_page_views);
    bind_column(work, TR_PG_INT8, get_interactions);
    bind_column(work, TR_PG_INT8, get_errors);
    return tr_pg_query(work->landing->pg, tr_pg_sql("queries/writer/put_sessions"), params, NULL,
                       error);
}

/* The distribution of the days
 * ------------------------------------------------------------------------ */

static void note_change(struct sessions *work, struct change change)
{
    work->changes[work->change_count++] = change;
}

static int compare_changes(const void *a, const void *b)
{
    const struct change *one = a;
    const struct change *two = b;
    if (one->project_id != two->project_id)
        return one->project_id < two->project_id ? -1 : 1;
    return one->day < two->day ? -1 : one->day > two->day;
}

static void list_changes(struct sessions *work)
{
    work->changes = tr_arena_alloc(work->landing->arena,
                                   (work->stored_count + work->count + 1) * sizeof *work->changes);
    for (size_t i = 0; i < work->stored_count; i++) {
        const struct stored *stored = &work->stored[i];
        if (stored->days == 1)
            note_change(work, (struct change){.project_id = stored->project_id,
                                              .day = stored->day,
                                              .us = stored->us,
                                              .bounced = stored->bounced,
                                              .failed = stored->failed,
                                              .sign = -1});
    }
    for (size_t i = 0; i < work->count; i++) {
        const struct session *session = &work->list[i];
        if (session->days == 1)
            note_change(work, (struct change){.project_id = session->project_id,
                                              .day = session->parts->day,
                                              .us = time_of(session->parts),
                                              .bounced = bounced(session->parts),
                                              .failed = session->parts->errors > 0,
                                              .sign = 1});
    }
    qsort(work->changes, work->change_count, sizeof *work->changes, compare_changes);
}

struct day_change {
    int32_t project_id;
    int32_t day;
    size_t first; /* of work->changes */
    size_t end;
    int64_t sessions;
    int64_t total_us;
    int64_t bounces;
    int64_t failed;
    struct tr_slice stored;
};

static size_t list_days(const struct sessions *work, struct day_change *days)
{
    size_t count = 0;
    for (size_t i = 0; i < work->change_count; i++) {
        const struct change *change = &work->changes[i];
        if (i == 0 || compare_changes(change, change - 1) != 0)
            days[count++] = (struct day_change){
                .project_id = change->project_id, .day = change->day, .first = i};
        days[count - 1].end = i + 1;
        days[count - 1].sessions += change->sign;
        days[count - 1].total_us += change->sign * change->us;
        days[count - 1].bounces += change->bounced ? change->sign : 0;
        days[count - 1].failed += change->failed ? change->sign : 0;
    }
    return count;
}

static void bind_days(struct tr_pg_params *params, const struct day_change *days, size_t count)
{
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, days[i].project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_DATE);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, days[i].day);
    tr_pg_array_end(params);
}

static int read_days(struct sessions *work, struct day_change *days, size_t count,
                     struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    bind_days(work->landing->params, days, count);
    int code = tr_pg_query(work->landing->pg, tr_pg_sql("queries/writer/get_session_times"),
                           work->landing->params, &result, error);
    for (int row = 0; code == 0 && row < tr_pg_rows(result); row++)
        days[tr_pg_get_int(result, row, 0) - 1].stored =
            tr_arena_dup(work->landing->arena, tr_pg_get_bytes(result, row, 1));
    return code;
}

static int bind_sketches(struct sessions *work, const struct day_change *days, size_t count,
                         struct tr_error *error)
{
    struct tr_buf encoded;
    tr_buf_init(&encoded, SKETCH_MAX_BYTES);
    TR_CLEANUP(tr_freep) struct tr_sketch *sketch = tr_malloc(sizeof *sketch);
    int result = 0;
    tr_pg_array_begin(work->landing->params, TR_PG_BYTEA);
    for (size_t i = 0; i < count && result == 0; i++) {
        tr_sketch_init(sketch);
        if (days[i].stored.data != NULL)
            result = tr_sketch_merge(sketch, days[i].stored, error);
        for (size_t c = days[i].first; c < days[i].end; c++)
            tr_sketch_add(sketch, tr_sketch_index((double)work->changes[c].us / 1000),
                          work->changes[c].sign);
        tr_buf_clear(&encoded, SKETCH_MAX_BYTES);
        tr_sketch_encode(sketch, &encoded);
        tr_pg_array_bytes(work->landing->params, encoded.data, encoded.size);
    }
    tr_pg_array_end(work->landing->params);
    tr_buf_fini(&encoded);
    return result;
}

static int write_days(struct sessions *work, const struct day_change *days, size_t count,
                      struct tr_error *error)
{
    struct tr_pg_params *params = work->landing->params;
    bind_days(params, days, count);
    tr_pg_array_begin(params, TR_PG_INT8);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, days[i].sessions);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_INT8);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, days[i].total_us);
    tr_pg_array_end(params);
    int result = bind_sketches(work, days, count, error);
    tr_pg_array_begin(params, TR_PG_INT8);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, days[i].bounces);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_INT8);
    for (size_t i = 0; i < count; i++)
        tr_pg_array_int(params, days[i].failed);
    tr_pg_array_end(params);
    if (result == 0)
        result = tr_pg_query(work->landing->pg, tr_pg_sql("queries/writer/put_session_times"),
                             params, NULL, error);
    return result;
}

static int store_times(struct sessions *work, struct tr_error *error)
{
    list_changes(work);
    struct day_change *days =
        tr_arena_alloc(work->landing->arena, (work->change_count + 1) * sizeof *days);
    size_t count = list_days(work, days);
    if (count == 0)
        return 0;
    int result = read_days(work, days, count, error);
    if (result == 0)
        result = write_days(work, days, count, error);
    return result;
}

struct sessions *tr_sessions_gather(struct landing *landing, const struct visits *visits)
{
    struct sessions *work = tr_arena_calloc(landing->arena, sizeof *work);
    work->landing = landing;
    gather(work, visits);
    return work;
}

int tr_sessions_store(struct sessions *work, struct tr_error *error)
{
    if (work->count == 0)
        return 0;
    int result = read_stored(work, error);
    if (result == 0)
        result = drop_stored(work, work->count, error); /* those that became part of others */
    if (result == 0)
        result = write_sessions(work, error);
    if (result == 0)
        result = store_times(work, error);
    return result;
}

int tr_sessions_drop(struct landing *landing, const struct session_id *gone, size_t count,
                     int64_t *first_us_out, int64_t *last_us_out, struct tr_error *error)
{
    struct sessions work = {.landing = landing, .count = count};
    work.list = tr_arena_calloc(landing->arena, count * sizeof *work.list);
    work.stored = tr_arena_alloc(landing->arena, count * sizeof *work.stored);
    for (size_t i = 0; i < count; i++) {
        work.list[i].project_id = gone[i].project_id;
        note_stored(&work, &work.list[i], gone[i].digest);
    }
    int result = read_stored(&work, error);
    *first_us_out = INT64_MAX;
    *last_us_out = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        for (const struct part *part = work.list[i].parts; part != NULL; part = part->next) {
            if (part->first_us < *first_us_out)
                *first_us_out = part->first_us;
            if (part->last_us > *last_us_out)
                *last_us_out = part->last_us;
        }
    }
    work.count = 0; /* nothing takes their place */
    if (result == 0)
        result = drop_stored(&work, 0, error);
    return result == 0 ? store_times(&work, error) : result;
}
