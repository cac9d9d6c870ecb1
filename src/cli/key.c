/* SPDX-License-Identifier: MIT */
/* traction key: add, list, revoke. A key is printed once, when it is made. */
#include "cli_priv.h"

#include "traction/auth.h"
#include "traction/base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int parse_scope(const char *text)
{
    static const char *const names[] = {
        [TR_SCOPE_WRITE] = "write", [TR_SCOPE_READ] = "read", [TR_SCOPE_ADMIN] = "admin"};
    for (int i = 0; i <= TR_SCOPE_ADMIN; i++)
        if (text != NULL && strcmp(names[i], text) == 0)
            return i;
    return -1;
}

static void print_key(const char *key, bool as_json)
{
    if (as_json)
        printf("{\"key\": \"%s\"}\n", key);
    else
        puts(key);
    if (!as_json && isatty(STDOUT_FILENO))
        fputs("Keep it: only its digest is stored, and it is not shown again.\n", stderr);
}

static int run_add(int argc, char **argv)
{
    struct tr_cli_database database = {NULL, NULL};
    const char *project = "default";
    const char *scope_name = NULL;
    bool as_json = false;
    const struct tr_cli_option options[] = {
        {"project", TR_CLI_TEXT, &project, "PROJECT", "name or UUID; else \"default\""},
        {"scope", TR_CLI_TEXT, &scope_name, "SCOPE", "write, read or admin"},
        {"json", TR_CLI_FLAG, &as_json, NULL, "print JSON"},
        TR_CLI_DATABASE_OPTIONS(database),
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction key add",
        "--project PROJECT --scope write|read|admin",
        "Makes a key and prints it, once. A write key is public and may only send events; a read\n"
        "key asks KPIs; an admin key may do everything.",
        options,
        0,
        0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    int scope = parse_scope(scope_name);
    if (scope < 0)
        return tr_cli_wrong(usage.command, "--scope: expected write, read or admin");
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    int32_t id = 0;
    char key[TR_KEY_BYTES];
    int result = tr_cli_connect(&database, &pg, &error);
    if (result == 0)
        result = tr_cli_find_project(pg, project, &id, &error);
    if (result == 0)
        result = tr_auth_create_key(pg, id, (enum tr_scope)scope, key, &error);
    if (result < 0)
        return tr_cli_fail(&error);
    print_key(key, as_json);
    return TR_EXIT_DONE;
}

static int bind_project(struct tr_pg *pg, const char *project, struct tr_pg_params *params,
                        struct tr_error *error)
{
    int32_t id = 0;
    if (project == NULL) {
        tr_pg_bind_null(params);
        return 0;
    }
    int result = tr_cli_find_project(pg, project, &id, error);
    if (result == 0)
        tr_pg_bind_int4(params, id);
    return result;
}

static int run_list(int argc, char **argv)
{
    static const char *const columns[] = {"project", "scope", "key", "created", "revoked", NULL};
    struct tr_cli_database database = {NULL, NULL};
    const char *project = NULL;
    bool as_json = false;
    const struct tr_cli_option options[] = {
        {"project", TR_CLI_TEXT, &project, "PROJECT", "name or UUID; else all"},
        {"json", TR_CLI_FLAG, &as_json, NULL, "print JSON"},
        TR_CLI_DATABASE_OPTIONS(database),
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {"traction key list",
                                       "[--project PROJECT] [--json]",
                                       "Lists keys by their first characters.",
                                       options,
                                       0,
                                       0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    json_t *rows = NULL;
    int result = tr_cli_connect(&database, &pg, &error);
    if (result == 0)
        result = bind_project(pg, project, params, &error);
    if (result == 0)
        result = tr_cli_rows(pg, "queries/admin/key_list", params, &rows, &error);
    if (result < 0)
        return tr_cli_fail(&error);
    tr_cli_print(rows, columns, as_json);
    return TR_EXIT_DONE;
}

/* The one valid key that the text means: the key itself, or its first characters. */
static int find_key(struct tr_pg *pg, const char *text, const char *project,
                    struct tr_pg_result **found_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *found = NULL;
    uint8_t digest[32];
    size_t size = strlen(text);
    if (size > 3 && memcmp(text + size - 3, "…", 3) == 0)
        size -= 3; /* as the list prints it */
    tr_sha256(text, size, digest);
    tr_pg_bind_bytea(params, tr_slice((const char *)digest, sizeof digest));
    tr_pg_bind_text(params, tr_slice(text, size));
    int result = bind_project(pg, project, params, error);
    if (result == 0)
        result = tr_pg_query(pg, tr_pg_sql("queries/admin/key_find"), params, &found, error);
    if (result < 0)
        return result;
    if (tr_pg_rows(found) != 1) {
        tr_error_set(error, -ENOENT, "%s valid key is or begins with this",
                     tr_pg_rows(found) == 0 ? "no" : "more than one");
        return tr_error_hint(error, "\"traction key list\" shows them.");
    }
    *found_out = TR_TAKE(found);
    return 0;
}

static int revoke_key(struct tr_pg *pg, const char *text, const char *project,
                      struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *found = NULL;
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    int result = find_key(pg, text, project, &found, error);
    if (result < 0)
        return result;
    tr_pg_bind_bytea(params, tr_pg_get_bytes(found, 0, tr_pg_column(found, "hash")));
    return tr_pg_query(pg, tr_pg_sql("queries/admin/key_revoke"), params, NULL, error);
}

static int run_revoke(int argc, char **argv)
{
    struct tr_cli_database database = {NULL, NULL};
    const char *project = NULL;
    struct tr_cli_list keys;
    const struct tr_cli_option options[] = {
        {"project", TR_CLI_TEXT, &project, "PROJECT", "only look among this project's keys"},
        TR_CLI_DATABASE_OPTIONS(database),
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction key revoke",
        "KEY [--project PROJECT]",
        "Ends a key, given whole or by its first characters as \"traction key list\" shows them.\n"
        "Servers refuse it within seconds.",
        options,
        1,
        1};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &keys, &status))
        return status;
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    int result = tr_cli_connect(&database, &pg, &error);
    if (result == 0)
        result = revoke_key(pg, keys.items[0], project, &error);
    return result < 0 ? tr_cli_fail(&error) : TR_EXIT_DONE;
}

const struct tr_command tr_cli_key_commands[] = {
    {"add", "make a key", run_add, NULL},
    {"list", "list the keys", run_list, NULL},
    {"revoke", "end a key", run_revoke, NULL},
    {NULL, NULL, NULL, NULL},
};
