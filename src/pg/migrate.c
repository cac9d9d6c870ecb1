/* SPDX-License-Identifier: MIT */
/*
 * Migrations are the embedded files migrations/NNNN_name.sql, in order, each applied once in a
 * transaction of its own together with its row in traction.schema_migration. An advisory lock makes
 * a second caller wait. What was applied must still have the same text.
 */
#include "pg_priv.h"
#include "traction/embed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char folder[] = "migrations/";

static bool is_migration(const struct tr_embedded *file)
{
    return strncmp(file->name, folder, sizeof folder - 1) == 0;
}

static int number_of(const struct tr_embedded *file)
{
    return (int)strtol(file->name + sizeof folder - 1, NULL, 10);
}

static struct tr_slice name_of(const struct tr_embedded *file)
{
    const char *name = file->name + sizeof folder - 1;
    return tr_slice(name, strlen(name) - strlen(".sql"));
}

static int make_table(struct tr_pg *pg, struct tr_error *error)
{
    return tr_pg_execute(pg, tr_pg_sql("queries/admin/schema_migration"), error);
}

static int read_applied(struct tr_pg *pg, struct tr_pg_result **result_out, struct tr_error *error)
{
    return tr_pg_query_once(pg, tr_pg_sql("queries/admin/list_migrations"), NULL, result_out,
                            error);
}

/* The row that the table has for this file; -1 if it was not applied. */
static int find_row(const struct tr_pg_result *applied, const struct tr_embedded *file)
{
    for (int row = 0; row < tr_pg_rows(applied); row++)
        if (tr_pg_get_int(applied, row, 0) == number_of(file))
            return row;
    return -1;
}

static int check_unchanged(const struct tr_pg_result *applied, int row,
                           const struct tr_embedded *file, struct tr_error *error)
{
    if (tr_slice_is(tr_pg_get_bytes(applied, row, 1), file->sha256))
        return 0;
    tr_error_set(error, -EINVAL, "migration %s was applied with other text", file->name);
    return tr_error_hint(error, "Use the release that made this database, or restore a backup.");
}

static int apply(struct tr_pg *pg, const struct tr_embedded *file, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    tr_pg_bind_int4(params, number_of(file));
    tr_pg_bind_text(params, name_of(file));
    tr_pg_bind_text(params, tr_slice_of(file->sha256));
    int result = tr_pg_execute(pg, "begin", error);
    if (result == 0)
        result = tr_pg_execute(pg, file->text, error);
    if (result == 0)
        result =
            tr_pg_query_once(pg, tr_pg_sql("queries/admin/note_migration"), params, NULL, error);
    if (result == 0)
        result = tr_pg_execute(pg, "commit", error);
    if (result < 0) {
        tr_error_prefix(error, "migration %s", file->name);
        if (!tr_pg_is_broken(pg))
            tr_pg_execute(pg, "rollback", NULL);
    }
    return result;
}

static int check_not_newer(const struct tr_pg_result *applied, int newest, struct tr_error *error)
{
    int rows = tr_pg_rows(applied);
    if (rows == 0 || tr_pg_get_int(applied, rows - 1, 0) <= newest)
        return 0;
    tr_error_set(error, -EINVAL, "the database has migration %d, this program knows %d",
                 (int)tr_pg_get_int(applied, rows - 1, 0), newest);
    return tr_error_hint(error, "Install the newer release of traction.");
}

static int apply_missing(struct tr_pg *pg, int *applied_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *applied = NULL;
    int result = make_table(pg, error);
    if (result == 0)
        result = read_applied(pg, &applied, error);
    int newest = 0;
    int count = 0;
    for (size_t i = 0; i < tr_sql_files_count && result == 0; i++) {
        const struct tr_embedded *file = &tr_sql_files[i];
        if (!is_migration(file))
            continue;
        newest = number_of(file);
        int row = find_row(applied, file);
        if (row >= 0) {
            result = check_unchanged(applied, row, file, error);
        } else {
            result = apply(pg, file, error);
            count++;
        }
    }
    if (result == 0)
        result = check_not_newer(applied, newest, error);
    if (result == 0)
        *applied_out = count;
    return result;
}

int tr_pg_migrate(struct tr_pg *pg, int *applied_out, struct tr_error *error)
{
    int result =
        tr_pg_query_once(pg, tr_pg_sql("queries/admin/lock_migrations"), NULL, NULL, error);
    if (result < 0)
        return result;
    result = apply_missing(pg, applied_out, error);
    if (!tr_pg_is_broken(pg))
        tr_pg_query_once(pg, tr_pg_sql("queries/admin/unlock_migrations"), NULL, NULL, NULL);
    return result;
}

int tr_pg_migrations(struct tr_pg *pg, struct tr_pg_migration **list_out, size_t *count_out,
                     struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *applied = NULL;
    int result = make_table(pg, error);
    if (result == 0)
        result = read_applied(pg, &applied, error);
    if (result < 0)
        return result;
    struct tr_pg_migration *list = tr_calloc(tr_sql_files_count, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < tr_sql_files_count; i++) {
        const struct tr_embedded *file = &tr_sql_files[i];
        if (!is_migration(file))
            continue;
        int row = find_row(applied, file);
        list[count++] = (struct tr_pg_migration){
            .number = number_of(file),
            .name = file->name + sizeof folder - 1,
            .applied_us = row >= 0 ? tr_pg_get_timestamptz(applied, row, 2) : 0,
        };
    }
    *list_out = list;
    *count_out = count;
    return 0;
}
