/* SPDX-License-Identifier: MIT */
/* /v1/alerts: a read key sees rules, states and history; an admin key sees receivers, too, and
 * changes things. */
#include "api_priv.h"

#include "traction/alert.h"

/* Query threads ---------------------------------------------------------------------------------
 */

/* Everything that changes something with a body. */
typedef int change_fn(struct tr_kpi_asker *asker, struct task *task, const json_t *body,
                      json_t **answer_out);

static int run_change(struct task *task, struct tr_pg *pg, struct tr_error *error, int status,
                      change_fn *change)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker asker = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    json_t *body = tr_api_is_unsure(task) ? NULL : tr_api_read_body(task);
    if (body == NULL)
        return 0;
    int result = change(&asker, task, body, &answer);
    json_decref(body);
    return tr_api_finish(task, &asker, result, status, answer);
}

static int add(struct tr_kpi_asker *asker, struct task *task, const json_t *body,
               json_t **answer_out)
{
    (void)task;
    return tr_alert_add(asker, body, answer_out);
}

static bool is_yes(struct tr_slice value)
{
    return tr_slice_is(value, "1") || tr_slice_is(value, "true") || tr_slice_is(value, "yes");
}

static int apply(struct tr_kpi_asker *asker, struct task *task, const json_t *body,
                 json_t **answer_out)
{
    bool dry = false;
    for (size_t i = 0; i < task->parameter_count; i++)
        if (tr_slice_is(task->parameters[i].name, "dry_run"))
            dry = is_yes(task->parameters[i].value);
    return tr_alert_apply(asker, body, dry, answer_out);
}

static int change(struct tr_kpi_asker *asker, struct task *task, const json_t *body,
                  json_t **answer_out)
{
    return tr_alert_change(asker, task->id, body, answer_out);
}

static int silence(struct tr_kpi_asker *asker, struct task *task, const json_t *body,
                   json_t **answer_out)
{
    return tr_alert_silence(asker, task->id, body, answer_out);
}

static int put_receiver(struct tr_kpi_asker *asker, struct task *task, const json_t *body,
                        json_t **answer_out)
{
    (void)task;
    return tr_alert_receiver_put(asker, body, answer_out);
}

static int run_put_receiver(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_change(task, pg, error, 201, put_receiver);
}

static int run_add(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_change(task, pg, error, 201, add);
}

static int run_apply(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_change(task, pg, error, 200, apply);
}

static int run_put(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_change(task, pg, error, 200, change);
}

static int run_silence(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_change(task, pg, error, 201, silence);
}

/* What is done to a rule without a body. */
typedef int act_fn(struct tr_kpi_asker *asker, struct tr_slice id, json_t **answer_out);

static int run_act(struct task *task, struct tr_pg *pg, struct tr_error *error, act_fn *act)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker asker = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    if (tr_api_is_unsure(task))
        return 0;
    int result = act(&asker, task->id, &answer);
    return tr_api_finish(task, &asker, result, 200, answer);
}

static int run_get(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_act(task, pg, error, tr_alert_get);
}

static int run_remove(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_act(task, pg, error, tr_alert_remove);
}

static int run_unsilence(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_act(task, pg, error, tr_alert_unsilence);
}

static int run_remove_receiver(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_act(task, pg, error, tr_alert_receiver_remove);
}

static int run_test(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_act(task, pg, error, tr_alert_test);
}

typedef int see_fn(struct tr_kpi_asker *asker, const struct tr_kpi_parameter *parameters,
                   size_t count, json_t **answer_out);

static int run_see(struct task *task, struct tr_pg *pg, struct tr_error *error, see_fn *see)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker asker = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    int result = see(&asker, task->parameters, task->parameter_count, &answer);
    return tr_api_finish(task, &asker, result, 200, answer);
}

static int run_history(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_see(task, pg, error, tr_alert_history);
}

static int run_notifications(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return run_see(task, pg, error, tr_alert_notifications);
}

static int run_list(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    struct tr_kpi_problem problem = {0};
    struct tr_kpi_asker asker = tr_api_asker(task, pg, &problem, error);
    json_t *answer = NULL;
    int result = tr_alert_list(&asker, task->key.scope != TR_SCOPE_ADMIN, &answer);
    return tr_api_finish(task, &asker, result, 200, answer);
}

/* Workers ---------------------------------------------------------------------------------------
 */

static void submit(struct tr_http_request *request, struct tr_api *api, struct tr_slice id,
                   tr_api_run_fn *run)
{
    struct task *task = tr_api_begin_task(api, request, run);
    if (task == NULL)
        return;
    if (id.data != NULL)
        task->id = tr_arena_dup(task->arena, id);
    if (request->method == TR_HTTP_POST || request->method == TR_HTTP_PUT)
        task->body = tr_arena_dup(task->arena, request->body);
    tr_api_copy_parameters(request, task);
    tr_api_submit(task);
}

void tr_api_on_alerts(struct tr_http_request *request, void *context)
{
    submit(request, context, TR_SLICE_NONE,
           request->method == TR_HTTP_POST  ? run_add
           : request->method == TR_HTTP_PUT ? run_apply
                                            : run_list);
}

static const char receivers[] = "receivers/";

/* Cuts "/silence", say, off the end of an id. */
static bool cut(struct tr_slice *id, const char *tail)
{
    size_t size = strlen(tail);
    if (id->size <= size || memcmp(id->data + id->size - size, tail, size) != 0)
        return false;
    id->size -= size;
    return true;
}

static tr_api_run_fn *run_of(enum tr_http_method method, struct tr_slice *id)
{
    if (method == TR_HTTP_GET && tr_slice_is(*id, "history"))
        return run_history;
    if (method == TR_HTTP_GET && tr_slice_is(*id, "notifications"))
        return run_notifications;
    if (method == TR_HTTP_GET)
        return run_get;
    if (method == TR_HTTP_PUT)
        return run_put;
    if (method == TR_HTTP_POST && tr_slice_is(*id, "receivers"))
        return run_put_receiver;
    if (method == TR_HTTP_DELETE && tr_slice_starts(*id, receivers)) {
        *id = tr_slice(id->data + sizeof receivers - 1, id->size - (sizeof receivers - 1));
        return run_remove_receiver;
    }
    if (method == TR_HTTP_DELETE)
        return cut(id, "/silence") ? run_unsilence : run_remove;
    if (cut(id, "/silence"))
        return run_silence;
    return cut(id, "/test") ? run_test : NULL;
}

void tr_api_on_alert(struct tr_http_request *request, void *context)
{
    struct tr_slice id = tr_api_id(request);
    if (id.data == NULL) {
        tr_api_on_alerts(request, context);
        return;
    }
    tr_api_run_fn *run = run_of(request->method, &id);
    if (run != NULL) {
        submit(request, context, id, run);
        return;
    }
    tr_api_respond_problem(
        request, NULL,
        &(struct tr_kpi_problem){.status = 404,
                                 .message = "there is nothing to POST to there",
                                 .hint = "A rule has /silence and /test; a new one goes to "
                                         "/v1/alerts, a changed one is PUT."});
}
