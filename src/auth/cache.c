/* SPDX-License-Identifier: MIT */
/*
 * The file of last known keys, for starting while PostgreSQL is away:
 *
 *   {"version": 1,
 *    "projects": [{"id", "uuid", "name", "timezone", "currency", "origins": […],
 *                  "respect_dnt"}, …],
 *    "keys": [{"digest": hexadecimal, "project", "scope"}, …]}
 *
 * It holds digests only. What does not read as such is refused whole.
 */
#include "auth_priv.h"

#include "traction/base/file.h"
#include "traction/base/hash.h"

#include <errno.h>
#include <stdlib.h>

enum { CACHE_VERSION = 1, CACHE_MAX_BYTES = 64 << 20 };

static json_t *project_json(const struct tr_project *project)
{
    json_t *origins = json_array();
    for (size_t i = 0; i < project->origin_count; i++)
        json_array_append_new(origins, json_string(project->origins[i]));
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:b}", "id", (int)project->id, "uuid",
                     project->uuid, "name", project->name, "timezone", project->timezone,
                     "currency", project->currency, "origins", origins, "respect_dnt",
                     (int)project->respect_dnt);
}

static json_t *snapshot_json(const struct tr_auth_snapshot *snapshot)
{
    json_t *projects = json_array();
    json_t *keys = json_array();
    for (const struct tr_auth_project *entry = snapshot->projects; entry != NULL;
         entry = entry->hh.next)
        json_array_append_new(projects, project_json(&entry->project));
    for (const struct tr_auth_key *entry = snapshot->keys; entry != NULL; entry = entry->hh.next) {
        if (entry->key.page[0] != '\0')
            continue; /* a share: while PostgreSQL is away there is nothing to see */
        char hex[(size_t)2 * TR_DIGEST_BYTES + 1];
        tr_hex(entry->digest, TR_DIGEST_BYTES, hex);
        json_array_append_new(keys, json_pack("{s:s, s:i, s:s}", "digest", hex, "project",
                                              (int)entry->key.project_id, "scope",
                                              tr_auth_scope_name(entry->key.scope)));
    }
    return json_pack("{s:i, s:o, s:o}", "version", CACHE_VERSION, "projects", projects, "keys",
                     keys);
}

int tr_auth_cache_write(const char *path, const struct tr_auth_snapshot *snapshot,
                        uint8_t written[TR_DIGEST_BYTES], struct tr_error *error)
{
    json_t *document = snapshot_json(snapshot);
    TR_CLEANUP(tr_freep) char *text = json_dumps(document, JSON_INDENT(1));
    json_decref(document);
    if (text == NULL)
        return tr_error_set(error, -EINVAL, "keys or projects do not read as UTF-8");
    uint8_t digest[TR_DIGEST_BYTES];
    tr_sha256(text, strlen(text), digest);
    if (memcmp(digest, written, sizeof digest) == 0)
        return 0;
    int result = tr_file_replace(path, text, strlen(text), 0600, error);
    if (result == 0)
        memcpy(written, digest, sizeof digest);
    return result;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_digest(const char *hex, uint8_t out[TR_DIGEST_BYTES])
{
    if (strlen(hex) != (size_t)2 * TR_DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < TR_DIGEST_BYTES; i++) {
        int high = digit_of(hex[2 * i]);
        int low = digit_of(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_project(json_t *item, struct tr_auth_snapshot *snapshot)
{
    int id;
    const char *uuid, *name, *timezone, *currency;
    json_t *origins;
    int respect_dnt = 0; /* absent in files of the first release */
    if (json_unpack(item, "{s:i, s:s, s:s, s:s, s:s, s:o, s?b}", "id", &id, "uuid", &uuid, "name",
                    &name, "timezone", &timezone, "currency", &currency, "origins", &origins,
                    "respect_dnt", &respect_dnt) != 0 ||
        strlen(uuid) != 36 || strlen(currency) != 3 || !json_is_array(origins))
        return false;
    struct tr_project project = {.id = id,
                                 .name = tr_strdup(name),
                                 .timezone = tr_strdup(timezone),
                                 .respect_dnt = respect_dnt};
    memcpy(project.uuid, uuid, 36);
    memcpy(project.currency, currency, 3);
    size_t index;
    json_t *origin;
    json_array_foreach(origins, index, origin)
    {
        if (json_is_string(origin) && json_string_length(origin) > 0)
            tr_auth_split_origins(&project, tr_slice_of(json_string_value(origin)));
    }
    /* A damaged entry must not turn "these origins" into "any origin". */
    bool good = project.origin_count == json_array_size(origins);
    tr_auth_snapshot_add_project(snapshot, &project);
    return good;
}

static bool read_key(json_t *item, struct tr_auth_snapshot *snapshot)
{
    const char *hex, *scope;
    int project;
    uint8_t digest[TR_DIGEST_BYTES];
    if (json_unpack(item, "{s:s, s:i, s:s}", "digest", &hex, "project", &project, "scope",
                    &scope) != 0)
        return false;
    int parsed = tr_auth_scope_parse(tr_slice_of(scope));
    if (parsed < 0 || !parse_digest(hex, digest))
        return false;
    tr_auth_snapshot_add_key(snapshot, digest, project, (enum tr_scope)parsed);
    return true;
}

static bool read_document(json_t *document, struct tr_auth_snapshot *snapshot)
{
    int version;
    json_t *projects, *keys, *item;
    size_t index;
    if (json_unpack(document, "{s:i, s:o, s:o}", "version", &version, "projects", &projects, "keys",
                    &keys) != 0 ||
        version != CACHE_VERSION)
        return false;
    json_array_foreach(projects, index, item)
    {
        if (!read_project(item, snapshot))
            return false;
    }
    json_array_foreach(keys, index, item)
    {
        if (!read_key(item, snapshot))
            return false;
    }
    return true;
}

int tr_auth_cache_read(const char *path, struct tr_auth_snapshot **snapshot_out,
                       struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *text = NULL;
    TR_CLEANUP(tr_auth_snapshot_freep) struct tr_auth_snapshot *snapshot = tr_auth_snapshot_new();
    size_t size;
    int result = tr_file_read_all(path, CACHE_MAX_BYTES, &text, &size, error);
    if (result < 0)
        return result;
    json_t *document = json_loadb(text, size, 0, NULL);
    bool good = document != NULL && read_document(document, snapshot);
    json_decref(document);
    if (!good)
        return tr_error_set(error, -EBADMSG, "%s is not a file of known keys", path);
    *snapshot_out = TR_TAKE(snapshot);
    return 0;
}
