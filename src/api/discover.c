/* SPDX-License-Identifier: MIT */
/* GET /v1/names, GET /v1/properties, GET /v1/events: what has been sent. */
#include "api_priv.h"

static int run(struct task *task, struct tr_pg *pg, enum tr_kpi_discovery what,
               struct tr_error *error)
{
    json_t *answer = NULL;
    struct tr_kpi_problem problem;
    int result = tr_kpi_discover(pg, &task->project, what, task->parameters, task->parameter_count,
                                 task->now_us, task->arena, &answer, &problem, error);
    if (result == TR_KPI_PROBLEM)
        tr_api_answer_problem(task, &problem);
    else if (result == 0)
        tr_api_answer(task, 200, answer);
    json_decref(answer);
    return result < 0 ? result : 0;
}

int tr_api_run_names(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run(task, pg, TR_KPI_DISCOVER_NAMES, error);
}

int tr_api_run_properties(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run(task, pg, TR_KPI_DISCOVER_PROPERTIES, error);
}

int tr_api_run_events(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run(task, pg, TR_KPI_DISCOVER_EVENTS, error);
}
