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

/* What somebody who signed in may do: look; change what is within projects; everything. */
enum tr_role { TR_ROLE_NONE, TR_ROLE_VIEWER, TR_ROLE_MEMBER, TR_ROLE_OWNER };

/* What a key may do. Copied out, so it outlives the snapshot. */
struct tr_key {
    int32_t project_id;
    enum tr_scope scope;
    enum tr_role role; /* of a session in place of a key */
    int32_t user_id;   /* as above; else 0 */
    char page[16];     /* of a share, which shows this page and no more; else "" */
    bool respect_dnt;  /* its project's */
    uint64_t number;   /* tells keys apart within this process, for limits per key */
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
/* Any thread. The session of a cookie's value: its role, user and number, and the scope that goes
 * with the role; its project is for tr_auth_find_project(). */
int tr_auth_find_session(struct tr_auth *auth, struct tr_slice token, int64_t now_us,
                         struct tr_key *key_out);
/* Any thread. The number of a project by its name or UUID; -1 if there is none. */
int32_t tr_auth_find_project(struct tr_auth *auth, struct tr_slice name);
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

/* People (src/auth/user.c) --------------------------------------------------------------------- */

enum { TR_PASSWORD_MIN_BYTES = 10, TR_PASSWORD_MAX_BYTES = 200, TR_PASSWORD_HASH_BYTES = 160 };
/* By scrypt, with a new salt; takes about a tenth of a second and 32 MiB. */
int tr_auth_hash_password(struct tr_slice password, char hash_out[TR_PASSWORD_HASH_BYTES],
                          struct tr_error *error);
/* A token for cookies and links: the prefix and 32 random characters, and its SHA-256. */
void tr_auth_make_token(const char *prefix, char token_out[TR_KEY_BYTES], uint8_t digest_out[32]);

struct tr_user {
    int32_t id;
    char email[256];
    enum tr_role role;
};
/* Of a row with id, email and role. */
struct tr_pg_result;
void tr_auth_take_user(const struct tr_pg_result *row, struct tr_user *user_out);
const char *tr_auth_role_name(enum tr_role role);
/* TR_ROLE_NONE for anything else. */
enum tr_role tr_auth_role_parse(struct tr_slice name);
/* Whether there is an "@" with something on both sides, and nothing that ends a line. */
bool tr_auth_is_email(struct tr_slice email);
/* The user of this address if that is the password, else TR_AUTH_UNKNOWN, after as long. */
int tr_auth_check_password(struct tr_pg *pg, struct tr_slice email, struct tr_slice password,
                           struct tr_user *user_out, struct tr_error *error);
/* Makes sure that an owner is there; a password that is there stays. */
int tr_auth_put_owner(struct tr_pg *pg, const char *email, const char *password,
                      struct tr_error *error);
/* A token that signs this user in, once, within so many seconds. -ENOENT: there is no such user. */
int tr_auth_make_link(struct tr_pg *pg, const char *email, int seconds,
                      char token_out[TR_KEY_BYTES], struct tr_error *error);
