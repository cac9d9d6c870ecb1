/* SPDX-License-Identifier: MIT */
/* traction up: the access it hands out, kept in traction.env. */
#pragma once

#include "cli_priv.h"
#include "traction/auth.h"

#define TR_UP_OWNER "owner@localhost"

enum { TR_UP_KEYS = 3, TR_UP_PASSWORD_BYTES = 25 };

struct tr_up_access {
    int32_t project_number;
    char project_id[37];
    char keys[TR_UP_KEYS][TR_KEY_BYTES]; /* by enum tr_scope */
    char owner_password[TR_UP_PASSWORD_BYTES];
    char link[TR_KEY_BYTES]; /* signs the owner in, once */
};

/* Puts traction.env out of sight, because there is no server that it would be true of. What it says
 * is kept in traction.env.last for the next start. */
int tr_up_hide_access(const char *directory, struct tr_error *error);
/* The project of that name, made if need be, and keys for it: those of its last start if they are
 * still valid. The last start may have been on another project, whose keys are put aside. */
int tr_up_make_access(const char *directory, const char *project, struct tr_pg *pg,
                      struct tr_up_access *access_out, struct tr_error *error);
/* Writes traction.env, whole or not at all, for its owner only. */
int tr_up_publish_access(const char *directory, const struct tr_up_access *access, const char *url,
                         const char *database_url, struct tr_error *error);
