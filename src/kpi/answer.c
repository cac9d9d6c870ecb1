/* SPDX-License-Identifier: MIT */
/*
 * A question from parameters to JSON, in one read-only snapshot, so that range, plan and numbers
 * speak of the same data.
 */
#include "kpi_priv.h"

int tr_kpi_explain(struct tr_kpi_ask *ask, int result)
{
    if (tr_pg_is_broken(ask->pg) || tr_pg_error_class(ask->pg) != TR_PG_TIMEOUT)
        return result;
    return tr_kpi_refuse(ask, 504, NULL,
                         "Ask for a shorter range, or without where and by, which rollups answer.",
                         "the question took too long and was given up");
}

/* groups: those of by; a KPI that is always grouped is never without. */
static int measure(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                   const struct tr_kpi_range *range, bool groups, struct tr_kpi_plan *plan_out,
                   struct tr_kpi_numbers *numbers_out)
{
    int result = tr_kpi_choose(ask, question, range, plan_out);
    if (result != 0)
        return result;
    const struct tr_kpi_scope scope = {
        .now_us = ask->now_us,
        .question = question,
        .range = range,
        .plan = plan_out,
        .series = range->bucket_count > 0,
        .groups = question->by.fragment != NULL && (groups || question->entry->by != NULL),
    };
    return tr_kpi_measure(ask, &scope, numbers_out);
}

static int answer(struct tr_kpi_ask *ask, struct tr_kpi_question *question, json_t **answer_out)
{
    struct tr_kpi_range range;
    struct tr_kpi_range before;
    struct tr_kpi_plan plan;
    struct tr_kpi_plan before_plan;
    struct tr_kpi_numbers numbers;
    struct tr_kpi_numbers before_numbers;
    int result = tr_kpi_resolve(ask, question, &range, &before);
    if (result == 0)
        result = measure(ask, question, &range, true, &plan, &numbers);
    if (result == 0 && question->compare)
        result = measure(ask, question, &before, false, &before_plan, &before_numbers);
    if (result != 0)
        return result;
    const struct tr_kpi_result all = {
        .question = question,
        .range = &range,
        .plan = &plan,
        .numbers = &numbers,
        .before = question->compare ? &before : NULL,
        .before_numbers = &before_numbers,
        .now_us = ask->now_us,
        .as_of_us = ask->as_of_us,
    };
    json_t *marks = NULL;
    if (question->annotations)
        result = tr_kpi_annotations(ask, &range, &marks);
    if (result != 0)
        return result;
    *answer_out = tr_kpi_answer_json(&all);
    if (marks != NULL)
        json_object_set_new(*answer_out, "annotations", marks);
    return 0;
}

int tr_kpi_answer(struct tr_pg *pg, const struct tr_kpi_project *project, struct tr_slice kpi,
                  const struct tr_kpi_parameter *parameters, size_t count, int64_t now_us,
                  int64_t as_of_us, struct tr_arena *arena, json_t **answer_out,
                  struct tr_kpi_problem *problem_out, struct tr_error *error)
{
    struct tr_kpi_question question;
    struct tr_kpi_ask ask = {
        .pg = pg,
        .project = project,
        .now_us = now_us,
        .as_of_us = as_of_us,
        .arena = arena,
        .problem = problem_out,
        .error = error,
    };
    int result = tr_kpi_parse_question(&ask, kpi, parameters, count, &question);
    if (result != 0)
        return result;
    result = tr_pg_execute(pg, tr_pg_sql("queries/kpi/begin"), error);
    if (result == 0)
        result = answer(&ask, &question, answer_out);
    if (result < 0)
        result = tr_kpi_explain(&ask, result);
    /* Nothing was written: how the transaction ends makes no difference. */
    if (!tr_pg_is_broken(pg))
        tr_pg_execute(pg, "rollback", NULL);
    return result;
}
