/* SPDX-License-Identifier: MIT */
/* traction query: asks the database directly, and prints the answer for people or for scripts. */
#include "cli_priv.h"

#include "query_priv.h"
#include "traction/base/arena.h"
#include "traction/base/clock.h"
#include "traction/kpi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 64 << 20, PARAMETERS_MAX = 256 };

struct question {
    struct tr_kpi_parameter parameters[PARAMETERS_MAX];
    size_t count;
};

struct query_options {
    struct tr_cli_database database;
    const char *project;
    const char *format;
    const char *single[8]; /* as single_names */
    struct tr_cli_list by;
    struct tr_cli_list where;
    bool list;
};

static const char *const single_names[] = {"from",    "to",   "interval", "timezone",
                                           "compare", "name", "goal",     "percentile"};

static void add(struct question *question, struct tr_slice name, const char *value)
{
    if (value == NULL || question->count == PARAMETERS_MAX)
        return;
    question->parameters[question->count++] =
        (struct tr_kpi_parameter){.name = name, .value = tr_slice_of(value)};
}

static void build_question(const struct query_options *options, const struct tr_cli_list *words,
                           struct question *question_out)
{
    question_out->count = 0;
    for (size_t i = 0; i < sizeof single_names / sizeof single_names[0]; i++)
        add(question_out, tr_slice_of(single_names[i]), options->single[i]);
    for (size_t i = 0; i < options->by.count; i++)
        add(question_out, TR_SLICE("by"), options->by.items[i]);
    for (size_t i = 0; i < options->where.count; i++)
        add(question_out, TR_SLICE("where"), options->where.items[i]);
    for (size_t i = 1; i < words->count; i++) {
        const char *equals = strchr(words->items[i], '=');
        add(question_out, tr_slice(words->items[i], (size_t)(equals - words->items[i])),
            equals + 1);
    }
}

int tr_cli_read_as_of(struct tr_pg *pg, int64_t now_us, int64_t *as_of_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/as_of"), NULL, &row, error);
    if (result == 0)
        *as_of_out = tr_pg_rows(row) > 0 ? tr_pg_get_timestamptz(row, 0, 0) : now_us;
    return result;
}

int tr_cli_read_project(struct tr_pg *pg, const char *name, struct tr_arena *arena,
                        struct tr_kpi_project *project_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *found = NULL;
    int32_t id = 0;
    int result = tr_cli_find_project(pg, name, &id, error);
    tr_pg_bind_text(params, tr_slice_of(name));
    if (result == 0)
        result = tr_pg_query(pg, tr_pg_sql("queries/admin/project_find"), params, &found, error);
    if (result < 0)
        return result;
    project_out->id = id;
    project_out->timezone =
        tr_arena_dup(arena, tr_pg_get_bytes(found, 0, tr_pg_column(found, "timezone"))).data;
    project_out->currency =
        tr_arena_dup(arena, tr_pg_get_bytes(found, 0, tr_pg_column(found, "currency"))).data;
    return 0;
}

/* A hint that names the list of KPIs names it as HTTP does; here it is an option. */
static const char *hint_for_people(const char *hint, bool unknown, struct tr_arena *arena)
{
    const char *path = strstr(hint, "/v1/kpis");
    if (path == NULL && unknown)
        return tr_arena_printf(arena, "%s \"traction query --list\" lists all", hint);
    if (path == NULL)
        return hint;
    int before = (int)(path - hint);
    if (before >= 4 && strncmp(path - 4, "GET ", 4) == 0)
        before -= 4;
    return tr_arena_printf(arena, "%.*s\"traction query --list\"%s", before, hint,
                           path + strlen("/v1/kpis"));
}

static int report_problem(const struct tr_kpi_problem *problem, struct tr_arena *arena)
{
    bool unknown = problem->status == 404;
    const char *hint =
        problem->hint != NULL ? hint_for_people(problem->hint, unknown, arena) : NULL;
    fprintf(stderr, "traction query: %s%s%s\n", problem->message, hint != NULL ? ". " : "",
            hint != NULL ? hint : "");
    return problem->status < 500 ? TR_EXIT_USAGE : TR_EXIT_FAILED;
}

static void print_answer(const json_t *answer, const char *format, struct tr_arena *arena)
{
    struct tr_slice csv;
    if (strcmp(format, "json") == 0) {
        json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15)); /* 0.1 stays 0.1 */
        putchar('\n');
    } else if (strcmp(format, "csv") == 0) {
        csv = tr_kpi_csv(answer, arena);
        fwrite(csv.data, 1, csv.size, stdout);
    } else {
        tr_query_print(answer);
    }
}

static int ask(const struct query_options *options, const struct tr_cli_list *words,
               struct tr_arena *arena)
{
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_kpi_project project;
    struct tr_kpi_problem problem = {0};
    struct question question;
    json_t *answer = NULL;
    int64_t now_us = tr_clock_wall_us();
    int64_t as_of_us = now_us;
    build_question(options, words, &question);
    int result = tr_cli_connect(&options->database, &pg, &error);
    if (result == 0)
        result = tr_cli_read_project(pg, options->project, arena, &project, &error);
    if (result == 0)
        result = tr_cli_read_as_of(pg, now_us, &as_of_us, &error);
    if (result == 0)
        result = tr_kpi_answer(pg, &project, tr_slice_of(words->items[0]), question.parameters,
                               question.count, now_us, as_of_us, arena, &answer, &problem, &error);
    if (result == TR_KPI_PROBLEM)
        return report_problem(&problem, arena);
    if (result < 0)
        return tr_cli_fail(&error);
    print_answer(answer, options->format, arena);
    json_decref(answer);
    return TR_EXIT_DONE;
}

/* What can be asked, without a database. */
static int list_kpis(const char *format)
{
    json_t *catalogue = tr_kpi_catalogue();
    size_t index = 0;
    json_t *kpi = NULL;
    if (strcmp(format, "json") == 0) {
        json_dumpf(catalogue, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        json_array_foreach(json_object_get(catalogue, "kpis"), index, kpi)
            printf("%-18s %s\n", json_string_value(json_object_get(kpi, "kpi")),
                   json_string_value(json_object_get(kpi, "definition")));
    }
    json_decref(catalogue);
    return TR_EXIT_DONE;
}

static bool check_words(const char *command, const struct tr_cli_list *words, const char *format,
                        int *status_out)
{
    static const char *const formats[] = {"table", "json", "csv"};
    if (words->count == 0) {
        *status_out = tr_cli_wrong(command, "expected a KPI; --list shows which there are");
        return false;
    }
    for (size_t i = 1; i < words->count; i++)
        if (strchr(words->items[i], '=') == NULL) {
            *status_out =
                tr_cli_wrong(command, "expected PARAMETER=VALUE, not \"%.40s\"", words->items[i]);
            return false;
        }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(formats[i], format) == 0)
            return true;
    *status_out = tr_cli_wrong(command, "--format: expected table, json or csv");
    return false;
}

int tr_cli_query(int argc, char **argv)
{
    struct query_options query = {.project = getenv("TRACTION_PROJECT_ID"), .format = "table"};
    if (query.project == NULL || query.project[0] == '\0')
        query.project = "default";
    struct tr_cli_list words;
    const struct tr_cli_option options[] = {
        {"project", TR_CLI_TEXT, &query.project, "PROJECT",
         "name or UUID; else TRACTION_PROJECT_ID, else \"default\""},
        {"from", TR_CLI_TEXT, &query.single[0], "TIME",
         "RFC 3339, a date, -7d, -12h, today; else 30 days before --to"},
        {"to", TR_CLI_TEXT, &query.single[1], "TIME",
         "the same; a date includes that day; else the end of today, or now if --from counts "
         "hours"},
        {"interval", TR_CLI_TEXT, &query.single[2], "STEP",
         "minute, hour, day, week, month or none; else day, or hour up to two days"},
        {"by", TR_CLI_LIST, &query.by, "DIMENSION", "break down, by country or properties.x, say"},
        {"where", TR_CLI_LIST, &query.where, "FILTER",
         "such as country:DE or url~/docs/*; repeated"},
        {"timezone", TR_CLI_TEXT, &query.single[3], "ZONE", "else the project's"},
        {"compare", TR_CLI_TEXT, &query.single[4], "previous", "also ask for the period before"},
        {"name", TR_CLI_TEXT, &query.single[5], "EVENT", "for event_count: which event; else all"},
        {"goal", TR_CLI_TEXT, &query.single[6], "GOAL",
         "for conversion_rate: which goal; else any"},
        {"percentile", TR_CLI_TEXT, &query.single[7], "P",
         "for durations: from 1 to 99.9; else the KPI's own"},
        {"format", TR_CLI_TEXT, &query.format, "FORMAT", "table (the default), json or csv"},
        {"list", TR_CLI_FLAG, &query.list, NULL,
         "list the KPIs; with --format json also their formulas and parameters"},
        TR_CLI_DATABASE_OPTIONS(query.database),
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction query",
        "KPI [--from TIME] [--to TIME] [--by DIMENSION] [PARAMETER=VALUE]…",
        "Asks for a KPI, such as active_users, error_rate or revenue, and prints the answer. "
        "Other\n"
        "parameters of a KPI are given as PARAMETER=VALUE.",
        options,
        0,
        TR_CLI_LIST_MAX};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &words, &status))
        return status;
    if (query.list)
        return list_kpis(query.format);
    if (!check_words(usage.command, &words, query.format, &status))
        return status;
    TR_CLEANUP(tr_arena_freep) struct tr_arena *arena = tr_arena_new(ARENA_BYTES);
    return ask(&query, &words, arena);
}
