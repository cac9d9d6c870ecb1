/* SPDX-License-Identifier: MIT */
/* What the commands hypothesis and annotation share. */
#pragma once

#include "cli_priv.h"

#include "traction/base/arena.h"
#include "traction/hypothesis.h"

/* The options of each. */
struct tr_hypothesis_options {
    struct tr_cli_database database;
    const char *project;
    bool json;
};
#define TR_HYPOTHESIS_OPTIONS(target)                              \
    {"project", TR_CLI_TEXT, &(target).project, "PROJECT",         \
     "name or UUID; else TRACTION_PROJECT_ID, else \"default\""},  \
        {"json", TR_CLI_FLAG, &(target).json, NULL, "print JSON"}, \
        TR_CLI_DATABASE_OPTIONS((target).database),                \
    {                                                              \
        NULL, TR_CLI_FLAG, NULL, NULL, NULL                        \
    }

/* A connection with everything that asking needs. */
struct tr_hypothesis_session {
    struct tr_pg *pg;
    struct tr_arena *arena;
    struct tr_kpi_project project;
    struct tr_kpi_problem problem;
    struct tr_error error;
    struct tr_kpi_asker ask;
};
/* 0, or < 0 with session->error set. */
int tr_hypothesis_begin(struct tr_hypothesis_session *session,
                        const struct tr_hypothesis_options *options);
/* Says what went wrong, if anything did, and frees the session. Returns the exit status. */
int tr_hypothesis_end(struct tr_hypothesis_session *session, const char *command, int result);

/* Prints an object: as JSON, or as lines of these keys (NULL-terminated). */
void tr_hypothesis_print(const json_t *object, const char *const *keys, bool as_json);
