/* SPDX-License-Identifier: MIT */
/*
 * Who asks, and about which project. A key decides its project. A session's cookie says who it is,
 * project= says what about, and the role what may be done; what changes something has to carry a
 * field that other origins' pages cannot send. A share's key reads what its page shows.
 */
#include "api_priv.h"

#include "traction/base/clock.h"
#include "traction/intake.h"

#include <string.h>

static void refuse(struct tr_http_request *request, int status, const char *code,
                   const char *parameter, const char *message, const char *hint)
{
    tr_api_respond_problem(request, code,
                           &(struct tr_kpi_problem){status, parameter, message, hint});
}

struct tr_slice tr_api_credentials(struct tr_http_request *request)
{
    struct tr_slice key = tr_credentials_find(request);
    return key.data != NULL ? key : tr_credentials_session(request);
}

static bool find_session(struct tr_http_request *request, struct tr_api *api, struct tr_key *key)
{
    struct tr_slice cookie = tr_credentials_session(request);
    struct tr_slice project = tr_http_query(request, "project", NULL);
    if (tr_auth_find_session(api->options.auth, cookie, request->received_us, key) != 0) {
        refuse(request, 401, "signed_out", NULL, "the session has ended; sign in again", NULL);
        return false;
    }
    if (!tr_credentials_same_site(request)) {
        refuse(request, 403, "cross_site", NULL,
               "a session may only change something with the field Traction-Request",
               "Use a key from scripts.");
        return false;
    }
    key->project_id = project.data != NULL ? tr_auth_find_project(api->options.auth, project) : -1;
    if (project.data != NULL && key->project_id < 0) {
        refuse(request, 404, NULL, "project", "there is no such project", NULL);
        return false;
    }
    return true;
}

/* Shares --------------------------------------------------------------------------------------- */

/* What each page asks. The dashboard's pages say the same; its tests look at every one of them. */
static const struct {
    const char *page;
    const char *kpis;
} shared[] = {
    {"overview",
     " active_users new_users sessions retention return_rate error_rate load_time "
     "api_response_time mrr revenue nps churn_rate page_views stickiness conversion_rate "
     "client_error_rate "},
    {"engagement", " active_users new_users sessions bounce_rate time_on_site page_views "
                   "feature_usage lifecycle stickiness return_rate event_count "},
    {"performance", " web_vitals load_time api_response_time error_rate client_error_rate errors "
                    "apdex event_count "},
    {"business", " mrr revenue arpu churn_rate revenue_churn nrr grr quick_ratio ltv payback "
                 "acquisition_cost acquisition conversion_rate funnel "},
    {"feedback", " nps csat ces sentiment responses "},
    {"retention", " retention active_users return_rate "},
};

bool tr_api_may_ask(const struct tr_key *key, struct tr_slice kpi)
{
    char name[64];
    if (key->page[0] == '\0')
        return true;
    snprintf(name, sizeof name, " %.*s ", (int)(kpi.size < 60 ? kpi.size : 60), kpi.data);
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        if (strcmp(shared[i].page, key->page) == 0)
            return strstr(shared[i].kpis, name) != NULL;
    return false;
}

bool tr_api_is_shareable(const char *page)
{
    bool found = false;
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        found = found || strcmp(shared[i].page, page) == 0;
    return found;
}

static bool is_shared_path(struct tr_slice path)
{
    return tr_slice_starts(path, "/v1/kpi/") || tr_slice_is(path, "/v1/query") ||
           tr_slice_is(path, "/v1/kpis") || tr_slice_is(path, "/v1/annotations") ||
           tr_slice_is(path, "/v1/share");
}

/* Judging -------------------------------------------------------------------------------------- */

static bool find_key(struct tr_http_request *request, struct tr_api *api, struct tr_slice text,
                     struct tr_key *key)
{
    if (tr_auth_find_key(api->options.auth, text, key) != 0)
        refuse(request, 401, "unknown_key", NULL, "this key is not known here",
               "`traction key list` shows which are.");
    else if (key->scope == TR_SCOPE_WRITE)
        refuse(request, 403, NULL, NULL, "a write key may not read", "Use a read key (tr_…).");
    else if (key->page[0] != '\0' && !is_shared_path(request->path))
        refuse(request, 403, NULL, NULL, "a shared link shows its page only", NULL);
    else
        return true;
    return false;
}

bool tr_api_check_key(struct tr_http_request *request, struct tr_api *api)
{
    struct tr_slice text = tr_credentials_find(request);
    struct tr_key *key = tr_arena_calloc(request->arena, sizeof *key);
    request->user = key;
    if (request->method == TR_HTTP_POST && request->body_limit > api->options.body_bytes)
        request->body_limit = api->options.body_bytes;
    if (text.data == NULL && tr_credentials_session(request).data == NULL)
        refuse(request, 401, "no_key", NULL,
               "send a read key: Authorization: Bearer tr_…, or ?key=tr_…", NULL);
    else if (!tr_auth_ready(api->options.auth))
        refuse(request, 503, "starting", NULL, "keys are not loaded yet; ask again", NULL);
    else if (text.data != NULL)
        return find_key(request, api, text, key);
    else
        return find_session(request, api, key);
    return false;
}

void tr_api_on_head(struct tr_http_request *request, void *context)
{
    tr_api_check_key(request, context);
}

void tr_api_on_admin_head(struct tr_http_request *request, void *context)
{
    if (!tr_api_check_key(request, context))
        return;
    const struct tr_key *key = request->user;
    if (key->scope == TR_SCOPE_ADMIN)
        return;
    if (key->role != TR_ROLE_NONE)
        refuse(request, 403, NULL, NULL, "a viewer may not change anything",
               "An owner can make you a member.");
    else
        refuse(request, 403, NULL, NULL, "a read key may not change anything",
               "Use an admin key (ta_…).");
}

/* Tasks ---------------------------------------------------------------------------------------- */

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

static bool find_project(struct tr_api *api, struct tr_http_request *request, struct task *task)
{
    const struct tr_key *key = request->user;
    struct copying copying = {.task = task};
    if (key->role != TR_ROLE_NONE && key->project_id < 0)
        refuse(request, 400, NULL, "project", "say which project: ?project=NAME or its UUID", NULL);
    else if (!tr_auth_with_project(api->options.auth, key->project_id, copy_project, &copying))
        refuse(request, 401, NULL, NULL, "the key's project is gone", NULL);
    else if (!is_own_project(&copying, request))
        refuse(request, 403, NULL, "project", "the key belongs to another project",
               "Leave project out: the key decides it.");
    else
        return true;
    return false;
}

static bool pass_gate(struct tr_api *api, struct tr_http_request *request, uint64_t number)
{
    enum gate_outcome outcome = tr_api_enter(api, number);
    if (outcome == GATE_KEY_BUSY)
        refuse(request, 429, NULL, NULL, "this key has as many questions under way as it may",
               "Wait for an answer before asking the next.");
    else if (outcome == GATE_FULL)
        refuse(request, 503, NULL, NULL, "too many questions are waiting; ask again", NULL);
    return outcome == GATE_OPEN;
}

struct task *tr_api_begin_plain_task(struct tr_api *api, struct tr_http_request *request,
                                     tr_api_run_fn *run)
{
    const struct tr_key *key = request->user;
    struct task *task = tr_api_task_new(api, request);
    task->key = *key;
    task->run = run;
    if (pass_gate(api, request, key->number))
        return task;
    tr_api_task_free(task);
    return NULL;
}

struct task *tr_api_begin_task(struct tr_api *api, struct tr_http_request *request,
                               tr_api_run_fn *run)
{
    const struct tr_key *key = request->user;
    struct task *task = tr_api_task_new(api, request);
    struct tr_writer_state writer;
    task->key = *key;
    task->run = run;
    tr_writer_get_state(api->options.writer, &writer);
    task->as_of_us = writer.landed_through_us;
    if (find_project(api, request, task) && pass_gate(api, request, key->number))
        return task;
    tr_api_task_free(task);
    return NULL;
}
