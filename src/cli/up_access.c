/* SPDX-License-Identifier: MIT */
/*
 * Project, keys and password of `traction up`. The database has digests only, so the keys
 * themselves live in traction.env while the server is ready and in traction.env.last otherwise;
 * between the two there is only a rename. When the start is on another project than the last one,
 * traction.env.last is copied to traction.env.UUID of the last one's project, for its next start.
 */
#include "up_priv.h"

#include "traction/base/file.h"
#include "traction/base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ENV_MAX_BYTES = 64 << 10, LINK_S = 86400 };

static const char *const key_variables[TR_UP_KEYS] = {[TR_SCOPE_WRITE] = "TRACTION_WRITE_KEY",
                                                      [TR_SCOPE_READ] = "TRACTION_READ_KEY",
                                                      [TR_SCOPE_ADMIN] = "TRACTION_ADMIN_KEY"};

int tr_up_hide_access(const char *directory, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *path = tr_printf("%s/traction.env", directory);
    TR_CLEANUP(tr_freep) char *last = tr_printf("%s/traction.env.last", directory);
    if (rename(path, last) < 0 && errno != ENOENT)
        return tr_error_set(error, -errno, "could not rename %s: %s", path, strerror(errno));
    return 0;
}

/* The value of NAME=value in the text; false if it is not there or does not fit. */
static bool find_value(const char *text, const char *name, char *out, size_t size)
{
    size_t name_size = strlen(name);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, name, name_size) == 0 && line[name_size] == '=') {
            size_t length = strcspn(line + name_size + 1, "\n");
            if (length == 0 || length >= size)
                return false;
            memcpy(out, line + name_size + 1, length);
            out[length] = '\0';
            return true;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return false;
}

static int find_or_make_project(struct tr_pg *pg, const char *name, int32_t *id_out,
                                char uuid_out[37], struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *found = NULL;
    tr_pg_bind_text(params, tr_slice_of(name));
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/project_ensure"), params, NULL, error);
    if (result == 0)
        result = tr_pg_query(pg, tr_pg_sql("queries/admin/project_find"), params, &found, error);
    if (result < 0)
        return result;
    if (tr_pg_rows(found) == 0)
        return tr_error_set(error, -ENOENT, "the project \"%s\" is gone", name);
    *id_out = (int32_t)tr_pg_get_int(found, 0, tr_pg_column(found, "id"));
    struct tr_slice uuid = tr_pg_get_bytes(found, 0, tr_pg_column(found, "uuid"));
    snprintf(uuid_out, 37, "%.*s", (int)uuid.size, uuid.data);
    return 0;
}

static int key_is_valid(struct tr_pg *pg, int32_t project_id, const char *key, const char *scope,
                        bool *valid_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *found = NULL;
    uint8_t digest[32];
    tr_sha256(key, strlen(key), digest);
    tr_pg_bind_bytea(params, tr_slice((const char *)digest, sizeof digest));
    tr_pg_bind_null(params);
    tr_pg_bind_int4(params, project_id);
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/key_find"), params, &found, error);
    if (result == 0)
        *valid_out = tr_pg_rows(found) == 1 &&
                     tr_slice_is(tr_pg_get_bytes(found, 0, tr_pg_column(found, "scope")), scope);
    return result;
}

static int keep_or_make_key(struct tr_pg *pg, int32_t project_id, const char *last,
                            enum tr_scope scope, char key_out[TR_KEY_BYTES], struct tr_error *error)
{
    static const char *const scopes[TR_UP_KEYS] = {
        [TR_SCOPE_WRITE] = "write", [TR_SCOPE_READ] = "read", [TR_SCOPE_ADMIN] = "admin"};
    bool valid = false;
    int result = 0;
    if (find_value(last, key_variables[scope], key_out, TR_KEY_BYTES))
        result = key_is_valid(pg, project_id, key_out, scopes[scope], &valid, error);
    if (result == 0 && !valid)
        result = tr_auth_create_key(pg, project_id, scope, key_out, error);
    return result;
}

/* The text of a file of the folder, empty if there is none. The caller frees it. */
static char *read_text(const char *directory, const char *name)
{
    TR_CLEANUP(tr_freep) char *path = tr_printf("%s/%s", directory, name);
    char *text = NULL;
    size_t size;
    if (tr_file_read_all(path, ENV_MAX_BYTES, &text, &size, NULL) < 0)
        return tr_strdup("");
    return text;
}

static bool is_uuid(const char *text)
{
    return strlen(text) == 36 && strspn(text, "0123456789abcdef-") == 36;
}

/* What the last start on this project knew. last: what the last start knew, on whichever. */
static int read_last_of(const char *directory, const char *project_id, const char *last,
                        char **text_out, struct tr_error *error)
{
    char other[37] = "";
    int result = 0;
    bool has_project = find_value(last, "TRACTION_PROJECT_ID", other, sizeof other);
    if (has_project && strcmp(other, project_id) == 0) {
        *text_out = tr_strdup(last);
        return 0;
    }
    if (has_project && is_uuid(other)) {
        TR_CLEANUP(tr_freep) char *aside = tr_printf("%s/traction.env.%s", directory, other);
        result = tr_file_replace(aside, last, strlen(last), 0600, error);
    }
    TR_CLEANUP(tr_freep) char *name = tr_printf("traction.env.%s", project_id);
    if (result == 0)
        *text_out = read_text(directory, name);
    return result;
}

static void keep_or_make_password(const char *last, char password_out[TR_UP_PASSWORD_BYTES])
{
    uint8_t random[(TR_UP_PASSWORD_BYTES - 1) / 2];
    if (find_value(last, "TRACTION_OWNER_PASSWORD", password_out, TR_UP_PASSWORD_BYTES))
        return;
    tr_random(random, sizeof random);
    tr_hex(random, sizeof random, password_out);
}

int tr_up_make_access(const char *directory, const char *project, struct tr_pg *pg,
                      struct tr_up_access *access_out, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *last = read_text(directory, "traction.env.last");
    TR_CLEANUP(tr_freep) char *of_project = NULL;
    struct tr_up_access access = {.owner_password = ""};
    int result =
        find_or_make_project(pg, project, &access.project_number, access.project_id, error);
    if (result == 0)
        result = read_last_of(directory, access.project_id, last, &of_project, error);
    for (int scope = 0; result == 0 && scope < TR_UP_KEYS; scope++)
        result = keep_or_make_key(pg, access.project_number, of_project, (enum tr_scope)scope,
                                  access.keys[scope], error);
    keep_or_make_password(last, access.owner_password);
    if (result == 0)
        result = tr_auth_put_owner(pg, TR_UP_OWNER, access.owner_password, error);
    if (result == 0)
        result = tr_auth_make_link(pg, TR_UP_OWNER, LINK_S, access.link, error);
    if (result == 0)
        *access_out = access;
    return result;
}

int tr_up_publish_access(const char *directory, const struct tr_up_access *access, const char *url,
                         const char *database_url, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *path = tr_printf("%s/traction.env", directory);
    struct tr_buf text;
    tr_buf_init(&text, ENV_MAX_BYTES);
    tr_buf_printf(&text, "TRACTION_URL=%s\n", url);
    tr_buf_printf(&text, "TRACTION_PROJECT_ID=%s\n", access->project_id);
    for (int scope = 0; scope < TR_UP_KEYS; scope++)
        tr_buf_printf(&text, "%s=%s\n", key_variables[scope], access->keys[scope]);
    tr_buf_printf(&text, "TRACTION_DATABASE_URL=%s\n", database_url);
    tr_buf_printf(&text, "TRACTION_OWNER_EMAIL=" TR_UP_OWNER "\n");
    tr_buf_printf(&text, "TRACTION_OWNER_PASSWORD=%s\n", access->owner_password);
    int result = tr_file_replace(path, text.data, text.size, 0600, error);
    tr_buf_fini(&text);
    return result;
}
