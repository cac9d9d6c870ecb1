/* SPDX-License-Identifier: MIT */
/*
 * What has been sent: the names of events, counted by the rollups, and the properties that a
 * bounded sample of recent events has. Both are lists that PostgreSQL puts together as JSON.
 */
#include "kpi_priv.h"

#include <string.h>

enum { NAMES_MAX = 1000, SAMPLE_EVENTS = 5000, SQL_MAX_BYTES = 256 << 10 };
enum { EVENTS_USUAL = 100, EVENTS_MAX = 500 };

static json_t *load(const struct tr_pg_result *row, const char *column)
{
    struct tr_slice text = tr_pg_get_bytes(row, 0, tr_pg_column(row, column));
    return json_loadb(text.data, text.size, 0, NULL);
}

static json_t *time_json(int64_t us)
{
    char text[TR_KPI_TIME_BYTES];
    tr_kpi_format_time(us, text);
    return json_string(text);
}

static int find_names(struct tr_kpi_ask *ask, struct tr_kpi_question *question, json_t **answer_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    struct tr_kpi_range range;
    struct tr_kpi_range before;
    int result = tr_kpi_resolve(ask, question, &range, &before);
    if (result != 0)
        return result;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_text(params, tr_slice_of(question->timezone));
    tr_pg_bind_date(params, range.from_day);
    tr_pg_bind_date(params, range.next_day);
    tr_pg_bind_int4(params, NAMES_MAX);
    result = tr_pg_query(ask->pg, tr_pg_sql("queries/kpi/names"), params, &row, ask->error);
    if (result == 0)
        *answer_out = json_pack("{s:o, s:o, s:s, s:o}", "from", time_json(range.from_us), "to",
                                time_json(range.to_us), "timezone", question->timezone, "names",
                                load(row, "list"));
    return result;
}

static int find_properties(struct tr_kpi_ask *ask, const struct tr_kpi_question *question,
                           json_t **answer_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_text(params, question->name);
    tr_pg_bind_int4(params, SAMPLE_EVENTS);
    int result =
        tr_pg_query(ask->pg, tr_pg_sql("queries/kpi/properties"), params, &row, ask->error);
    if (result == 0)
        *answer_out =
            json_pack("{s:o, s:o}", "sample", load(row, "sample"), "properties", load(row, "list"));
    return result;
}

/* The last day, unless asked for more: the newest of a long range are looked for in all of it. */
static int find_events(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                       json_t **answer_out)
{
    static const struct tr_kpi_entry entry = {.name = "event_list", .sample = "events"};
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    struct tr_kpi_range range;
    struct tr_kpi_range before;
    struct tr_kpi_plan plan = {.reason = NULL};
    struct tr_buf sql;
    if (question->from.kind == TR_KPI_ABSENT)
        tr_kpi_parse_when(TR_SLICE("-24h"), ask->now_us, &question->from);
    int result = tr_kpi_resolve(ask, question, &range, &before);
    if (result != 0)
        return result;
    question->entry = &entry;
    tr_kpi_plan_events(question, &range, &plan);
    const struct tr_kpi_scope scope = {
        .now_us = ask->now_us, .question = question, .range = &range, .plan = &plan};
    tr_buf_init(&sql, SQL_MAX_BYTES);
    tr_kpi_build(&scope, &sql, params);
    result = tr_pg_query_once(ask->pg, sql.data, params, &row, ask->error);
    tr_buf_fini(&sql);
    if (result == 0)
        *answer_out = json_pack("{s:o, s:o, s:o}", "from", time_json(range.from_us), "to",
                                time_json(range.to_us), "events", load(row, "list"));
    return result;
}

/* Takes limit out, which no other question has: how many there are then. -1: refused. */
static int take_limit(struct tr_kpi_ask *ask, const struct tr_kpi_parameter *parameters,
                      size_t count, struct tr_kpi_parameter *others, int *limit_out)
{
    int kept = 0;
    *limit_out = EVENTS_USUAL;
    for (size_t i = 0; i < count; i++) {
        struct tr_slice value = parameters[i].value;
        if (!tr_slice_is(parameters[i].name, "limit")) {
            others[kept++] = parameters[i];
            continue;
        }
        *limit_out = 0;
        for (size_t at = 0; at < value.size && at < 4 && *limit_out >= 0; at++)
            *limit_out = value.data[at] >= '0' && value.data[at] <= '9'
                             ? *limit_out * 10 + (value.data[at] - '0')
                             : -1;
        if (*limit_out < 1 || *limit_out > EVENTS_MAX || value.size > 3) {
            tr_kpi_refuse(ask, 400, "limit", NULL, "limit: expected a number from 1 to %d",
                          EVENTS_MAX);
            return -1;
        }
    }
    return kept;
}

/* Only some of a question's parameters make sense here. */
static int check_parameters(struct tr_kpi_ask *ask, enum tr_kpi_discovery what,
                            const struct tr_kpi_parameter *parameters, size_t count)
{
    static const struct {
        const char *names; /* each with a space on both sides */
        const char *hint;
    } known[] = {
        [TR_KPI_DISCOVER_NAMES] = {" from to ", "The parameters are from and to."},
        [TR_KPI_DISCOVER_PROPERTIES] = {" name ", "The only parameter is name."},
        [TR_KPI_DISCOVER_EVENTS] =
            {" from to name where include timezone limit ",
             "The parameters are from, to, name, where, include, timezone, limit."},
    };
    for (size_t i = 0; i < count; i++) {
        struct tr_slice name = parameters[i].name;
        const char *word = tr_arena_printf(ask->arena, " %.*s ", (int)name.size, name.data);
        if (strstr(known[what].names, word) == NULL)
            return tr_kpi_refuse(ask, 400, "parameter", known[what].hint,
                                 "there is no such parameter here");
    }
    return 0;
}

int tr_kpi_discover(struct tr_pg *pg, const struct tr_kpi_project *project,
                    enum tr_kpi_discovery what, const struct tr_kpi_parameter *parameters,
                    size_t count, int64_t now_us, struct tr_arena *arena, json_t **answer_out,
                    struct tr_kpi_problem *problem_out, struct tr_error *error)
{
    struct tr_kpi_question question;
    struct tr_kpi_ask ask = {
        .pg = pg,
        .project = project,
        .now_us = now_us,
        .arena = arena,
        .problem = problem_out,
        .error = error,
    };
    int limit;
    struct tr_kpi_parameter *others = tr_arena_calloc(arena, (count + 1) * sizeof *others);
    int result = check_parameters(&ask, what, parameters, count);
    if (result != 0)
        return result;
    int kept = take_limit(&ask, parameters, count, others, &limit);
    if (kept < 0)
        return TR_KPI_PROBLEM;
    result = tr_kpi_parse_question(&ask, TR_SLICE("event_count"), others, (size_t)kept, &question);
    if (result != 0)
        return result;
    question.limit = limit;
    question.interval = TR_KPI_NONE;
    if (what == TR_KPI_DISCOVER_NAMES)
        result = find_names(&ask, &question, answer_out);
    else if (what == TR_KPI_DISCOVER_EVENTS)
        result = find_events(&ask, &question, answer_out);
    else
        result = find_properties(&ask, &question, answer_out);
    return result < 0 ? tr_kpi_explain(&ask, result) : result;
}
