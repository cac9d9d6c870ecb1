/* SPDX-License-Identifier: MIT */
/* Runs a question's query and sorts its rows: the total, the intervals, the groups. */
#include "kpi_priv.h"

enum { SQL_MAX_BYTES = 256 << 10 };

static int64_t get_int(const struct tr_pg_result *rows, int row, const char *name)
{
    int column = tr_pg_column(rows, name);
    return column < 0 || tr_pg_is_null(rows, row, column) ? 0 : tr_pg_get_int(rows, row, column);
}

static struct tr_kpi_group *find_group(const struct tr_kpi_scope *scope,
                                       const struct tr_pg_result *rows, int row,
                                       struct tr_kpi_numbers *numbers, struct tr_arena *arena)
{
    int64_t place = get_int(rows, row, "g");
    if (place < 0 || place > TR_KPI_GROUPS_MAX)
        return NULL;
    struct tr_kpi_group **group = &numbers->groups[place];
    if (*group != NULL)
        return *group;
    *group = tr_arena_calloc(arena, sizeof **group);
    (*group)->other = place == 0;
    if (scope->series)
        (*group)->series =
            tr_arena_calloc(arena, scope->range->bucket_count * sizeof *(*group)->series);
    int label = tr_pg_column(rows, "label");
    if (!tr_pg_is_null(rows, row, label))
        (*group)->label = tr_arena_dup(arena, tr_pg_get_bytes(rows, row, label));
    return *group;
}

struct tr_kpi_point *tr_kpi_point_of(const struct tr_kpi_scope *scope,
                                     const struct tr_pg_result *rows, int row,
                                     struct tr_kpi_numbers *numbers, struct tr_arena *arena)
{
    int64_t level = get_int(rows, row, "level");
    struct tr_kpi_point *total = &numbers->total;
    struct tr_kpi_point *series = numbers->series;
    if (!(level & 1)) {
        struct tr_kpi_group *group = find_group(scope, rows, row, numbers, arena);
        if (group == NULL)
            return NULL;
        total = &group->total;
        series = group->series;
    }
    if (level & 2)
        return total;
    int64_t t = get_int(rows, row, "t");
    /* 0: an interval before the first, which cannot be. */
    return series != NULL && t >= 1 && (size_t)t <= scope->range->bucket_count ? &series[t - 1]
                                                                               : NULL;
}

static void read_plain(const struct tr_pg_result *rows, int row, struct tr_kpi_point *point)
{
    point->known = true;
    point->x = get_int(rows, row, "x");
    point->y = get_int(rows, row, "y");
    point->people = get_int(rows, row, "people");
    point->n = tr_pg_column(rows, "n") >= 0 ? get_int(rows, row, "n") : point->x;
}

static void read_rows(const struct tr_kpi_scope *scope, const struct tr_pg_result *rows,
                      struct tr_kpi_numbers *numbers, struct tr_arena *arena)
{
    for (int row = 0; row < tr_pg_rows(rows); row++) {
        struct tr_kpi_point *point = tr_kpi_point_of(scope, rows, row, numbers, arena);
        if (point != NULL)
            read_plain(rows, row, point);
    }
}

int tr_kpi_measure(struct tr_kpi_ask *ask, const struct tr_kpi_scope *scope,
                   struct tr_kpi_numbers *numbers_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    struct tr_buf sql;
    tr_buf_init(&sql, SQL_MAX_BYTES);
    tr_kpi_build(scope, &sql, params);
    /* A table that has no statistics yet looks small, and a nested loop over it never ends. */
    int result = 0;
    if (scope->plan->source == TR_KPI_EVENTS)
        result = tr_pg_execute(ask->pg, tr_pg_sql("queries/kpi/no_nested_loops"), ask->error);
    if (result == 0)
        result = tr_pg_query_once(ask->pg, sql.data, params, &rows, ask->error);
    tr_buf_fini(&sql);
    if (result < 0)
        return result;
    *numbers_out = (struct tr_kpi_numbers){0};
    if (scope->series)
        numbers_out->series =
            tr_arena_calloc(ask->arena, scope->range->bucket_count * sizeof *numbers_out->series);
    if (scope->question->entry->shape == TR_KPI_DISTRIBUTION ||
        scope->question->entry->shape == TR_KPI_VITALS)
        return tr_kpi_read_distribution(ask, scope, rows, numbers_out);
    if (scope->question->entry->shape == TR_KPI_FIELDS)
        tr_kpi_read_fields(ask, scope, rows, numbers_out);
    else
        read_rows(scope, rows, numbers_out, ask->arena);
    return 0;
}
