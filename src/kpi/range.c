/* SPDX-License-Identifier: MIT */
/* The range of a question as instants, and its intervals. PostgreSQL does the calendar. */
#include "kpi_priv.h"

#define HOUR_US (INT64_C(3600) * 1000000)
/* 0001-01-01: before the earliest range that can be asked for there is nothing to compare with. */
#define EARLIEST_US INT64_C(-62135596800000000)

static void bind_when(struct tr_pg_params *params, const struct tr_kpi_when *when)
{
    static const char *const kinds[] = {
        [TR_KPI_ABSENT] = "",     [TR_KPI_INSTANT] = "instant", [TR_KPI_DATE] = "date",
        [TR_KPI_TODAY] = "today", [TR_KPI_BEGIN] = "", /* settled before */
    };
    tr_pg_bind_text(params, tr_slice_of(kinds[when->kind]));
    tr_pg_bind_timestamptz(params, when->instant_us);
    tr_pg_bind_date(params, when->date);
    tr_pg_bind_int4(params, when->days);
}

static void read_ends(const struct tr_pg_result *row, struct tr_kpi_range *range,
                      struct tr_kpi_range *before)
{
    *range = (struct tr_kpi_range){
        .from_us = tr_pg_get_timestamptz(row, 0, tr_pg_column(row, "from_at")),
        .to_us = tr_pg_get_timestamptz(row, 0, tr_pg_column(row, "to_at")),
        .next_us = tr_pg_get_timestamptz(row, 0, tr_pg_column(row, "next_at")),
        .from_day = tr_pg_get_date(row, 0, tr_pg_column(row, "from_day")),
        .next_day = tr_pg_get_date(row, 0, tr_pg_column(row, "next_day")),
        .from_midnight = tr_pg_get_bool(row, 0, tr_pg_column(row, "from_midnight")),
        .to_midnight = tr_pg_get_bool(row, 0, tr_pg_column(row, "to_midnight")),
    };
    /* Whole days have as many whole days before them, whatever the clocks did; else as much time.
     */
    bool whole = range->from_midnight && range->to_midnight;
    int64_t before_us = range->from_us - (range->to_us - range->from_us);
    if (before_us < EARLIEST_US)
        before_us = EARLIEST_US;
    *before = (struct tr_kpi_range){
        .from_us =
            whole ? tr_pg_get_timestamptz(row, 0, tr_pg_column(row, "before_at")) : before_us,
        .to_us = range->from_us,
        .next_us = range->from_us,
        .from_day = tr_pg_get_date(row, 0, tr_pg_column(row, "before_day")),
        .next_day = range->from_day,
        .from_midnight = whole,
        .to_midnight = whole,
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
    int result = tr_pg_query(ask->pg, tr_pg_sql("queries/kpi/resolve"), params, &row, ask->error);
    if (result == 0)
        read_ends(row, range, before);
    return result;
}

static enum tr_kpi_interval default_interval(const struct tr_kpi_entry *entry,
                                             const struct tr_kpi_range *range)
{
    int64_t length_us = range->to_us - range->from_us;
    if (entry->points > 0 && length_us > 62 * 24 * HOUR_US)
        return length_us > 366 * 24 * HOUR_US ? TR_KPI_MONTH : TR_KPI_WEEK;
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
    }
    return 0;
}

/* A day of the range, or an instant in it, moved back by days, or to the date a year before. */
static struct tr_kpi_when moved(bool whole, int32_t day, int64_t us, int back, bool year)
{
    if (whole)
        return (struct tr_kpi_when){.kind = TR_KPI_DATE,
                                    .date = year ? tr_kpi_year_before(day) : day - back};
    return (struct tr_kpi_when){.kind = TR_KPI_INSTANT,
                                .instant_us = us - (int64_t)(year ? 365 : back) * 24 * HOUR_US};
}

/* The range whose weekdays, or whose dates, are those of this one. */
static int find_earlier(struct tr_kpi_ask *ask, const struct tr_kpi_question *question,
                        const struct tr_kpi_range *range, struct tr_kpi_range *before)
{
    static const int64_t week_us = 7 * 24 * HOUR_US;
    struct tr_kpi_question earlier = *question;
    struct tr_kpi_range unused;
    bool whole = range->from_midnight && range->to_midnight;
    bool year = question->compare == TR_KPI_COMPARE_YEAR;
    int64_t length_us = whole ? (int64_t)(range->next_day - range->from_day) * 24 * HOUR_US
                              : range->to_us - range->from_us;
    int back = (int)((length_us + week_us - 1) / week_us) * 7;
    earlier.from = moved(whole, range->from_day, range->from_us, back, year);
    earlier.to = moved(whole, range->next_day, range->to_us, back, year);
    return find_ends(ask, &earlier, before, &unused);
}

static int find_begin(struct tr_kpi_ask *ask, struct tr_kpi_question *question)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_text(params, tr_slice_of(question->timezone));
    int result = tr_pg_query(ask->pg, tr_pg_sql("queries/kpi/first_day"), params, &row, ask->error);
    if (result < 0)
        return result;
    question->from = (struct tr_kpi_when){.kind = TR_KPI_TODAY};
    if (!tr_pg_is_null(row, 0, 0))
        question->from =
            (struct tr_kpi_when){.kind = TR_KPI_DATE, .date = tr_pg_get_date(row, 0, 0)};
    return 0;
}

int tr_kpi_resolve(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                   struct tr_kpi_range *range_out, struct tr_kpi_range *before_out)
{
    int result = tr_kpi_check_zone(ask, question);
    if (result == 0 && question->from.kind == TR_KPI_BEGIN)
        result = find_begin(ask, question);
    if (result == 0)
        result = find_ends(ask, question, range_out, before_out);
    if (result == 0 && question->compare > TR_KPI_COMPARE_PREVIOUS)
        result = find_earlier(ask, question, range_out, before_out);
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
