/* SPDX-License-Identifier: MIT */
/* What asking about hypotheses and annotations begins and ends with, and how answers are shown. */
#include "session_priv.h"

#include "traction/base/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 64 << 20 };

int tr_hypothesis_begin(struct tr_hypothesis_session *session,
                        const struct tr_hypothesis_options *options)
{
    *session = (struct tr_hypothesis_session){.arena = tr_arena_new(ARENA_BYTES)};
    struct tr_kpi_asker *ask = &session->ask;
    ask->now_us = tr_clock_wall_us();
    ask->arena = session->arena;
    ask->project = &session->project;
    ask->problem = &session->problem;
    ask->error = &session->error;
    const char *named = getenv("TRACTION_PROJECT_ID");
    const char *project = named != NULL && *named != '\0' ? named : "default";
    if (options->project != NULL)
        project = options->project;
    int result = tr_cli_connect(&options->database, &session->pg, &session->error);
    ask->pg = session->pg;
    if (result == 0)
        result = tr_cli_read_project(session->pg, project, session->arena, &session->project,
                                     &session->error);
    if (result == 0)
        result = tr_cli_read_as_of(session->pg, ask->now_us, &ask->as_of_us, &session->error);
    return result;
}

int tr_hypothesis_end(struct tr_hypothesis_session *session, const char *command, int result)
{
    const struct tr_kpi_problem *problem = &session->problem;
    int status = TR_EXIT_DONE;
    if (result == TR_KPI_PROBLEM) {
        fprintf(stderr, "%s: %s%s%s\n", command, problem->message,
                problem->hint != NULL ? ". " : "", problem->hint != NULL ? problem->hint : "");
        status = problem->status == 400 ? TR_EXIT_USAGE : TR_EXIT_FAILED;
    } else if (result < 0) {
        status = tr_cli_fail(&session->error);
    }
    tr_pg_close(session->pg);
    tr_arena_free(session->arena);
    return status;
}

static void print_value(const json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        puts("-");
    } else if (json_is_string(value)) {
        puts(json_string_value(value));
    } else {
        json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
}

void tr_hypothesis_print(const json_t *object, const char *const *keys, bool as_json)
{
    if (as_json) {
        json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
        putchar('\n');
        return;
    }
    for (size_t i = 0; keys[i] != NULL; i++) {
        if (json_object_get(object, keys[i]) == NULL)
            continue;
        printf("%-12s ", keys[i]);
        print_value(json_object_get(object, keys[i]));
    }
}
