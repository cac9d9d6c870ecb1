/* SPDX-License-Identifier: MIT */
/*
 * Which day a time belongs to in a project's time zone. PostgreSQL knows the zones: for each
 * project it is asked once where the days of the last and the coming months begin, and the answer
 * is searched here. Asked again when a time lies outside.
 */
#include "writer_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MARGIN_DAYS = 3, CALENDARS_MAX = 1024 };
#define DAY_US (INT64_C(86400) * 1000000)

struct calendar {
    int32_t project_id;
    int32_t first_day;
    size_t count;
    int64_t *starts; /* of first_day, first_day + 1, …; the last one only bounds the day before */
};

struct calendars {
    struct calendar *list;
    size_t count;
};

struct calendars *tr_calendars_new(void)
{
    return tr_calloc(1, sizeof(struct calendars));
}

void tr_calendars_clear(struct calendars *calendars)
{
    for (size_t i = 0; i < calendars->count; i++)
        free(calendars->list[i].starts);
    free(calendars->list);
    *calendars = (struct calendars){0};
}

void tr_calendars_free(struct calendars *calendars)
{
    if (calendars == NULL)
        return;
    tr_calendars_clear(calendars);
    free(calendars);
}

static struct calendar *find(struct calendars *calendars, int32_t project_id)
{
    for (size_t i = 0; i < calendars->count; i++)
        if (calendars->list[i].project_id == project_id)
            return &calendars->list[i];
    return NULL;
}

static struct calendar *find_or_add(struct calendars *calendars, int32_t project_id)
{
    struct calendar *calendar = find(calendars, project_id);
    if (calendar != NULL)
        return calendar;
    if (calendars->count == CALENDARS_MAX)
        tr_calendars_clear(calendars);
    calendars->list = tr_realloc(calendars->list, (calendars->count + 1) * sizeof *calendars->list);
    calendar = &calendars->list[calendars->count++];
    *calendar = (struct calendar){.project_id = project_id};
    return calendar;
}

static bool covers(const struct calendar *calendar, int64_t us)
{
    return calendar->count > 0 && us >= calendar->starts[0] &&
           us < calendar->starts[calendar->count - 1];
}

static int load(struct calendar *calendar, struct landing *landing, int64_t from_us, int64_t to_us,
                struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    tr_pg_params_clear(landing->params);
    tr_pg_bind_int4(landing->params, calendar->project_id);
    tr_pg_bind_date(landing->params, (int32_t)(from_us / DAY_US) - MARGIN_DAYS);
    tr_pg_bind_date(landing->params, (int32_t)(to_us / DAY_US) + MARGIN_DAYS);
    int code = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/day_starts"), landing->params,
                           &result, error);
    if (code < 0)
        return code;
    int rows = tr_pg_rows(result);
    if (rows == 0)
        return tr_error_set(error, -ENOENT, "project %d is not in the database",
                            calendar->project_id);
    calendar->starts = tr_realloc(calendar->starts, (size_t)rows * sizeof *calendar->starts);
    calendar->count = (size_t)rows;
    calendar->first_day = tr_pg_get_date(result, 0, 0);
    for (int row = 0; row < rows; row++)
        calendar->starts[row] = tr_pg_get_timestamptz(result, row, 1);
    return 0;
}

/* us must be covered. Days are nearly of equal length, so the guess is off by one at most. */
static size_t index_of(const struct calendar *calendar, int64_t us)
{
    assert(calendar->count >= 2);
    size_t index = (size_t)((us - calendar->starts[0]) / DAY_US);
    if (index > calendar->count - 2)
        index = calendar->count - 2;
    while (us < calendar->starts[index])
        index--;
    while (us >= calendar->starts[index + 1])
        index++;
    return index;
}

/* Extends what is covered so that asking again is rare: from the oldest to the newest seen. */
static int cover(struct calendar *calendar, struct landing *landing, int64_t us,
                 struct tr_error *error)
{
    if (covers(calendar, us))
        return 0;
    int64_t from = us;
    int64_t to = us;
    if (calendar->count > 0) {
        from = us < calendar->starts[0] ? us - 30 * DAY_US : calendar->starts[0];
        to = us < calendar->starts[0] ? calendar->starts[calendar->count - 1] : us;
    }
    return load(calendar, landing, from, to, error);
}

int tr_calendars_date(struct calendars *calendars, struct landing *landing, struct tr_error *error)
{
    struct calendar *calendar = NULL;
    for (size_t i = 0; i < landing->count; i++) {
        struct item *item = &landing->items[i];
        if (item->record.type != TR_RECORD_EVENT)
            continue;
        if (calendar == NULL || calendar->project_id != item->record.project_id)
            calendar = find_or_add(calendars, item->record.project_id);
        int result = cover(calendar, landing, item->record.timestamp_us, error);
        if (result < 0)
            return result;
        size_t index = index_of(calendar, item->record.timestamp_us);
        item->day = calendar->first_day + (int32_t)index;
        item->day_start_us = calendar->starts[index];
    }
    return 0;
}

int tr_calendars_day_start(struct calendars *calendars, struct landing *landing, int32_t project_id,
                           int64_t us, int64_t *start_out, struct tr_error *error)
{
    struct calendar *calendar = find_or_add(calendars, project_id);
    int result = cover(calendar, landing, us, error);
    if (result == 0)
        *start_out = calendar->starts[index_of(calendar, us)];
    return result;
}
