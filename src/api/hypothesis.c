/* SPDX-License-Identifier: MIT */
/*
 * /v1/hypotheses, /v1/annotations and /v1/compare. A read key reads, an admin key changes; what a
 * path and a method mean is decided on the query thread, by the task's method and id.
 */
#include "api_priv.h"

#include "traction/hypothesis.h"

#include <string.h>

/* Query threads ---------------------------------------------------------------------------------
 */

struct tr_kpi_asker tr_api_asker(struct task *task, struct tr_pg *pg,
                                 struct tr_kpi_problem *problem, struct tr_error *error)
{
    return (struct tr_kpi_asker){
        .pg = pg,
        .project = &task->project,
        .now_us = task->now_us,
        .as_of_us = task->as_of_us,
        .arena = task->arena,
        .problem = problem,
        .error = error,
    };
}

int tr_api_finish(struct task *task, const struct tr_kpi_asker *ask, int result, int status,
                  json_t *answer)
{
    task->committing = ask->committing;
    if (result == TR_KPI_PROBLEM)
        tr_api_answer_problem(task, ask->problem);
    else if (result == 0)
        tr_api_answer(task, status, answer);
    json_decref(answer);
    return result < 0 ? result : 0;
}

bool tr_api_is_unsure(struct task *task)
{
    if (task->committing)
        tr_api_answer_problem(
            task, &(struct tr_kpi_problem){
                      .status = 503,
                      .message = "the database went away, and may or may not have stored this",
                      .hint = "Look before sending it again.",
                  });
    return task->committing;
}

json_t *tr_api_read_body(struct task *task)
{
    json_error_t wrong;
    json_t *body = json_loadb(task->body.data != NULL ? task->body.data : "", task->body.size,
                              JSON_REJECT_DUPLICATES, &wrong);
    if (body == NULL)
        tr_api_answer_problem(task, &(struct tr_kpi_problem){
                                        .status = 400,
                                        .message = tr_arena_printf(task->arena,
                                                                   "the body is not JSON: %.100s "
                                                                   "(line %d)",
                                                                   wrong.text, wrong.line)});
    return body;
}

static int run_hypothesis_read(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker ask = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    int result = task->id.data != NULL ? tr_hypothesis_get(&ask, task->id, &answer)
                                       : tr_hypothesis_list(&ask, &answer);
    ask.committing = false; /* what was found is the same when it is found again */
    return tr_api_finish(task, &ask, result, 200, answer);
}

static int run_hypothesis_add(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker ask = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    json_t *body = tr_api_is_unsure(task) ? NULL : tr_api_read_body(task);
    if (body == NULL)
        return 0;
    int result = tr_hypothesis_add(&ask, body, &answer);
    json_decref(body);
    return tr_api_finish(task, &ask, result, 201, answer);
}

static int run_hypothesis_remove(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker ask = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    int result = tr_api_is_unsure(task) ? 0 : tr_hypothesis_remove(&ask, task->id, &answer);
    return task->committing ? 0 : tr_api_finish(task, &ask, result, 200, answer);
}

static int run_annotation_read(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker ask = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    int result = task->id.data != NULL
                     ? tr_annotation_get(&ask, task->id, &answer)
                     : tr_annotation_list(&ask, task->parameters, task->parameter_count, &answer);
    return tr_api_finish(task, &ask, result, 200, answer);
}

static int run_annotation_add(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker ask = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    bool made = false;
    json_t *body = tr_api_is_unsure(task) ? NULL : tr_api_read_body(task);
    if (body == NULL)
        return 0;
    int result = tr_annotation_add(&ask, body, &made, &answer);
    json_decref(body);
    return tr_api_finish(task, &ask, result, made ? 201 : 200, answer);
}

static int run_annotation_remove(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker ask = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    int result = tr_api_is_unsure(task) ? 0 : tr_annotation_remove(&ask, task->id, &answer);
    return task->committing ? 0 : tr_api_finish(task, &ask, result, 200, answer);
}

static int run_compare(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker ask = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    int result = tr_compare(&ask, task->parameters, task->parameter_count, &answer);
    return tr_api_finish(task, &ask, result, 200, answer);
}

/* Workers ---------------------------------------------------------------------------------------
 */

struct tr_slice tr_api_id(const struct tr_http_request *request)
{
    const char *start = memchr(request->path.data + 4, '/', request->path.size - 4);
    if (start == NULL || start + 1 == request->path.data + request->path.size)
        return TR_SLICE_NONE;
    size_t size = (size_t)(request->path.data + request->path.size - start - 1);
    return tr_slice(start + 1, start[size] == '/' ? size - 1 : size);
}

static void submit(struct tr_http_request *request, struct tr_api *api, tr_api_run_fn *read,
                   tr_api_run_fn *add, tr_api_run_fn *erase)
{
    tr_api_run_fn *run = request->method == TR_HTTP_POST     ? add
                         : request->method == TR_HTTP_DELETE ? erase
                                                             : read;
    struct tr_slice id = tr_api_id(request);
    struct task *task = tr_api_begin_task(api, request, run);
    if (task == NULL)
        return;
    if (id.data != NULL)
        task->id = tr_arena_dup(task->arena, id);
    if (request->method == TR_HTTP_POST)
        task->body = tr_arena_dup(task->arena, request->body);
    tr_api_copy_parameters(request, task);
    tr_api_submit(task);
}

void tr_api_on_hypotheses(struct tr_http_request *request, void *context)
{
    submit(request, context, run_hypothesis_read, run_hypothesis_add, run_hypothesis_remove);
}

void tr_api_on_annotations(struct tr_http_request *request, void *context)
{
    submit(request, context, run_annotation_read, run_annotation_add, run_annotation_remove);
}

void tr_api_on_compare(struct tr_http_request *request, void *context)
{
    submit(request, context, run_compare, run_compare, run_compare);
}
