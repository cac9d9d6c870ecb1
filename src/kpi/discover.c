/* SPDX-License-Identifier: MIT */
/*
 * What has been sent: the names of events, counted by the rollups, the properties that a bounded
 * sample of recent events has, and single events (event_list.c). PostgreSQL puts all of
 * them together as JSON.
 */
#include "kpi_priv.h"

#include <string.h>

enum { NAMES_MAX = 1000, SAMPLE_EVENTS = 5000 };

static json_t *load(const struct tr_pg_result *row, const char *column)
{
    return tr_kpi_load_json(tr_pg_get_bytes(row, 0, tr_pg_column(row, column)));
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
        *answer_out = json_pack("{s:o, s:o, s:s, s:o}", "from", tr_kpi_time_json(range.from_us),
                                "to", tr_kpi_time_json(range.to_us), "timezone", question->timezone,
                                "names", load(row, "list"));
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

/* Takes out what no other question has. */
static int take_page(struct tr_kpi_ask *ask, const struct tr_kpi_parameter *parameters,
                     size_t count, struct tr_kpi_parameter *others, size_t *kept_out,
                     struct tr_kpi_page *page_out)
{
    int result = 0;
    *kept_out = 0;
    tr_kpi_first_page(page_out);
    for (size_t i = 0; i < count && result == 0; i++) {
        if (tr_slice_is(parameters[i].name, "limit"))
            result = tr_kpi_parse_limit(ask, parameters[i].value, page_out);
        else if (tr_slice_is(parameters[i].name, "cursor"))
            result = tr_kpi_parse_cursor(ask, parameters[i].value, page_out);
        else
            others[(*kept_out)++] = parameters[i];
    }
    return result;
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
            {" from to name where include timezone limit cursor ",
             "The parameters are from, to, name, where, include, timezone, limit, cursor."},
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
    struct tr_kpi_page page;
    size_t kept;
    struct tr_kpi_parameter *others = tr_arena_calloc(arena, (count + 1) * sizeof *others);
    int result = check_parameters(&ask, what, parameters, count);
    if (result != 0)
        return result;
    result = take_page(&ask, parameters, count, others, &kept, &page);
    if (result == 0)
        result = tr_kpi_parse_question(&ask, TR_SLICE("event_count"), others, kept, &question);
    if (result != 0)
        return result;
    question.interval = TR_KPI_NONE;
    if (what == TR_KPI_DISCOVER_NAMES)
        result = find_names(&ask, &question, answer_out);
    else if (what == TR_KPI_DISCOVER_EVENTS)
        result = tr_kpi_list_events(&ask, &question, &page, answer_out);
    else
        result = find_properties(&ask, &question, answer_out);
    return result < 0 ? tr_kpi_explain(&ask, result) : result;
}
