/* SPDX-License-Identifier: MIT */
/*
 * Keys and projects, looked up in memory. A thread of its own loads them from PostgreSQL and loads
 * them again when they change (NOTIFY traction_keys, and every 5 s in case one was missed); readers
 * see an immutable snapshot that is swapped whole.
 */
#pragma once

#include "traction/base/error.h"
#include "traction/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum tr_scope { TR_SCOPE_WRITE, TR_SCOPE_READ, TR_SCOPE_ADMIN };

struct tr_project {
    int32_t id;
    char uuid[37];
    char *name;
    char *timezone;
    char currency[4];
    char **origins; /* allowed; count 0: any */
    size_t origin_count;
    bool respect_dnt; /* DNT: 1 and Sec-GPC: 1 keep events out */
};

/* What a key may do. Copied out, so it outlives the snapshot. */
struct tr_key {
    int32_t project_id;
    enum tr_scope scope;
    bool respect_dnt; /* its project's */
    uint64_t number;  /* tells keys apart within this process, for limits per key */
};

struct tr_auth;
struct tr_auth_options {
    const char *database_url; /* borrowed */
    const char *cache_path;   /* last known keys (hashes only), for starting while PostgreSQL is
                                 away; NULL: none */
};
/* Loads once if PostgreSQL can be reached, else from the cache, and starts the thread. */
int tr_auth_start(struct tr_auth **auth_out, const struct tr_auth_options *options,
                  struct tr_error *error);
void tr_auth_stop(struct tr_auth *auth);

/* Any thread. Compares digests only. */
enum { TR_AUTH_UNKNOWN = 1 };
int tr_auth_find_key(struct tr_auth *auth, struct tr_slice key, struct tr_key *key_out);
/* Any thread. Calls use() with the project while the snapshot is held; false if there is none. */
bool tr_auth_with_project(struct tr_auth *auth, int32_t project_id,
                          void (*use)(const struct tr_project *project, void *context),
                          void *context);
/* Whether the project lets this origin write. */
bool tr_auth_origin_allowed(struct tr_auth *auth, int32_t project_id, struct tr_slice origin);
/* Whether keys have been loaded at all, from PostgreSQL or the cache. */
bool tr_auth_ready(struct tr_auth *auth);
/* Loads again soon. Any thread. */
void tr_auth_refresh(struct tr_auth *auth);

/* Administration, used by the commands. Each is one transaction and notifies the servers. */
struct tr_pg;
enum { TR_KEY_BYTES = 64 };
/* Makes a key: prefix tw_, tr_ or ta_, 32 characters of [0-9a-z] (160 bits), 6 of checksum. */
int tr_auth_create_key(struct tr_pg *pg, int32_t project_id, enum tr_scope scope,
                       char key_out[TR_KEY_BYTES], struct tr_error *error);
