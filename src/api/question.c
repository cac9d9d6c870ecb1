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
    struct tr_kpi_problem problem = {403, "kpi", "a shared link shows its page only", NULL};
    int result =
        !tr_api_may_ask(&task->key, task->kpi)
            ? TR_KPI_PROBLEM
            : tr_kpi_answer(pg, &task->project, task->kpi, task->parameters, task->parameter_count,
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
    tr_api_respond(request, 200, "application/json", tr_slice_of(text), false, NULL);
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

static void on_events(struct tr_http_request *request, void *context)
{
    struct task *task = tr_api_begin_task(context, request, tr_api_run_events);
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

static const struct tr_http_route routes[] = {
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/kpi/*", tr_api_on_head, on_kpi, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/query", tr_api_on_head, on_query, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/kpis", tr_api_on_head, on_catalogue, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/names", tr_api_on_head, on_names, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/properties", tr_api_on_head, on_properties, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/events", tr_api_on_head, on_events, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/live", tr_api_on_head, tr_api_on_live, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/ledger", tr_api_on_head, on_ledger, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/hypotheses", tr_api_on_head, tr_api_on_hypotheses, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/hypotheses/*", tr_api_on_head, tr_api_on_hypotheses,
     NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/hypotheses", tr_api_on_admin_head, tr_api_on_hypotheses,
     NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_DELETE), "/v1/hypotheses/*", tr_api_on_admin_head,
     tr_api_on_hypotheses, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/annotations", tr_api_on_head, tr_api_on_annotations,
     NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/annotations/*", tr_api_on_head, tr_api_on_annotations,
     NULL},
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
    {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/session", tr_api_on_sign_in_head, tr_api_on_sign_in,
     NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET) | TR_HTTP_METHOD_BIT(TR_HTTP_DELETE), "/v1/session",
     tr_api_on_session_head, tr_api_on_session, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/session/rotate", tr_api_on_session_head,
     tr_api_on_session, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_PUT), "/v1/session/password", tr_api_on_session_head,
     tr_api_on_session, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET) | TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/users",
     tr_api_on_record_head, tr_api_on_record, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_PUT) | TR_HTTP_METHOD_BIT(TR_HTTP_DELETE), "/v1/users/*",
     tr_api_on_record_head, tr_api_on_record, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET) | TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/projects",
     tr_api_on_record_head, tr_api_on_record, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_PUT), "/v1/project", tr_api_on_record_head, tr_api_on_record, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/erase", tr_api_on_record_head, tr_api_on_record, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/keys", tr_api_on_record_head, tr_api_on_record, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/keys", tr_api_on_admin_head, tr_api_on_key_add, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_DELETE), "/v1/keys/*", tr_api_on_record_head, tr_api_on_record,
     NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET) | TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/shares",
     tr_api_on_record_head, tr_api_on_record, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_DELETE), "/v1/shares/*", tr_api_on_record_head, tr_api_on_record,
     NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/share", tr_api_on_record_head, tr_api_on_record, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/rejects", tr_api_on_record_head, tr_api_on_record, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_DELETE), "/v1/rejects/*", tr_api_on_record_head, tr_api_on_record,
     NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/compare", tr_api_on_head, tr_api_on_compare, NULL},
};

const struct tr_http_route *tr_api_routes(size_t *count_out)
{
    *count_out = sizeof routes / sizeof *routes;
    return routes;
}
