/* SPDX-License-Identifier: MIT */
/* traction serve: the server alone, against database.url. */
#include "cli_priv.h"

#include "traction/base/log.h"
#include "traction/server.h"

#include <stdio.h>
#include <string.h>

/* A schema that does not fit is an error; a database that is away is not: events are accepted with
 * the keys known from before, and wait in the spool. */
static int check_database(const struct tr_config *config, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    struct tr_error away = TR_ERROR_INIT;
    struct tr_pg_options options = {.url = config->database_url, .application = "traction serve"};
    if (tr_pg_connect(&pg, &options, &away) == 0)
        return tr_cli_check_schema(pg, error);
    tr_log(TR_LOG_WARNING, "%s; accepting events into the spool meanwhile", away.message);
    return 0;
}

static int serve(const struct tr_cli_database *database, struct tr_error *error)
{
    TR_CLEANUP(tr_config_freep) struct tr_config *config = NULL;
    struct tr_server *server = NULL;
    int result = tr_cli_load(database, &config, error);
    if (result < 0)
        return result;
    tr_log_set_level((enum tr_log_level)config->log_level);
    result = check_database(config, error);
    if (result == 0)
        result = tr_server_start(&server, config, error);
    if (result == 0) {
        const char *host = config->http.host;
        tr_log(TR_LOG_INFO,
               strchr(host, ':') != NULL ? "ready on http://[%s]:%d" : "ready on http://%s:%d",
               host, tr_server_port(server));
        result = tr_server_run(server, NULL, NULL, error);
    }
    tr_server_free(server);
    return result;
}

int tr_cli_serve(int argc, char **argv)
{
    struct tr_cli_database database = {NULL, NULL};
    const struct tr_cli_option options[] = {TR_CLI_DATABASE_OPTIONS(database),
                                            {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction serve",
        "[--config FILE]",
        "Runs the server against PostgreSQL 13 or newer. \"traction migrate\" makes the schema "
        "first;\n"
        "\"traction doctor --config\" shows the settings and where each comes from.",
        options,
        0,
        0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    struct tr_error error = TR_ERROR_INIT;
    return serve(&database, &error) < 0 ? tr_cli_fail(&error) : TR_EXIT_DONE;
}
