/* SPDX-License-Identifier: MIT */
/* The range of a question as instants, and its intervals. PostgreSQL does the calendar. */
#include "kpi_priv.h"

#include <stdio.h>

#define HOUR_US (INT64_C(3600) * 1000000)
static void bind_when(struct tr_pg_params *params, const struct tr_kpi_when *when)
{
    static const char *const kinds[] = {
        [TR_KPI_ABSENT] = "",     [TR_KPI_INSTANT] = "instant", [TR_KPI_DATE] = "date",
        [TR_KPI_TODAY] = "today", [TR_KPI_BEGIN] = "begin",
    };
    tr_pg_bind_text(params, tr_slice_of(kinds[when->kind]));
    tr_pg_bind_timestamptz(params, when->instant_us);
    tr_pg_bind_date(params, when->date);
    tr_pg_bind_int4(params, when->days);
}

static int column_of(const struct tr_pg_result *row, const char *prefix, const char *name)
{
    char text[40];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    return tr_pg_column(row, text);
}

/* prefix: of the columns about this range. */
static struct tr_kpi_range read_ends(const struct tr_pg_result *row, const char *prefix)
{
    return (struct tr_kpi_range){
        .from_us = tr_pg_get_timestamptz(row, 0, column_of(row, prefix, "from_at")),
        .to_us = tr_pg_get_timestamptz(row, 0, column_of(row, prefix, "to_at")),
        .next_us = tr_pg_get_timestamptz(row, 0, column_of(row, prefix, "next_at")),
        .from_day = tr_pg_get_date(row, 0, column_of(row, prefix, "from_day")),
        .next_day = tr_pg_get_date(row, 0, column_of(row, prefix, "next_day")),
        .from_midnight = tr_pg_get_bool(row, 0, column_of(row, prefix, "from_midnight")),
        .to_midnight = tr_pg_get_bool(row, 0, column_of(row, prefix, "to_midnight")),
    };
}

static int find_ends(struct tr_kpi_ask *ask, const struct tr_kpi_question *question,
                     struct tr_kpi_range *range, struct tr_kpi_range *before)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_text(params, tr_slice_of(question->timezone));
    tr_pg_bind_timestamptz(params, ask->now_us);
    bind_when(params, &question->from);
    bind_when(params, &question->to);
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_text(params, tr_slice_of(tr_kpi_compare_names[question->compare]));
    int result = tr_pg_query(ask->pg, tr_pg_sql("queries/kpi/resolve"), params, &row, ask->error);
    if (result < 0)
        return result;
    *range = read_ends(row, "");
    *before = read_ends(row, "before_");
    return 0;
}

static enum tr_kpi_interval default_interval(const struct tr_kpi_entry *entry,
                                             const struct tr_kpi_range *range)
{
    int64_t length_us = range->to_us - range->from_us;
    if (entry->points > 0 && length_us > INT64_C(62) * 24 * HOUR_US)
        return length_us > INT64_C(366) * 24 * HOUR_US ? TR_KPI_MONTH : TR_KPI_WEEK;
    return entry->whole_days || length_us > 48 * HOUR_US ? TR_KPI_DAY : TR_KPI_HOUR;
}

/* Refuses before PostgreSQL makes millions of intervals. */
static int check_points(struct tr_kpi_ask *ask, const struct tr_kpi_question *question,
                        const struct tr_kpi_range *range)
{
    static const int64_t least_us[TR_KPI_BY_RANGE] = {
        [TR_KPI_NONE] = INT64_MAX,   [TR_KPI_MINUTE] = HOUR_US / 60, [TR_KPI_HOUR] = HOUR_US,
        [TR_KPI_DAY] = 24 * HOUR_US, [TR_KPI_WEEK] = 168 * HOUR_US,  [TR_KPI_MONTH] = 730 * HOUR_US,
    };
    bool groups = question->by.fragment != NULL;
    int64_t most = groups ? TR_KPI_POINTS_BY_MAX : TR_KPI_POINTS_MAX;
    if (question->entry->points > 0)
        most = question->entry->points;
    if ((range->to_us - range->from_us) / least_us[question->interval] <= most)
        return 0;
    return tr_kpi_refuse(ask, 400, "interval", "Ask for a longer interval or a shorter range.",
                         "interval: expected at most %d points%s", (int)most,
                         groups ? " with by=" : "");
}

static int find_buckets(struct tr_kpi_ask *ask, const struct tr_kpi_question *question,
                        struct tr_kpi_range *range)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    tr_pg_bind_text(params, tr_slice_of(question->timezone));
    tr_pg_bind_timestamptz(params, range->from_us);
    tr_pg_bind_timestamptz(params, range->to_us);
    tr_pg_bind_text(params, tr_slice_of(tr_kpi_interval_names[question->interval]));
    int result = tr_pg_query(ask->pg, tr_pg_sql("queries/kpi/buckets"), params, &rows, ask->error);
    if (result < 0)
        return result;
    range->bucket_count = (size_t)tr_pg_rows(rows);
    range->starts = tr_arena_alloc(ask->arena, range->bucket_count * sizeof *range->starts);
    range->days = tr_arena_alloc(ask->arena, range->bucket_count * sizeof *range->days);
    for (size_t i = 0; i < range->bucket_count; i++) {
        range->starts[i] = tr_pg_get_timestamptz(rows, (int)i, 0);
        range->days[i] = tr_pg_get_date(rows, (int)i, 1);
        range->end_us = tr_pg_get_timestamptz(rows, (int)i, 2);
    }
    return 0;
}

int tr_kpi_resolve(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                   struct tr_kpi_range *range_out, struct tr_kpi_range *before_out)
{
    int result = tr_kpi_check_zone(ask, question);
    if (result == 0)
        result = find_ends(ask, question, range_out, before_out);
    if (result != 0)
        return result;
    if (range_out->from_us >= range_out->to_us) {
        char from[TR_KPI_TIME_BYTES];
        char to[TR_KPI_TIME_BYTES];
        tr_kpi_format_time(range_out->from_us, from);
        tr_kpi_format_time(range_out->to_us, to);
        return tr_kpi_refuse(ask, 400, "from", NULL,
                             "from: expected an instant before to (from is %s, to is %s)", from,
                             to);
    }
    if (question->interval == TR_KPI_BY_RANGE)
        question->interval = default_interval(question->entry, range_out);
    result = check_points(ask, question, range_out);
    if (result == 0 && question->interval != TR_KPI_NONE)
        result = find_buckets(ask, question, range_out);
    if (result == 0 && question->interval != TR_KPI_NONE && question->compare)
        result = find_buckets(ask, question, before_out);
    return result;
}
