/* SPDX-License-Identifier: MIT */
/* traction migrate: the schema, one migration after the other. */
#include "cli_priv.h"

#include <stdio.h>
#include <stdlib.h>

static int show_status(struct tr_pg *pg, bool as_json, struct tr_error *error)
{
    static const char *const columns[] = {"migration", "applied", NULL};
    TR_CLEANUP(tr_freep) struct tr_pg_migration *list = NULL;
    size_t count = 0;
    int result = tr_pg_migrations(pg, &list, &count, error);
    if (result < 0)
        return result;
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++) {
        char applied[32] = "no";
        if (list[i].applied_us != 0)
            tr_cli_format_time(list[i].applied_us, applied);
        json_array_append_new(
            rows, json_pack("{s:s, s:s}", "migration", list[i].name, "applied", applied));
    }
    tr_cli_print(rows, columns, as_json);
    return 0;
}

static int migrate(struct tr_pg *pg, struct tr_error *error)
{
    int applied = 0;
    int result = tr_pg_migrate(pg, &applied, error);
    if (result == 0 && applied == 0)
        puts("The schema is up to date.");
    else if (result == 0)
        printf("Applied %d migration%s.\n", applied, applied == 1 ? "" : "s");
    return result;
}

int tr_cli_migrate(int argc, char **argv)
{
    struct tr_cli_database database = {NULL, NULL};
    bool status = false;
    bool as_json = false;
    const struct tr_cli_option options[] = {
        {"status", TR_CLI_FLAG, &status, NULL, "list the migrations instead of applying them"},
        {"json", TR_CLI_FLAG, &as_json, NULL, "with --status: print JSON"},
        TR_CLI_DATABASE_OPTIONS(database),
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction migrate",
        "[--status]",
        "Brings the database's schema up to date, each migration in one transaction. Safe to run\n"
        "at any time and from several machines at once.",
        options,
        0,
        0};
    int exit_status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &exit_status))
        return exit_status;
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_config_freep) struct tr_config *config = NULL;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    int result = tr_cli_load(&database, &config, &error);
    if (result == 0)
        result = tr_pg_connect(
            &pg,
            &(struct tr_pg_options){.url = config->database_url, .application = "traction migrate"},
            &error);
    if (result == 0)
        result = status ? show_status(pg, as_json, &error) : migrate(pg, &error);
    return result < 0 ? tr_cli_fail(&error) : TR_EXIT_DONE;
}
