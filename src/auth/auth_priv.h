/* SPDX-License-Identifier: MIT */
/* What the files of this folder share: the snapshot of keys and projects. */
#pragma once

#include "traction/auth.h"
#include "traction/base/alloc.h"
#include "traction/pg.h"

#include <jansson.h>
#include <uthash.h>

enum { TR_DIGEST_BYTES = 32 };

struct tr_auth_key {
    uint8_t digest[TR_DIGEST_BYTES];
    struct tr_key key;
    UT_hash_handle hh;
};

struct tr_auth_project {
    struct tr_project project;
    UT_hash_handle hh;
};

struct tr_auth_session {
    uint8_t digest[TR_DIGEST_BYTES];
    struct tr_key key; /* of no project */
    int64_t expires_us;
    UT_hash_handle hh;
};

/* Immutable once built. */
struct tr_auth_snapshot {
    struct tr_auth_key *keys;         /* by digest, those of shares among them */
    struct tr_auth_session *sessions; /* by digest */
    struct tr_auth_project *projects; /* by id */
};

struct tr_auth_snapshot *tr_auth_snapshot_new(void);
void tr_auth_snapshot_free(struct tr_auth_snapshot *snapshot);
TR_DEFINE_CLEANUP(struct tr_auth_snapshot, tr_auth_snapshot_free)

/* Takes the contents of project: its strings are the snapshot's afterwards. */
void tr_auth_snapshot_add_project(struct tr_auth_snapshot *snapshot,
                                  const struct tr_project *project);
/* The entry is the snapshot's. */
struct tr_auth_key *tr_auth_snapshot_add_key(struct tr_auth_snapshot *snapshot,
                                             const uint8_t *digest, int32_t project_id,
                                             enum tr_scope scope);
/* Cuts "a\nb" into the project's list of origins. */
void tr_auth_split_origins(struct tr_project *project, struct tr_slice lines);

/* Reads everything from PostgreSQL, as of one moment. */
int tr_auth_snapshot_load(struct tr_pg *pg, struct tr_auth_snapshot **snapshot_out,
                          struct tr_error *error);

/* The file of last known keys. Written only when the contents have changed since *written, a
 * digest, which is updated. */
int tr_auth_cache_write(const char *path, const struct tr_auth_snapshot *snapshot,
                        uint8_t written[TR_DIGEST_BYTES], struct tr_error *error);
int tr_auth_cache_read(const char *path, struct tr_auth_snapshot **snapshot_out,
                       struct tr_error *error);

/* "write", "read", "admin"; -1 for anything else. */
int tr_auth_scope_parse(struct tr_slice name);
const char *tr_auth_scope_name(enum tr_scope scope);
