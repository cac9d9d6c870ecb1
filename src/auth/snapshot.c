/* SPDX-License-Identifier: MIT */
/*
 * Keys by digest and projects by id, as of one moment. Digests of unknown keys cannot be aimed at a
 * bucket, so the table needs no secret seed.
 */
#include "auth_priv.h"

#include <stdlib.h>

static const char *const scope_names[] = {
    [TR_SCOPE_WRITE] = "write", [TR_SCOPE_READ] = "read", [TR_SCOPE_ADMIN] = "admin"};

int tr_auth_scope_parse(struct tr_slice name)
{
    for (int i = 0; i <= TR_SCOPE_ADMIN; i++)
        if (tr_slice_is(name, scope_names[i]))
            return i;
    return -1;
}

const char *tr_auth_scope_name(enum tr_scope scope)
{
    return scope_names[scope];
}

struct tr_auth_snapshot *tr_auth_snapshot_new(void)
{
    return tr_calloc(1, sizeof(struct tr_auth_snapshot));
}

static void free_project(struct tr_auth_project *entry)
{
    for (size_t i = 0; i < entry->project.origin_count; i++)
        free(entry->project.origins[i]);
    free(entry->project.origins);
    free(entry->project.name);
    free(entry->project.timezone);
    free(entry);
}

void tr_auth_snapshot_free(struct tr_auth_snapshot *snapshot)
{
    struct tr_auth_key *key, *next_key;
    struct tr_auth_project *project, *next_project;
    struct tr_auth_session *session, *next_session;
    if (snapshot == NULL)
        return;
    key = snapshot->keys;
    session = snapshot->sessions;
    HASH_CLEAR(hh, snapshot->sessions);
    for (; session != NULL; session = next_session) {
        next_session = session->hh.next;
        free(session);
    }
    project = snapshot->projects;
    HASH_CLEAR(hh, snapshot->keys);
    HASH_CLEAR(hh, snapshot->projects);
    for (; key != NULL; key = next_key) {
        next_key = key->hh.next;
        free(key);
    }
    for (; project != NULL; project = next_project) {
        next_project = project->hh.next;
        free_project(project);
    }
    free(snapshot);
}

void tr_auth_snapshot_add_project(struct tr_auth_snapshot *snapshot,
                                  const struct tr_project *project)
{
    struct tr_auth_project *entry = tr_calloc(1, sizeof *entry);
    entry->project = *project;
    HASH_ADD_INT(snapshot->projects, project.id, entry);
}

struct tr_auth_key *tr_auth_snapshot_add_key(struct tr_auth_snapshot *snapshot,
                                             const uint8_t *digest, int32_t project_id,
                                             enum tr_scope scope)
{
    struct tr_auth_key *entry = tr_calloc(1, sizeof *entry);
    memcpy(entry->digest, digest, sizeof entry->digest);
    entry->key.project_id = project_id;
    entry->key.scope = scope;
    /* A part of the digest: the same after every load, and told to nobody. */
    memcpy(&entry->key.number, digest, sizeof entry->key.number);
    HASH_ADD(hh, snapshot->keys, digest, sizeof entry->digest, entry);
    return entry;
}

void tr_auth_split_origins(struct tr_project *project, struct tr_slice lines)
{
    while (lines.size > 0) {
        const char *end = memchr(lines.data, '\n', lines.size);
        size_t size = end != NULL ? (size_t)(end - lines.data) : lines.size;
        project->origins =
            tr_realloc(project->origins, (project->origin_count + 1) * sizeof(char *));
        project->origins[project->origin_count++] = tr_strndup(lines.data, size);
        size_t step = end != NULL ? size + 1 : size;
        lines = tr_slice(lines.data + step, lines.size - step);
    }
}

static char *text_at(const struct tr_pg_result *rows, int row, const char *name)
{
    struct tr_slice text = tr_pg_get_bytes(rows, row, tr_pg_column(rows, name));
    return tr_strndup(text.data, text.size);
}

static void take_project(struct tr_auth_snapshot *snapshot, const struct tr_pg_result *rows,
                         int row)
{
    struct tr_project project = {
        .id = (int32_t)tr_pg_get_int(rows, row, tr_pg_column(rows, "id")),
        .name = text_at(rows, row, "name"),
        .timezone = text_at(rows, row, "timezone"),
        .respect_dnt = tr_pg_get_bool(rows, row, tr_pg_column(rows, "respect_dnt")),
    };
    struct tr_slice uuid = tr_pg_get_bytes(rows, row, tr_pg_column(rows, "uuid"));
    struct tr_slice currency = tr_pg_get_bytes(rows, row, tr_pg_column(rows, "currency"));
    memcpy(project.uuid, uuid.data, uuid.size < 36 ? uuid.size : 36);
    memcpy(project.currency, currency.data, currency.size < 3 ? currency.size : 3);
    tr_auth_split_origins(&project,
                          tr_pg_get_bytes(rows, row, tr_pg_column(rows, "allowed_origins")));
    tr_auth_snapshot_add_project(snapshot, &project);
}

static int load_projects(struct tr_pg *pg, struct tr_auth_snapshot *snapshot,
                         struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/auth_projects"), NULL, &rows, error);
    for (int i = 0; result == 0 && i < tr_pg_rows(rows); i++)
        take_project(snapshot, rows, i);
    return result;
}

static int load_keys(struct tr_pg *pg, struct tr_auth_snapshot *snapshot, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/auth_keys"), NULL, &rows, error);
    for (int i = 0; result == 0 && i < tr_pg_rows(rows); i++) {
        struct tr_slice digest = tr_pg_get_bytes(rows, i, tr_pg_column(rows, "hash"));
        struct tr_slice scope = tr_pg_get_bytes(rows, i, tr_pg_column(rows, "scope"));
        int32_t project = (int32_t)tr_pg_get_int(rows, i, tr_pg_column(rows, "project_id"));
        int parsed = tr_auth_scope_parse(scope);
        if (parsed >= 0 && digest.size == TR_DIGEST_BYTES)
            tr_auth_snapshot_add_key(snapshot, (const uint8_t *)digest.data, project,
                                     (enum tr_scope)parsed);
    }
    return result;
}

/* A share is a key that reads one page. */
static int load_shares(struct tr_pg *pg, struct tr_auth_snapshot *snapshot, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/access/auth_shares"), NULL, &rows, error);
    for (int i = 0; result == 0 && i < tr_pg_rows(rows); i++) {
        struct tr_slice digest = tr_pg_get_bytes(rows, i, tr_pg_column(rows, "hash"));
        struct tr_slice page = tr_pg_get_bytes(rows, i, tr_pg_column(rows, "page"));
        int32_t project = (int32_t)tr_pg_get_int(rows, i, tr_pg_column(rows, "project_id"));
        struct tr_auth_key *entry = tr_auth_snapshot_add_key(snapshot, (const uint8_t *)digest.data,
                                                             project, TR_SCOPE_READ);
        snprintf(entry->key.page, sizeof entry->key.page, "%.*s", (int)page.size, page.data);
    }
    return result;
}

static void take_session(struct tr_auth_snapshot *snapshot, const struct tr_pg_result *rows,
                         int row)
{
    struct tr_slice digest = tr_pg_get_bytes(rows, row, tr_pg_column(rows, "hash"));
    struct tr_auth_session *entry = tr_calloc(1, sizeof *entry);
    memcpy(entry->digest, digest.data, sizeof entry->digest);
    memcpy(&entry->key.number, digest.data, sizeof entry->key.number);
    entry->key.user_id = (int32_t)tr_pg_get_int(rows, row, tr_pg_column(rows, "user_id"));
    entry->key.role = tr_auth_role_parse(tr_pg_get_bytes(rows, row, tr_pg_column(rows, "role")));
    entry->key.scope = entry->key.role > TR_ROLE_VIEWER ? TR_SCOPE_ADMIN : TR_SCOPE_READ;
    entry->expires_us = tr_pg_get_timestamptz(rows, row, tr_pg_column(rows, "expires_at"));
    HASH_ADD(hh, snapshot->sessions, digest, sizeof entry->digest, entry);
}

static int load_sessions(struct tr_pg *pg, struct tr_auth_snapshot *snapshot,
                         struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/access/auth_sessions"), NULL, &rows, error);
    for (int i = 0; result == 0 && i < tr_pg_rows(rows); i++)
        take_session(snapshot, rows, i);
    return result;
}

int tr_auth_snapshot_load(struct tr_pg *pg, struct tr_auth_snapshot **snapshot_out,
                          struct tr_error *error)
{
    TR_CLEANUP(tr_auth_snapshot_freep) struct tr_auth_snapshot *snapshot = tr_auth_snapshot_new();
    int result = tr_pg_execute(pg, tr_pg_sql("queries/admin/begin_snapshot"), error);
    if (result < 0)
        return result;
    result = load_projects(pg, snapshot, error);
    if (result == 0)
        result = load_keys(pg, snapshot, error);
    if (result == 0)
        result = load_shares(pg, snapshot, error);
    if (result == 0)
        result = load_sessions(pg, snapshot, error);
    if (result == 0)
        result = tr_pg_execute(pg, "commit", error);
    else
        tr_pg_execute(pg, "rollback", NULL); /* the first failure is the one to tell */
    if (result == 0)
        *snapshot_out = TR_TAKE(snapshot);
    return result;
}
