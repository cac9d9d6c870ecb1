/* SPDX-License-Identifier: MIT */
/*
 * What owners and members administer: users, projects, keys, shares, refused events. Each operation
 * is one statement, and a line of a table says who may do it and what its parameters are.
 */
#include "api_priv.h"

#include "traction/base/hash.h"

#include <stdlib.h>
#include <string.h>

enum level {
    LEVEL_READ,   /* whoever may read */
    LEVEL_CHANGE, /* members and admin keys */
    LEVEL_OWN,    /* owners and admin keys */
    LEVEL_OWNER,  /* owners, signed in: it is not about one project */
};

enum field_kind {
    FIELD_END,
    FIELD_PROJECT, /* of the key, or project= */
    FIELD_USER,    /* who asks */
    FIELD_ID,      /* what follows in the path, a number */
    FIELD_NAME,    /* the same, a text */
    FIELD_BEFORE,  /* before=, a number, or null */
    FIELD_TEXT,
    FIELD_EMAIL,
    FIELD_ROLE,
    FIELD_PASSWORD, /* bound as its hash */
    FIELD_SHARE,    /* a new token's digest; the token is added to the answer */
    FIELD_DIGEST,   /* of the key that asks */
    FIELD_LIST,     /* of texts, as JSON */
    FIELD_NUMBER,
    FIELD_FLAG,
};

struct field {
    enum field_kind kind;
    const char *name; /* in the body; those not given are null */
    bool required;
};

struct record {
    enum tr_http_method method;
    enum level level;
    const char *path; /* ends in "/" if an id follows */
    const char *sql;
    int status;
    struct field fields[6];
    const char *missing; /* why there is no row */
    int missing_status;
    /* Instead of the statement, with the body. */
    int (*run)(struct task *task, struct tr_pg *pg, const json_t *body, struct tr_error *error);
};

/* clang-format off */
static const struct record records[] = {
    {TR_HTTP_GET, LEVEL_OWNER, "/v1/users", "queries/access/users", 200, {{FIELD_END}}, NULL, 0},
    {TR_HTTP_POST, LEVEL_OWNER, "/v1/users", "queries/access/user_add", 201,
     {{FIELD_EMAIL, "email", true}, {FIELD_ROLE, "role", true}, {FIELD_PASSWORD, "password", true}},
     "there is a user with this address already", 409},
    {TR_HTTP_PUT, LEVEL_OWNER, "/v1/users/", "queries/access/user_set", 200,
     {{FIELD_ID}, {FIELD_ROLE, "role", false}, {FIELD_PASSWORD, "password", false}},
     "there is no such user, or it is the last owner", 409},
    {TR_HTTP_DELETE, LEVEL_OWNER, "/v1/users/", "queries/access/user_remove", 200, {{FIELD_ID}},
     "there is no such user, or it is the last owner", 409},
    {TR_HTTP_GET, LEVEL_OWNER, "/v1/projects", "queries/access/projects", 200, {{FIELD_END}},
     NULL, 0},
    {TR_HTTP_POST, LEVEL_OWNER, "/v1/projects", "queries/access/project_add", 201,
     {{FIELD_TEXT, "name", true}, {FIELD_TEXT, "timezone", false}, {FIELD_TEXT, "currency", false}},
     "there is a project of this name already", 409},
    {TR_HTTP_PUT, LEVEL_OWN, "/v1/project", "queries/access/project_change", 200,
     {{FIELD_PROJECT}, {FIELD_TEXT, "name", false}, {FIELD_LIST, "origins", false},
      {FIELD_NUMBER, "retention_days", false}, {FIELD_FLAG, "respect_dnt", false}},
     "there is no such project", 404},
    {TR_HTTP_GET, LEVEL_OWN, "/v1/keys", "queries/access/keys", 200, {{FIELD_PROJECT}}, NULL, 0},
    {TR_HTTP_DELETE, LEVEL_OWN, "/v1/keys/", "queries/access/key_revoke", 200,
     {{FIELD_PROJECT}, {FIELD_NAME}}, "there is no such key, or more than one begins so", 404},
    {TR_HTTP_GET, LEVEL_READ, "/v1/shares", "queries/access/shares", 200, {{FIELD_PROJECT}},
     NULL, 0},
    {TR_HTTP_POST, LEVEL_CHANGE, "/v1/shares", "queries/access/share_add", 201,
     {{FIELD_PROJECT}, {FIELD_SHARE}, {FIELD_TEXT, "page", true}, {FIELD_TEXT, "title", false},
      {FIELD_USER}},
     "there is no such page", 400},
    {TR_HTTP_DELETE, LEVEL_CHANGE, "/v1/shares/", "queries/access/share_remove", 200,
     {{FIELD_PROJECT}, {FIELD_ID}}, "there is no such share", 404},
    {TR_HTTP_GET, LEVEL_READ, "/v1/share", "queries/access/share_get", 200,
     {{FIELD_PROJECT}, {FIELD_DIGEST}}, "this is no shared link", 404},
    {TR_HTTP_GET, LEVEL_READ, "/v1/rejects", "queries/access/rejects", 200,
     {{FIELD_PROJECT}, {FIELD_BEFORE}}, NULL, 0},
    {TR_HTTP_DELETE, LEVEL_CHANGE, "/v1/rejects/", "queries/access/reject_remove", 200,
     {{FIELD_PROJECT}, {FIELD_ID}}, "there is no such refused event", 404},
    {TR_HTTP_POST, LEVEL_OWN, "/v1/erase", NULL, 200, {{FIELD_PROJECT}}, NULL, 0,
     tr_api_run_erase},
};
/* clang-format on */

static const struct record *find_record(const struct tr_http_request *request)
{
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        const char *path = records[i].path;
        bool prefix = path[strlen(path) - 1] == '/';
        enum tr_http_method method =
            request->method == TR_HTTP_HEAD ? TR_HTTP_GET : request->method;
        if (records[i].method == method &&
            (prefix ? tr_slice_starts(request->path, path) : tr_slice_is(request->path, path)))
            return &records[i];
    }
    return NULL;
}

/* Parameters: what the body has is bound as text, and null where it is not given.
 * -------------------------------------------------------------------------------- */

struct binding {
    struct task *task;
    const json_t *body;
    struct tr_pg_params *params;
    struct tr_kpi_problem problem;
    char token[TR_KEY_BYTES]; /* of a share */
};

static int refuse(struct binding *binding, const char *field, const char *expected)
{
    binding->problem = (struct tr_kpi_problem){
        400, field, tr_arena_printf(binding->task->arena, "%s: expected %s", field, expected),
        NULL};
    return TR_KPI_PROBLEM;
}

static int bind_text(struct binding *binding, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || *text == '\0' || strlen(text) > 200)
        return refuse(binding, name, "a text of 1 to 200 bytes");
    if (strcmp(name, "currency") == 0 &&
        (strlen(text) != 3 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
        return refuse(binding, name, "a currency such as EUR");
    if (strcmp(name, "page") == 0 && !tr_api_is_shareable(text))
        return refuse(binding, name,
                      "overview, engagement, performance, business, feedback or retention");
    tr_pg_bind_text(binding->params, tr_slice_of(text));
    return 0;
}

static int bind_email(struct binding *binding, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || !tr_auth_is_email(tr_slice_of(text)))
        return refuse(binding, name, "an address such as ada@example.org");
    tr_pg_bind_text(binding->params, tr_slice_of(text));
    return 0;
}

static int bind_role(struct binding *binding, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || tr_auth_role_parse(tr_slice_of(text)) == TR_ROLE_NONE)
        return refuse(binding, name, "owner, member or viewer");
    tr_pg_bind_text(binding->params, tr_slice_of(text));
    return 0;
}

static int bind_password(struct binding *binding, const char *name, const json_t *value)
{
    char hash[TR_PASSWORD_HASH_BYTES];
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) < TR_PASSWORD_MIN_BYTES ||
        strlen(text) > TR_PASSWORD_MAX_BYTES)
        return refuse(binding, name, "10 to 200 characters");
    if (tr_auth_hash_password(tr_slice_of(text), hash, NULL) < 0)
        return refuse(binding, name, "memory for a password's hash; ask again");
    tr_pg_bind_text(binding->params, tr_slice_of(hash));
    return 0;
}

static int bind_list(struct binding *binding, const char *name, const json_t *value)
{
    size_t i;
    json_t *one = NULL;
    json_array_foreach((json_t *)value, i, one)
    {
        const char *text = json_string_value(one);
        if (text == NULL || *text == '\0' || strlen(text) > 200 || strchr(text, '\n') != NULL)
            return refuse(binding, name, "origins such as https://app.example");
    }
    if (!json_is_array(value) || json_array_size(value) > 100)
        return refuse(binding, name, "an array of at most 100 origins");
    char *text = json_dumps(value, JSON_COMPACT);
    tr_pg_bind_text(binding->params, tr_slice_of(text));
    free(text);
    return 0;
}

static int bind_number(struct binding *binding, const char *name, const json_t *value)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > 36500)
        return refuse(binding, name, "days from 1 to 36500, or 0 for ever");
    tr_pg_bind_text(binding->params,
                    tr_slice_of(tr_arena_printf(binding->task->arena, "%d", (int)number)));
    return 0;
}

static int bind_flag(struct binding *binding, const char *name, const json_t *value)
{
    if (!json_is_boolean(value))
        return refuse(binding, name, "true or false");
    tr_pg_bind_text(binding->params, tr_slice_of(json_is_true(value) ? "true" : "false"));
    return 0;
}

static int bind_given(struct binding *binding, const struct field *field)
{
    static int (*const binders[])(struct binding *, const char *, const json_t *) = {
        [FIELD_TEXT] = bind_text,         [FIELD_EMAIL] = bind_email, [FIELD_ROLE] = bind_role,
        [FIELD_PASSWORD] = bind_password, [FIELD_LIST] = bind_list,   [FIELD_NUMBER] = bind_number,
        [FIELD_FLAG] = bind_flag};
    const json_t *value = json_object_get(binding->body, field->name);
    if (value != NULL && !json_is_null(value))
        return binders[field->kind](binding, field->name, value);
    if (field->required)
        return binders[field->kind](binding, field->name, json_null());
    tr_pg_bind_null(binding->params);
    return 0;
}

static bool parse_number(struct tr_slice text, int64_t *number_out)
{
    *number_out = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *number_out = *number_out * 10 + (text.data[i] - '0');
    }
    return text.size > 0 && text.size < 10;
}

static int bind_context(struct binding *binding, const struct field *field)
{
    struct task *task = binding->task;
    int64_t number = 0;
    uint8_t digest[32];
    switch (field->kind) {
    case FIELD_PROJECT:
        tr_pg_bind_int4(binding->params, task->project.id);
        return 0;
    case FIELD_USER:
        tr_pg_bind_int4(binding->params, task->key.user_id);
        return 0;
    case FIELD_ID:
        if (!parse_number(task->id, &number))
            return refuse(binding, "id", "a number");
        tr_pg_bind_int4(binding->params, (int32_t)number);
        return 0;
    case FIELD_NAME:
        tr_pg_bind_text(binding->params, task->id);
        return 0;
    case FIELD_BEFORE:
        for (size_t i = 0; i < task->parameter_count; i++)
            if (tr_slice_is(task->parameters[i].name, "before") &&
                !parse_number(task->parameters[i].value, &number))
                return refuse(binding, "before", "a number");
        tr_pg_bind_int8(binding->params, number > 0 ? number : INT64_MAX);
        return 0;
    case FIELD_SHARE:
        tr_auth_make_token("ts_", binding->token, digest);
        tr_pg_bind_bytea(binding->params, tr_slice((const char *)digest, sizeof digest));
        return 0;
    case FIELD_DIGEST:
        tr_sha256(task->token.data, task->token.size, digest);
        tr_pg_bind_bytea(binding->params, tr_slice((const char *)digest, sizeof digest));
        return 0;
    default:
        return bind_given(binding, field);
    }
}

static int check_names(struct binding *binding, const struct record *record)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)binding->body, name, value)
    {
        bool known = false;
        for (const struct field *field = record->fields; field->kind != FIELD_END; field++)
            known = known || (field->name != NULL && strcmp(field->name, name) == 0);
        if (!known)
            return refuse(binding, tr_arena_printf(binding->task->arena, "%.64s", name),
                          "no field of this name");
    }
    return 0;
}

static int bind_all(struct binding *binding, const struct record *record)
{
    int result = check_names(binding, record);
    for (const struct field *field = record->fields; result == 0 && field->kind != FIELD_END;
         field++)
        result = bind_context(binding, field);
    return result;
}

/* Query threads -------------------------------------------------------------------------------- */

static void answer_row(struct binding *binding, const struct record *record,
                       const struct tr_pg_result *row)
{
    struct tr_slice text = tr_pg_get_bytes(row, 0, tr_pg_column(row, "answer"));
    json_t *answer = json_loadb(text.data, text.size, 0, NULL);
    if (binding->token[0] != '\0')
        json_object_set_new(answer, "token", json_string(binding->token));
    tr_api_answer(binding->task, record->status, answer);
    json_decref(answer);
}

static int run_statement(struct binding *binding, const struct record *record, struct tr_pg *pg,
                         struct tr_error *error)
{
    struct task *task = binding->task;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    int result = tr_api_write(task, pg, record->sql, binding->params, &row, error);
    if (result < 0)
        return result;
    if (tr_pg_rows(row) > 0)
        answer_row(binding, record, row);
    else
        tr_api_answer_problem(
            task, &(struct tr_kpi_problem){record->missing_status, "id", record->missing, NULL});
    return 0;
}

static int run_record(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    const struct record *record = task->record;
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    struct binding binding = {.task = task, .params = params};
    json_t *body = NULL;
    if (tr_api_is_unsure(task))
        return 0;
    if (record->method == TR_HTTP_POST || record->method == TR_HTTP_PUT) {
        body = tr_api_read_body(task);
        if (body == NULL)
            return 0;
    }
    binding.body = body;
    int result = record->run == NULL ? bind_all(&binding, record) : 0;
    if (record->run != NULL)
        result = record->run(task, pg, body, error);
    else if (result == TR_KPI_PROBLEM)
        tr_api_answer_problem(task, &binding.problem);
    else
        result = run_statement(&binding, record, pg, error);
    json_decref(body);
    return result < 0 ? result : 0;
}

/* Workers -------------------------------------------------------------------------------------- */

static bool may(const struct tr_key *key, enum level level)
{
    switch (level) {
    case LEVEL_READ:
        return true;
    case LEVEL_CHANGE:
        return key->scope == TR_SCOPE_ADMIN;
    case LEVEL_OWN:
        return key->role == TR_ROLE_OWNER ||
               (key->role == TR_ROLE_NONE && key->scope == TR_SCOPE_ADMIN);
    default:
        return key->role == TR_ROLE_OWNER;
    }
}

void tr_api_on_record_head(struct tr_http_request *request, void *context)
{
    const struct record *record = find_record(request);
    if (record == NULL)
        tr_http_respond_no_route(request, 0);
    else if (tr_api_check_key(request, context) && !may(request->user, record->level))
        tr_api_respond_problem(request, NULL,
                               &(struct tr_kpi_problem){
                                   .status = 403,
                                   .message = record->level == LEVEL_OWNER
                                                  ? "only an owner who is signed in may do this"
                                                  : "this key or role may not do this",
                               });
}

void tr_api_on_record(struct tr_http_request *request, void *context)
{
    struct tr_api *api = context;
    const struct record *record = find_record(request);
    struct task *task = record->fields[0].kind == FIELD_PROJECT
                            ? tr_api_begin_task(api, request, run_record)
                            : tr_api_begin_plain_task(api, request, run_record);
    if (task == NULL)
        return;
    size_t size = strlen(record->path);
    task->record = record;
    task->body = tr_arena_dup(task->arena, request->body);
    task->token = tr_arena_dup(task->arena, tr_api_credentials(request));
    if (request->path.size > size)
        task->id = tr_arena_dup(task->arena,
                                tr_slice(request->path.data + size, request->path.size - size));
    tr_api_copy_parameters(request, task);
    tr_api_submit(task);
}
