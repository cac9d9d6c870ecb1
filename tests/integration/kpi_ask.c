/* SPDX-License-Identifier: MIT */
/*
 * Asks one question without a server: kpi_ask URL PROJECT KPI [NAME=VALUE]... prints the answer, or
 * the problem as {"problem":{…}}. "now=" is the time of asking, in microseconds; "format=csv".
 */
#include "traction/kpi.h"

#include "traction/base/clock.h"
#include "traction/pg.h"

#include <stdio.h>
#include <stdlib.h>

enum { PARAMETERS_MAX = 64 };

static int read_project(struct tr_pg *pg, int32_t id, struct tr_arena *arena,
                        struct tr_kpi_project *project, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, id);
    int result = tr_pg_query_once(
        pg, "select timezone, currency from traction.project where id = $1", params, &row, error);
    if (result < 0 || tr_pg_rows(row) != 1)
        return result < 0 ? result : tr_error_set(error, -2, "no such project");
    *project = (struct tr_kpi_project){
        .id = id,
        .timezone = tr_arena_dup(arena, tr_pg_get_bytes(row, 0, 0)).data,
        .currency = tr_arena_dup(arena, tr_pg_get_bytes(row, 0, 1)).data,
    };
    return 0;
}

static void print(struct tr_slice text)
{
    printf("%.*s\n", (int)text.size, text.data);
}

static int ask(struct tr_pg *pg, int count, char **arguments, struct tr_arena *arena,
               struct tr_error *error)
{
    struct tr_kpi_project project;
    struct tr_kpi_parameter parameters[PARAMETERS_MAX];
    struct tr_kpi_problem problem;
    int64_t now_us = tr_clock_wall_us();
    size_t used = 0;
    bool csv = false;
    for (int i = 2; i < count && used < PARAMETERS_MAX; i++) {
        char *equals = strchr(arguments[i], '=');
        struct tr_slice name = tr_slice(arguments[i], (size_t)(equals - arguments[i]));
        if (tr_slice_is(name, "now"))
            now_us = strtoll(equals + 1, NULL, 10);
        else if (tr_slice_is(name, "format"))
            csv = strcmp(equals + 1, "csv") == 0;
        else
            parameters[used++] = (struct tr_kpi_parameter){name, tr_slice_of(equals + 1)};
    }
    json_t *answer = NULL;
    int result = read_project(pg, atoi(arguments[0]), arena, &project, error);
    if (result == 0)
        result = tr_kpi_answer(pg, &project, tr_slice_of(arguments[1]), parameters, used, now_us, 0,
                               arena, &answer, &problem, error);
    if (result == TR_KPI_PROBLEM) {
        answer = json_pack("{s:{s:i, s:s?, s:s, s:s?}}", "problem", "status", problem.status,
                           "parameter", problem.parameter, "message", problem.message, "hint",
                           problem.hint);
        csv = false;
    }
    if (result >= 0)
        print(csv ? tr_kpi_csv(answer, arena) : tr_kpi_json(answer, arena));
    json_decref(answer);
    return result;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: kpi_ask URL PROJECT KPI [NAME=VALUE]...\n");
        return 2;
    }
    struct tr_error error = TR_ERROR_INIT;
    const struct tr_pg_options options = {
        .url = argv[1], .application = "kpi_ask", .read_only = true};
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    TR_CLEANUP(tr_arena_freep) struct tr_arena *arena = tr_arena_new(TR_KPI_ARENA_BYTES);
    int result = tr_pg_connect(&pg, &options, &error);
    if (result == 0)
        result = ask(pg, argc - 2, argv + 2, arena, &error);
    if (result < 0)
        fprintf(stderr, "kpi_ask: %s\n", error.message);
    return result < 0;
}
