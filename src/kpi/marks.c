/* SPDX-License-Identifier: MIT */
/* What was marked in time: a question's annotations, and a question's facts without an answer. */
#include "kpi_priv.h"

#include <errno.h>

int tr_kpi_annotations(struct tr_kpi_ask *ask, const struct tr_kpi_range *range, json_t **list_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_timestamptz(params, range->from_us);
    tr_pg_bind_timestamptz(params, range->to_us);
    int result =
        tr_pg_query(ask->pg, tr_pg_sql("queries/kpi/annotations"), params, &row, ask->error);
    if (result < 0)
        return result;
    struct tr_slice text = tr_pg_get_bytes(row, 0, 0);
    *list_out = json_loadb(text.data, text.size, 0, NULL);
    return *list_out != NULL
               ? 0
               : tr_error_set(ask->error, -EBADMSG, "the annotations read are not JSON");
}

int tr_kpi_inspect(struct tr_pg *pg, const struct tr_kpi_project *project, struct tr_slice kpi,
                   const struct tr_kpi_parameter *parameters, size_t count, int64_t now_us,
                   struct tr_arena *arena, struct tr_kpi_facts *facts_out,
                   struct tr_kpi_problem *problem_out, struct tr_error *error)
{
    struct tr_kpi_question question;
    struct tr_kpi_range range;
    struct tr_kpi_range before;
    struct tr_kpi_ask ask = {
        .pg = pg,
        .project = project,
        .now_us = now_us,
        .arena = arena,
        .problem = problem_out,
        .error = error,
    };
    int result = tr_kpi_parse_question(&ask, kpi, parameters, count, &question);
    if (result == 0)
        result = tr_kpi_resolve(&ask, &question, &range, &before);
    if (result != 0)
        return result;
    *facts_out = (struct tr_kpi_facts){
        .name = question.entry->name,
        .evidence = question.entry->evidence,
        .better = question.entry->better,
        .percentile = question.percentile,
        .from_us = range.from_us,
        .to_us = range.to_us,
    };
    return 0;
}

struct tr_slice tr_kpi_time_text(int64_t us, struct tr_arena *arena)
{
    char text[TR_KPI_TIME_BYTES];
    tr_kpi_format_time(us, text);
    return tr_arena_dup(arena, tr_slice_of(text));
}
