/* SPDX-License-Identifier: MIT */
/*
 * Signing in, with a password or a link that works once; who is signed in; another cookie each day;
 * another password; signing out, also everywhere. And making keys, which are shown once.
 */
#include "api_priv.h"

#include "traction/base/address.h"
#include "traction/base/hash.h"
#include "traction/intake.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    IDLE_S = 30 * 86400,  /* a session that nobody uses ends */
    WHOLE_S = 90 * 86400, /* and any, to sign in again */
    SNAPSHOT_WAIT_MS = 2000,
};

/* Query threads -------------------------------------------------------------------------------- */

int tr_api_write(struct task *task, struct tr_pg *pg, const char *query,
                 const struct tr_pg_params *params, struct tr_pg_result **row_out,
                 struct tr_error *error)
{
    int result = tr_pg_execute(pg, "begin read write", error);
    if (result == 0)
        result = tr_pg_query(pg, tr_pg_sql(query), params, row_out, error);
    if (result == 0) {
        task->committing = true;
        result = tr_pg_execute(pg, "commit", error);
    }
    if (result < 0 && !tr_pg_is_broken(pg))
        tr_pg_execute(pg, "rollback", NULL);
    if (result == 0)
        task->committing = false;
    return result;
}

static void refuse(struct task *task, int status, const char *code, const char *parameter,
                   const char *message)
{
    const struct tr_kpi_problem problem = {status, parameter, message, NULL};
    json_t *answer = tr_api_problem_json(code, &problem);
    tr_api_answer(task, status, answer);
    json_decref(answer);
}

/* Strict: alerts' links open a page that is the same for everybody, and whose requests are of this
 * site. */
static void set_cookie(struct task *task, const char *token, int seconds)
{
    task->set_cookie = tr_arena_printf(
        task->arena, TR_SESSION_COOKIE "=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s",
        token, seconds, task->secure ? "; Secure" : "");
}

/* The next request may come to any thread of this server, which has to know the session by then. */
static void wait_for_session(struct task *task, const char *token)
{
    struct tr_auth *auth = task->api->options.auth;
    struct tr_key key;
    for (int i = 0; i < SNAPSHOT_WAIT_MS / 2; i++) {
        if (tr_auth_find_session(auth, tr_slice_of(token), task->now_us, &key) == 0)
            return;
        if (i % 50 == 0)
            tr_auth_refresh(auth);
        nanosleep(&(struct timespec){0, 2000000}, NULL);
    }
}

static int open_session(struct task *task, struct tr_pg *pg, const struct tr_user *user,
                        struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    char token[TR_KEY_BYTES];
    uint8_t digest[32];
    tr_auth_make_token("", token, digest);
    tr_pg_bind_bytea(params, tr_slice((const char *)digest, sizeof digest));
    tr_pg_bind_int4(params, user->id);
    tr_pg_bind_float8(params, IDLE_S);
    int result = tr_api_write(task, pg, "queries/access/session_open", params, &row, error);
    if (result < 0)
        return result;
    wait_for_session(task, token);
    set_cookie(task, token, IDLE_S);
    json_t *answer = json_pack("{s:{s:s, s:s}}", "user", "email", user->email, "role",
                               tr_auth_role_name(user->role));
    tr_api_answer(task, 200, answer);
    json_decref(answer);
    return 0;
}

/* 0, TR_AUTH_UNKNOWN or < 0. */
static int use_link(struct task *task, struct tr_pg *pg, const char *link, struct tr_user *user,
                    struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    uint8_t digest[32];
    tr_sha256(link, strlen(link), digest);
    tr_pg_bind_bytea(params, tr_slice((const char *)digest, sizeof digest));
    int result = tr_api_write(task, pg, "queries/access/link_use", params, &row, error);
    if (result < 0)
        return result;
    if (tr_pg_rows(row) == 0)
        return TR_AUTH_UNKNOWN;
    tr_auth_take_user(row, user);
    return 0;
}

static int sign_in(struct task *task, struct tr_pg *pg, const json_t *body, struct tr_error *error)
{
    struct attempts *attempts = task->api->attempts;
    const char *email = json_string_value(json_object_get(body, "email"));
    const char *password = json_string_value(json_object_get(body, "password"));
    const char *link = json_string_value(json_object_get(body, "link"));
    struct tr_user user = {0};
    int result;
    if (link == NULL && (email == NULL || password == NULL || strlen(email) > 254 ||
                         strlen(password) > TR_PASSWORD_MAX_BYTES)) {
        refuse(task, 400, NULL, email == NULL ? "email" : "password",
               "expected email and password, or link");
        return 0;
    }
    if (!tr_attempts_allowed(attempts, link == NULL ? email : "", task->client)) {
        refuse(task, 429, "too_many_attempts", NULL,
               "too many attempts to sign in; wait for a quarter of an hour");
        return 0;
    }
    if (link != NULL)
        result = use_link(task, pg, link, &user, error);
    else
        result =
            tr_auth_check_password(pg, tr_slice_of(email), tr_slice_of(password), &user, error);
    if (result == TR_AUTH_UNKNOWN) {
        tr_attempts_failed(attempts, link == NULL ? email : "", task->client);
        refuse(task, 401, "wrong_password", NULL,
               link != NULL ? "this link has been used, or is too old"
                            : "there is no user with this address and password");
        return 0;
    }
    return result < 0 ? result : open_session(task, pg, &user, error);
}

/* What needs a body. */
static int with_body(struct task *task, struct tr_pg *pg, struct tr_error *error,
                     int (*run)(struct task *, struct tr_pg *, const json_t *, struct tr_error *))
{
    json_t *body = tr_api_is_unsure(task) ? NULL : tr_api_read_body(task);
    if (body == NULL)
        return 0;
    int result = run(task, pg, body, error);
    json_decref(body);
    return result;
}

static int run_sign_in(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return with_body(task, pg, error, sign_in);
}

static void bind_digest(struct tr_pg_params *params, struct tr_slice token)
{
    uint8_t digest[32];
    tr_sha256(token.data, token.size, digest);
    tr_pg_bind_bytea(params, tr_slice((const char *)digest, sizeof digest));
}

static int run_get(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, task->key.user_id);
    bind_digest(params, task->token);
    int result = tr_pg_query(pg, tr_pg_sql("queries/access/session_get"), params, &row, error);
    if (result < 0)
        return result;
    struct tr_slice text =
        tr_pg_rows(row) > 0 ? tr_pg_get_bytes(row, 0, 0) : TR_SLICE("{\"user\":null}");
    json_t *answer = json_loadb(text.data, text.size, 0, NULL);
    json_object_set_new(answer, "version", json_string(TR_VERSION));
    tr_api_answer(task, 200, answer);
    json_decref(answer);
    return 0;
}

static int run_rotate(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    char token[TR_KEY_BYTES];
    uint8_t digest[32];
    tr_auth_make_token("", token, digest);
    bind_digest(params, task->token);
    tr_pg_bind_bytea(params, tr_slice((const char *)digest, sizeof digest));
    tr_pg_bind_float8(params, IDLE_S);
    tr_pg_bind_float8(params, WHOLE_S);
    int result = tr_api_write(task, pg, "queries/access/session_rotate", params, &row, error);
    if (result < 0)
        return result;
    if (tr_pg_rows(row) > 0) {
        wait_for_session(task, token);
        set_cookie(task, token, IDLE_S);
    }
    json_t *answer = json_pack("{s:b}", "rotated", tr_pg_rows(row) > 0);
    tr_api_answer(task, 200, answer);
    json_decref(answer);
    return 0;
}

static int run_sign_out(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    bool everywhere = false;
    for (size_t i = 0; i < task->parameter_count; i++)
        everywhere = everywhere || (tr_slice_is(task->parameters[i].name, "everywhere") &&
                                    !tr_slice_is(task->parameters[i].value, "0"));
    bind_digest(params, task->token);
    tr_pg_bind_bool(params, everywhere);
    int result = tr_api_write(task, pg, "queries/access/session_close", params, &row, error);
    if (result < 0)
        return result;
    tr_auth_refresh(task->api->options.auth);
    set_cookie(task, "", 0);
    json_t *answer = json_pack("{s:I}", "ended", (json_int_t)tr_pg_get_int(row, 0, 0));
    tr_api_answer(task, 200, answer);
    json_decref(answer);
    return 0;
}

static int change_password(struct task *task, struct tr_pg *pg, const json_t *body,
                           struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    const char *now = json_string_value(json_object_get(body, "current"));
    const char *next = json_string_value(json_object_get(body, "password"));
    char hash[TR_PASSWORD_HASH_BYTES];
    struct tr_user user = {0};
    if (now == NULL || next == NULL || strlen(next) < TR_PASSWORD_MIN_BYTES ||
        strlen(next) > TR_PASSWORD_MAX_BYTES) {
        refuse(task, 400, NULL, now == NULL ? "current" : "password",
               "expected current, and password of 10 to 200 characters");
        return 0;
    }
    tr_pg_bind_int4(params, task->key.user_id);
    int result = tr_pg_query(pg, tr_pg_sql("queries/access/user_password_of"), params, &row, error);
    if (result < 0 || tr_pg_rows(row) == 0)
        return result;
    result = tr_auth_check_password(pg, tr_pg_get_bytes(row, 0, 0), tr_slice_of(now), &user, error);
    if (result == TR_AUTH_UNKNOWN) {
        refuse(task, 403, "wrong_password", "current", "this is not the password");
        return 0;
    }
    if (result == 0)
        result = tr_auth_hash_password(tr_slice_of(next), hash, error);
    if (result < 0)
        return result;
    tr_pg_result_free(TR_TAKE(row));
    tr_pg_params_clear(params);
    tr_pg_bind_int4(params, task->key.user_id);
    tr_pg_bind_null(params);
    tr_pg_bind_text(params, tr_slice_of(hash));
    result = tr_api_write(task, pg, "queries/access/user_set", params, &row, error);
    return result < 0 ? result : open_session(task, pg, &user, error);
}

static int run_password(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    return with_body(task, pg, error, change_password);
}

static int run_key_add(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    static const char *const scopes[] = {
        [TR_SCOPE_WRITE] = "write", [TR_SCOPE_READ] = "read", [TR_SCOPE_ADMIN] = "admin"};
    char key[TR_KEY_BYTES];
    json_t *body = tr_api_is_unsure(task) ? NULL : tr_api_read_body(task);
    if (body == NULL)
        return 0;
    const char *name = json_string_value(json_object_get(body, "scope"));
    int scope = TR_SCOPE_ADMIN;
    while (scope >= 0 && (name == NULL || strcmp(scopes[scope], name) != 0))
        scope--;
    json_decref(body);
    if (scope < 0) {
        refuse(task, 400, NULL, "scope", "scope: expected write, read or admin");
        return 0;
    }
    int result = tr_pg_execute(pg, "begin read write", error);
    if (result == 0)
        result = tr_auth_create_key(pg, task->project.id, (enum tr_scope)scope, key, error);
    if (result == 0)
        result = tr_pg_execute(pg, "commit", error);
    if (result < 0) {
        if (!tr_pg_is_broken(pg))
            tr_pg_execute(pg, "rollback", NULL);
        return result;
    }
    json_t *answer = json_pack("{s:s, s:s}", "key", key, "scope", scopes[scope]);
    tr_api_answer(task, 201, answer);
    json_decref(answer);
    return 0;
}

/* Workers -------------------------------------------------------------------------------------- */

static void submit(struct task *task, struct tr_http_request *request)
{
    struct tr_slice proto = tr_http_field(request, "x-forwarded-proto");
    task->body = tr_arena_dup(task->arena, request->body);
    task->token = tr_arena_dup(task->arena, tr_credentials_session(request));
    task->secure = tr_slice_is_nocase(proto, "https");
    tr_api_copy_parameters(request, task);
    tr_api_submit(task);
}

void tr_api_on_sign_in_head(struct tr_http_request *request, void *context)
{
    struct tr_api *api = context;
    struct tr_key *key = tr_arena_calloc(request->arena, sizeof *key);
    key->number = TR_API_SIGN_IN;
    request->user = key;
    if (request->body_limit > api->options.body_bytes)
        request->body_limit = api->options.body_bytes;
    if (!tr_credentials_same_site(request))
        tr_api_respond_problem(
            request, "cross_site",
            &(struct tr_kpi_problem){403, NULL, "signing in needs the field Traction-Request",
                                     "It says that no other site's page has sent this."});
}

void tr_api_on_sign_in(struct tr_http_request *request, void *context)
{
    struct task *task = tr_api_begin_plain_task(context, request, run_sign_in);
    if (task == NULL)
        return;
    struct tr_address client = tr_http_client(request);
    task->client = tr_arena_alloc(task->arena, 2 * sizeof client.bytes + 1);
    tr_hex(client.bytes, client.size, task->client);
    submit(task, request);
}

/* Nobody is signed in: an answer like any other to who asks. */
static bool is_nobody(struct tr_http_request *request, struct tr_api *api)
{
    struct tr_key key;
    return request->method == TR_HTTP_GET && tr_http_field(request, "authorization").data == NULL &&
           tr_auth_find_session(api->options.auth, tr_credentials_session(request),
                                request->received_us, &key) != 0;
}

void tr_api_on_session_head(struct tr_http_request *request, void *context)
{
    if (is_nobody(request, context)) {
        tr_api_respond(request, 200, "application/json", TR_SLICE("{\"user\":null}"), false, NULL);
        return;
    }
    if (!tr_api_check_key(request, context))
        return;
    const struct tr_key *key = request->user;
    if (key->role == TR_ROLE_NONE)
        tr_api_respond_problem(request, "signed_out",
                               &(struct tr_kpi_problem){401, NULL, "a key has no session", NULL});
}

void tr_api_on_session(struct tr_http_request *request, void *context)
{
    tr_api_run_fn *run = request->method == TR_HTTP_PUT      ? run_password
                         : request->method == TR_HTTP_POST   ? run_rotate
                         : request->method == TR_HTTP_DELETE ? run_sign_out
                                                             : run_get;
    struct task *task = tr_api_begin_plain_task(context, request, run);
    if (task != NULL)
        submit(task, request);
}

void tr_api_on_key_add(struct tr_http_request *request, void *context)
{
    const struct tr_key *key = request->user;
    if (key->role == TR_ROLE_MEMBER) {
        tr_api_respond_problem(
            request, NULL,
            &(struct tr_kpi_problem){403, NULL, "only an owner may make keys", NULL});
        return;
    }
    struct task *task = tr_api_begin_task(context, request, run_key_add);
    if (task != NULL)
        submit(task, request);
}
