/* SPDX-License-Identifier: MIT */
/*
 * GET /v1/kpis, GET /v1/kpi/NAME[.csv], POST /v1/query. On the head the key is judged; with the
 * whole request a task is made of it, which a query thread answers.
 */
#include "api_priv.h"

#include "traction/base/clock.h"
#include "traction/intake.h"

#include <stdlib.h>
#include <string.h>

static void refuse(struct tr_http_request *request, int status, const char *parameter,
                   const char *message, const char *hint)
{
    tr_api_respond_problem(request, NULL,
                           &(struct tr_kpi_problem){status, parameter, message, hint});
}

static void refuse_key(struct tr_http_request *request, int status, const char *code,
                       const char *message, const char *hint)
{
    tr_api_respond_problem(request, code, &(struct tr_kpi_problem){status, NULL, message, hint});
}

/* Who asks
 * ---------------------------------------------------------------------------------------- */

bool tr_api_check_key(struct tr_http_request *request, struct tr_api *api)
{
    struct tr_slice text = tr_credentials_find(request);
    struct tr_key *key = tr_arena_calloc(request->arena, sizeof *key);
    if (request->method == TR_HTTP_POST && request->body_limit > api->options.body_bytes)
        request->body_limit = api->options.body_bytes;
    if (text.data == NULL) {
        refuse_key(request, 401, "no_key",
                   "send a read key: Authorization: Bearer tr_…, or ?key=tr_…", NULL);
    } else if (!tr_auth_ready(api->options.auth)) {
        refuse_key(request, 503, "starting", "keys are not loaded yet; ask again", NULL);
    } else if (tr_auth_find_key(api->options.auth, text, key) != 0) {
        refuse_key(request, 401, "unknown_key", "this key is not known here",
                   "`traction key list` shows which are.");
    } else if (key->scope == TR_SCOPE_WRITE) {
        refuse(request, 403, NULL, "a write key may not read", "Use a read key (tr_…).");
    } else {
        request->user = key;
        return true;
    }
    return false;
}

void tr_api_on_head(struct tr_http_request *request, void *context)
{
    tr_api_check_key(request, context);
}

/* The project's facts, copied for the task while the snapshot is held. */
struct copying {
    struct task *task;
    const char *name;
};

static void copy_project(const struct tr_project *project, void *context)
{
    struct copying *copying = context;
    struct tr_arena *arena = copying->task->arena;
    copying->task->project_uuid = tr_arena_printf(arena, "%s", project->uuid);
    copying->name = tr_arena_printf(arena, "%s", project->name);
    copying->task->project = (struct tr_kpi_project){
        .id = project->id,
        .timezone = tr_arena_printf(arena, "%s", project->timezone),
        .currency = tr_arena_printf(arena, "%s", project->currency),
    };
}

/* The key decides the project; project= may only say so too. */
static bool is_own_project(const struct copying *copying, struct tr_http_request *request)
{
    struct tr_slice given = tr_http_query(request, "project", NULL);
    return given.data == NULL || tr_slice_is(given, copying->name) ||
           tr_slice_is_nocase(given, copying->task->project_uuid);
}

struct task *tr_api_begin_task(struct tr_api *api, struct tr_http_request *request,
                               int (*run)(struct task *, struct tr_pg *, struct tr_error *))
{
    const struct tr_key *key = request->user;
    struct task *task = tr_api_task_new(api, request);
    struct copying copying = {.task = task};
    struct tr_writer_state writer;
    task->key = *key;
    task->run = run;
    tr_writer_get_state(api->options.writer, &writer);
    task->as_of_us = writer.landed_through_us;
    if (!tr_auth_with_project(api->options.auth, key->project_id, copy_project, &copying)) {
        refuse(request, 401, NULL, "the key's project is gone", NULL);
    } else if (!is_own_project(&copying, request)) {
        refuse(request, 403, "project", "the key belongs to another project",
               "Leave project out: the key decides it.");
    } else {
        enum gate_outcome outcome = tr_api_enter(api, key->number);
        if (outcome == GATE_OPEN)
            return task;
        if (outcome == GATE_KEY_BUSY)
            refuse(request, 429, NULL, "this key has as many questions under way as it may",
                   "Wait for an answer before asking the next.");
        else
            refuse(request, 503, NULL, "too many questions are waiting; ask again", NULL);
    }
    tr_api_task_free(task);
    return NULL;
}

/* One question
 * ------------------------------------------------------------------------------------ */

static bool ends_with(struct tr_slice text, const char *tail)
{
    size_t size = strlen(tail);
    return text.size > size && memcmp(text.data + text.size - size, tail, size) == 0;
}

static bool wants_csv(struct tr_http_request *request)
{
    struct tr_slice accept = tr_http_field(request, "accept");
    return accept.data != NULL && memmem(accept.data, accept.size, "text/csv", 8) != NULL;
}

/* A question with more of them than any has is refused for one of those that are copied. */
void tr_api_copy_parameters(struct tr_http_request *request, struct task *task)
{
    size_t next = 0;
    struct tr_slice name;
    struct tr_slice value;
    while (task->parameter_count < PARAMETERS_MAX &&
           tr_http_query_next(request, &next, &name, &value)) {
        if (tr_slice_is(name, "key") || tr_slice_is(name, "project"))
            continue;
        task->parameters[task->parameter_count++] = (struct tr_kpi_parameter){
            tr_arena_dup(task->arena, name), tr_arena_dup(task->arena, value)};
    }
}

static void on_kpi(struct tr_http_request *request, void *context)
{
    static const char prefix[] = "/v1/kpi/";
    struct task *task = tr_api_begin_task(context, request, tr_api_run_question);
    if (task == NULL)
        return;
    struct tr_slice name =
        tr_slice(request->path.data + sizeof prefix - 1, request->path.size - (sizeof prefix - 1));
    task->csv = ends_with(name, ".csv") || wants_csv(request);
    if (ends_with(name, ".csv"))
        name.size -= 4;
    task->kpi = tr_arena_dup(task->arena, name);
    tr_api_copy_parameters(request, task);
    tr_api_submit(task);
}

int tr_api_run_question(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    json_t *answer = NULL;
    struct tr_kpi_problem problem;
    int result =
        tr_kpi_answer(pg, &task->project, task->kpi, task->parameters, task->parameter_count,
                      task->now_us, task->as_of_us, task->arena, &answer, &problem, error);
    if (result < 0)
        return result;
    if (result == TR_KPI_PROBLEM) {
        tr_api_answer_problem(task, &problem);
    } else if (task->csv) {
        task->status = 200;
        task->content_type = "text/csv; charset=utf-8";
        task->answer = tr_kpi_csv(answer, task->arena);
    } else {
        tr_api_answer(task, 200, answer);
    }
    json_decref(answer);
    return 0;
}

static void on_catalogue(struct tr_http_request *request, void *context)
{
    (void)context;
    json_t *catalogue = tr_kpi_catalogue();
    char *text = json_dumps(catalogue, JSON_COMPACT);
    json_decref(catalogue);
    tr_api_respond(request, 200, "application/json", tr_slice_of(text), false);
    free(text);
}

static void on_query(struct tr_http_request *request, void *context)
{
    struct task *task = tr_api_begin_task(context, request, tr_api_run_batch);
    if (task == NULL)
        return;
    task->body = tr_arena_dup(task->arena, request->body);
    tr_api_submit(task);
}

static void on_ledger(struct tr_http_request *request, void *context)
{
    struct task *task = tr_api_begin_task(context, request, tr_api_run_ledger);
    if (task != NULL)
        tr_api_submit(task);
}

static void on_names(struct tr_http_request *request, void *context)
{
    struct task *task = tr_api_begin_task(context, request, tr_api_run_names);
    if (task == NULL)
        return;
    tr_api_copy_parameters(request, task);
    tr_api_submit(task);
}

static void on_properties(struct tr_http_request *request, void *context)
{
    struct task *task = tr_api_begin_task(context, request, tr_api_run_properties);
    if (task == NULL)
        return;
    tr_api_copy_parameters(request, task);
    tr_api_submit(task);
}

const struct tr_http_route *tr_api_routes(size_t *count_out)
{
    static const struct tr_http_route routes[] = {
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/kpi/*", tr_api_on_head, on_kpi, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/query", tr_api_on_head, on_query, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/kpis", tr_api_on_head, on_catalogue, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/names", tr_api_on_head, on_names, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/properties", tr_api_on_head, on_properties, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/live", tr_api_on_head, tr_api_on_live, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/ledger", tr_api_on_head, on_ledger, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/hypotheses", tr_api_on_head, tr_api_on_hypotheses,
         NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/hypotheses/*", tr_api_on_head, tr_api_on_hypotheses,
         NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/hypotheses", tr_api_on_admin_head,
         tr_api_on_hypotheses, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_DELETE), "/v1/hypotheses/*", tr_api_on_admin_head,
         tr_api_on_hypotheses, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/annotations", tr_api_on_head, tr_api_on_annotations,
         NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/annotations/*", tr_api_on_head,
         tr_api_on_annotations, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/annotations", tr_api_on_admin_head,
         tr_api_on_annotations, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_DELETE), "/v1/annotations/*", tr_api_on_admin_head,
         tr_api_on_annotations, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/alerts", tr_api_on_head, tr_api_on_alerts, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_POST) | TR_HTTP_METHOD_BIT(TR_HTTP_PUT), "/v1/alerts",
         tr_api_on_admin_head, tr_api_on_alerts, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/alerts/*", tr_api_on_head, tr_api_on_alert, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_POST) | TR_HTTP_METHOD_BIT(TR_HTTP_PUT) |
             TR_HTTP_METHOD_BIT(TR_HTTP_DELETE),
         "/v1/alerts/*", tr_api_on_admin_head, tr_api_on_alert, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/compare", tr_api_on_head, tr_api_on_compare, NULL},
    };
    *count_out = sizeof routes / sizeof *routes;
    return routes;
}
