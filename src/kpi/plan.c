/* SPDX-License-Identifier: MIT */
/*
 * Rollups or events. Rollups answer where nothing is filtered, what is grouped by is kept in them,
 * and the range and its intervals begin and end where their rows do: at quarters of an hour ('q')
 * or at midnights of the project's time zone ('d'). An end elsewhere, such as now, is as good as
 * the next boundary when no event lies between the two. Where a KPI has tables of facts with
 * instants, those answer what its rollups cannot, more slowly.
 */
#include "kpi_priv.h"

#include <stdio.h>

#define QUARTER_US (INT64_C(900) * 1000000)

static const char *find_fragment(const struct tr_kpi_question *question, const char *name)
{
    char file[64];
    const struct tr_kpi_entry *entry = question->entry;
    snprintf(file, sizeof file, "queries/kpi/%s", entry->file != NULL ? entry->file : entry->name);
    return tr_pg_sql_fragment(file, name);
}

static const char *find_grouped(const struct tr_kpi_question *question, const char *kind)
{
    char name[64];
    snprintf(name, sizeof name, "%s_by_%s", kind, question->by.fragment);
    return find_fragment(question, name);
}

const char *tr_kpi_stored_fragment(const struct tr_kpi_question *question, const char *kind)
{
    return question->by.fragment != NULL ? find_grouped(question, kind)
                                         : find_fragment(question, kind);
}

const char *tr_kpi_fragment(const struct tr_kpi_question *question, bool rollup)
{
    if (rollup)
        return tr_kpi_stored_fragment(question, "rollup");
    const char *found = NULL;
    if (question->by.fragment != NULL)
        found = find_grouped(question, "events");
    if (found == NULL && question->bots)
        found = find_fragment(question, "events_bots");
    return found != NULL ? found : find_fragment(question, "events");
}

bool tr_kpi_asks_people(const struct tr_kpi_question *question)
{
    const char *fragment = tr_kpi_fragment(question, false);
    return fragment != NULL && (strstr(fragment, "{people_events}") != NULL ||
                                strstr(fragment, "{session_events}") != NULL);
}

static const char *why_no_rollup(const struct tr_kpi_question *question, const char *kind)
{
    if (question->condition_count > 0)
        return "rollups cannot be filtered by where";
    if (question->bots)
        return "rollups leave bots out";
    if (question->only_events != NULL)
        return question->only_events;
    if (tr_kpi_stored_fragment(question, kind) == NULL)
        return "rollups are not kept by this dimension";
    return NULL;
}

static bool at_quarters(const struct tr_kpi_range *range)
{
    bool all = range->from_us % QUARTER_US == 0;
    for (size_t i = 1; i < range->bucket_count && all; i++)
        all = range->starts[i] % QUARTER_US == 0;
    return all;
}

static const char *why_not_by_days(const struct tr_kpi_question *question,
                                   const struct tr_kpi_range *range)
{
    if (strcmp(question->timezone, question->project->timezone) != 0)
        return "rollups hold days of the project's time zone";
    if (!range->from_midnight)
        return "rollups hold whole days, and the range does not begin with one";
    if (question->interval == TR_KPI_HOUR || question->interval == TR_KPI_MINUTE)
        return "rollups hold whole days";
    return NULL;
}

bool tr_kpi_plan_rollup(const struct tr_kpi_question *question, const struct tr_kpi_range *range,
                        char grain, struct tr_kpi_plan *plan_out)
{
    *plan_out = (struct tr_kpi_plan){.source = TR_KPI_ROLLUP, .grain = grain};
    plan_out->reason = why_no_rollup(question, "rollup");
    plan_out->to_us = range->to_us;
    if (question->entry->exact) {
        plan_out->fragment = tr_kpi_fragment(question, true);
        return plan_out->reason == NULL;
    }
    if (plan_out->reason == NULL && grain == 'd')
        plan_out->reason = why_not_by_days(question, range);
    if (plan_out->reason == NULL && grain == 'q' && !at_quarters(range))
        plan_out->reason =
            "rollups hold quarters of an hour, and the range does not begin with one";
    if (plan_out->reason != NULL)
        return false;
    plan_out->fragment = tr_kpi_fragment(question, true);
    plan_out->to_us = range->next_us;
    if (grain == 'q')
        plan_out->to_us = (range->to_us + QUARTER_US - 1) / QUARTER_US * QUARTER_US;
    plan_out->if_empty = plan_out->to_us != range->to_us;
    return true;
}

bool tr_kpi_plan_facts(const struct tr_kpi_question *question, const struct tr_kpi_range *range,
                       struct tr_kpi_plan *plan_out)
{
    if (why_no_rollup(question, "facts") != NULL)
        return false;
    *plan_out = (struct tr_kpi_plan){
        .source = TR_KPI_ROLLUP,
        .fragment = tr_kpi_stored_fragment(question, "facts"),
        .to_us = range->to_us,
    };
    return true;
}

void tr_kpi_plan_events(const struct tr_kpi_question *question, const struct tr_kpi_range *range,
                        struct tr_kpi_plan *plan_out)
{
    *plan_out = (struct tr_kpi_plan){
        .source = TR_KPI_EVENTS,
        .fragment = tr_kpi_fragment(question, false),
        .to_us = range->to_us,
        .reason = plan_out->reason,
    };
}

static int has_events(struct tr_kpi_ask *ask, int64_t from_us, int64_t to_us, bool *found_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_timestamptz(params, from_us);
    tr_pg_bind_timestamptz(params, to_us);
    int result =
        tr_pg_query_once(ask->pg, tr_pg_sql("queries/kpi/has_events"), params, &row, ask->error);
    if (result == 0)
        *found_out = tr_pg_get_bool(row, 0, 0);
    return result;
}

/* One grain; done_out: the plan holds. */
static int try_grain(struct tr_kpi_ask *ask, const struct tr_kpi_question *question,
                     const struct tr_kpi_range *range, char grain, struct tr_kpi_plan *plan,
                     bool *done_out)
{
    bool found = false;
    *done_out = false;
    if (!tr_kpi_plan_rollup(question, range, grain, plan))
        return 0;
    if (plan->if_empty) {
        int result = has_events(ask, range->to_us, plan->to_us, &found);
        if (result < 0)
            return result;
    }
    *done_out = !found;
    if (found)
        plan->reason = "rollups go on to a boundary beyond the end of the range, and there are "
                       "events up to there";
    return 0;
}

int tr_kpi_choose(struct tr_kpi_ask *ask, const struct tr_kpi_question *question,
                  const struct tr_kpi_range *range, struct tr_kpi_plan *plan_out)
{
    bool done = false;
    int result = 0;
    *plan_out = (struct tr_kpi_plan){0};
    if (question->source != TR_KPI_EVENTS) {
        result = try_grain(ask, question, range, 'd', plan_out, &done);
        if (result == 0 && !done && !question->entry->days)
            result = try_grain(ask, question, range, 'q', plan_out, &done);
        if (result == 0 && !done)
            done = tr_kpi_plan_facts(question, range, plan_out);
    }
    if (result < 0 || done)
        return result;
    if (question->source == TR_KPI_ROLLUP)
        return tr_kpi_refuse(ask, 400, "source", "Leave source out to have events looked at.",
                             "source: %s", plan_out->reason);
    tr_kpi_plan_events(question, range, plan_out);
    return 0;
}
