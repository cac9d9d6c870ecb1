/* SPDX-License-Identifier: MIT */
/* traction rejects: what was refused, and why. */
#include "cli_priv.h"

#include <stdlib.h>

enum { LIST_MAX = 100000 };

static int run_list(int argc, char **argv)
{
    static const char *const columns[] = {"received", "project", "source", "index", "field",
                                          "code",     "message", "event",  NULL};
    struct tr_cli_database database = {NULL, NULL};
    const char *project = NULL;
    const char *limit_text = "20";
    bool as_json = false;
    const struct tr_cli_option options[] = {
        {"project", TR_CLI_TEXT, &project, "PROJECT", "name or UUID; else all"},
        {"limit", TR_CLI_TEXT, &limit_text, "N", "how many, the newest first; else 20"},
        {"json", TR_CLI_FLAG, &as_json, NULL, "print JSON, with the events whole"},
        TR_CLI_DATABASE_OPTIONS(database),
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction rejects list",
        "[--project PROJECT] [--limit N] [--json]",
        "Lists the events that were refused, with the field, the reason and the event as it came.",
        options,
        0,
        0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    char *rest;
    long limit = strtol(limit_text, &rest, 10);
    if (*rest != '\0' || limit < 1 || limit > LIST_MAX)
        return tr_cli_wrong(usage.command, "--limit: expected a number from 1 to %d", LIST_MAX);
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    json_t *rows = NULL;
    int32_t id = 0;
    int result = tr_cli_connect(&database, &pg, &error);
    if (result == 0 && project != NULL)
        result = tr_cli_find_project(pg, project, &id, &error);
    if (project != NULL)
        tr_pg_bind_int4(params, id);
    else
        tr_pg_bind_null(params);
    tr_pg_bind_int8(params, limit);
    if (result == 0)
        result = tr_cli_rows(pg, "queries/admin/reject_list", params, &rows, &error);
    if (result < 0)
        return tr_cli_fail(&error);
    tr_cli_print(rows, columns, as_json);
    return TR_EXIT_DONE;
}

const struct tr_command tr_cli_rejects_commands[] = {
    {"list", "list refused events, the newest first", run_list, NULL},
    {NULL, NULL, NULL, NULL},
};
