/* SPDX-License-Identifier: MIT */
/* How commands find the database, a project in it, and whether its schema is theirs. */
#include "cli_priv.h"

#include <errno.h>
#include <stdlib.h>

int tr_cli_load(const struct tr_cli_database *database, struct tr_config **config_out,
                struct tr_error *error)
{
    TR_CLEANUP(tr_config_freep) struct tr_config *config = NULL;
    int result = tr_config_load(&config, database->config, error);
    if (result == 0 && database->url != NULL)
        result = tr_config_set(config, "database", "url", database->url, "--database", error);
    if (result < 0)
        return result;
    if (config->database_url == NULL) {
        tr_error_set(error, -EINVAL, "it is not said where the database is");
        return tr_error_hint(error, "Set TRACTION_DATABASE_URL, or database.url in traction.ini; "
                                    "\"traction up\" writes it to traction-data/traction.env.");
    }
    *config_out = TR_TAKE(config);
    return 0;
}

int tr_cli_connect(const struct tr_cli_database *database, struct tr_pg **pg_out,
                   struct tr_error *error)
{
    TR_CLEANUP(tr_config_freep) struct tr_config *config = NULL;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    int result = tr_cli_load(database, &config, error);
    if (config == NULL)
        return result;
    struct tr_pg_options options = {.url = config->database_url, .application = "traction"};
    result = tr_pg_connect(&pg, &options, error);
    if (result == 0)
        result = tr_cli_check_schema(pg, error);
    if (result == 0)
        *pg_out = TR_TAKE(pg);
    return result;
}

int tr_cli_find_project(struct tr_pg *pg, const char *project, int32_t *id_out,
                        struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *found = NULL;
    tr_pg_bind_text(params, tr_slice_of(project));
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/project_find"), params, &found, error);
    if (result < 0)
        return result;
    if (tr_pg_rows(found) == 0) {
        tr_error_set(error, -ENOENT, "there is no project \"%.60s\"", project);
        return tr_error_hint(error, "\"traction project list\" shows them.");
    }
    *id_out = (int32_t)tr_pg_get_int(found, 0, 0);
    return 0;
}

int tr_cli_check_schema(struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) struct tr_pg_migration *list = NULL;
    size_t count = 0;
    int result = tr_pg_migrations(pg, &list, &count, error);
    if (result < 0)
        return result;
    for (size_t i = 0; i < count; i++) {
        if (list[i].applied_us != 0)
            continue;
        tr_error_set(error, -EINVAL, "the database lacks migration %s", list[i].name);
        return tr_error_hint(error, "Run: traction migrate");
    }
    return 0;
}
