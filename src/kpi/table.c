/* SPDX-License-Identifier: MIT */
/*
 * What can be asked. A KPI is an entry here and a file of the same name in sql/queries/kpi; nothing
 * else knows one KPI from another.
 */
#include "kpi_priv.h"

#include <ctype.h>
#include <string.h>

const struct tr_kpi_entry tr_kpi_entries[] = {
    {
        .name = "event_count",
        .definition = "number of events, of the name that name= picks, else of all",
        .formula = "count(events)",
        .unit = "events",
        .sample = "events",
        .shape = TR_KPI_COUNT,
        .takes = TR_KPI_TAKES_NAME,
    },
    {
        .name = "page_views",
        .definition = "number of page_view events",
        .formula = "count(page_view)",
        .unit = "views",
        .sample = "page views",
        .file = "event_count",
        .shape = TR_KPI_COUNT,
        .better = TR_KPI_UP,
        .event = "page_view",
    },
    {
        .name = "active_users",
        .definition = "distinct people with at least one engagement event",
        .formula = "count(distinct person with an engagement event)",
        .unit = "users",
        .sample = "engagement events",
        .shape = TR_KPI_COUNT,
        .better = TR_KPI_UP,
        .days = true,
    },
    {
        .name = "new_users",
        .definition = "people whose first event ever falls in the range",
        .formula = "count(person whose first event is in the range)",
        .unit = "users",
        .sample = "new people",
        .shape = TR_KPI_COUNT,
        .better = TR_KPI_UP,
    },
    {
        .name = "sessions",
        .definition = "distinct sessions: of the client's session ids, else by 30 minutes of "
                      "inactivity of the same person",
        .formula = "count(distinct session)",
        .unit = "sessions",
        .sample = "sessions",
        .shape = TR_KPI_COUNT,
        .better = TR_KPI_UP,
        .days = true,
    },
    {
        .name = "time_on_site",
        .definition = "mean time on site of a session: the sum of its engaged_time values, or, "
                      "where it has none, its last event minus its first",
        .formula = "mean over sessions of (sum(engaged_time.value) or last - first event)",
        .unit = "ms",
        .sample = "sessions",
        .note = "a session over the edge of the range or of an interval counts with its part "
                "inside; percentiles are within 1 %",
        .shape = TR_KPI_DISTRIBUTION,
        .evidence = TR_KPI_MEAN,
        .better = TR_KPI_UP,
        .days = true,
    },
    {
        .name = "feature_usage",
        .definition = "uses of features; adoption is the people who used a feature / active people",
        .formula = "count(feature_used); per feature people / active_users",
        .unit = "uses",
        .sample = "uses",
        .note = "people of all features beyond the 20 largest together are counted in the whole "
                "range only, not in each interval",
        .shape = TR_KPI_FEATURES,
        .better = TR_KPI_UP,
        .days = true,
        .by = "feature",
    },
    {
        .name = "load_time",
        .definition = "how long pages took to load: a percentile of page_load values",
        .formula = "p75(page_load.value)",
        .unit = "ms",
        .sample = "page loads",
        .file = "duration",
        .shape = TR_KPI_DISTRIBUTION,
        .evidence = TR_KPI_PERCENTILE,
        .better = TR_KPI_DOWN,
        .takes = TR_KPI_TAKES_PERCENTILE,
        .event = "page_load",
        .metric = "page_load",
        .percentile = 75,
    },
    {
        .name = "api_response_time",
        .definition = "how long requests took to be answered: a percentile of api_request values",
        .formula = "p95(api_request.value)",
        .unit = "ms",
        .sample = "requests",
        .file = "duration",
        .shape = TR_KPI_DISTRIBUTION,
        .evidence = TR_KPI_PERCENTILE,
        .better = TR_KPI_DOWN,
        .takes = TR_KPI_TAKES_PERCENTILE,
        .event = "api_request",
        .metric = "request",
        .percentile = 95,
    },
    {
        .name = "error_rate",
        .definition = "share of api_request events with status 500 or above",
        .formula = "count(api_request with status >= 500) / count(api_request)",
        .unit = "ratio",
        .sample = "requests",
        .shape = TR_KPI_RATIO,
        .evidence = TR_KPI_SHARE,
        .better = TR_KPI_DOWN,
    },
    {
        .name = "client_error_rate",
        .definition = "share of sessions with at least one error event",
        .formula = "count(distinct session with an error) / count(distinct session)",
        .unit = "ratio",
        .sample = "sessions",
        .shape = TR_KPI_RATIO,
        .evidence = TR_KPI_SHARE,
        .better = TR_KPI_DOWN,
        .days = true,
    },
    {
        .name = "conversion_rate",
        .definition = "people with a conversion, to the goal that goal= picks, else to any, / "
                      "active people",
        .formula = "count(distinct person with conversion) / active_users",
        .unit = "ratio",
        .sample = "active people",
        .note = "who converted need not have an engagement event, so the ratio may exceed 1",
        .shape = TR_KPI_RATIO,
        .evidence = TR_KPI_SHARE,
        .better = TR_KPI_UP,
        .days = true,
        .takes = TR_KPI_TAKES_GOAL,
    },
    {
        .name = "revenue",
        .definition = "sum of purchase values, refunds taken off, in the project's currency",
        .formula = "sum(purchase.value)",
        .sample = "purchases",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_UP,
    },
    /* Engagement */
    {
        .name = "stickiness",
        .definition = "mean daily active people / active people of the 30 days that end with the "
                      "range (or the interval)",
        .formula = "mean(active_users a day) / active_users(trailing 30 days)",
        .unit = "ratio",
        .sample = "active people of the 30 days",
        .note = "days to come are left out",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_UP,
        .days = true,
        .whole_days = true,
    },
    {
        .name = "bounce_rate",
        .definition = "share of sessions with one page view, no other engagement event and less "
                      "than 10 s engaged",
        .formula = "count(bounced session) / count(session)",
        .unit = "ratio",
        .sample = "sessions",
        .note = "identify and engaged_time are no engagement of their own; a session over the edge "
                "of the range or of an interval is judged by its part inside",
        .shape = TR_KPI_RATIO,
        .evidence = TR_KPI_SHARE,
        .better = TR_KPI_DOWN,
        .days = true,
    },
    {
        .name = "return_rate",
        .definition = "share of the people active in the range who were active on at least two "
                      "different days up to its end",
        .formula = "count(active person with two active days up to the end) / active_users",
        .unit = "ratio",
        .sample = "active people",
        .shape = TR_KPI_FIELDS,
        .evidence = TR_KPI_SHARE,
        .better = TR_KPI_UP,
        .days = true,
        .whole_days = true,
    },
    {
        .name = "retention",
        .definition = "cohorts by the interval of people's first active day, and the share of each "
                      "that was active in every interval from then on; the value is the share that "
                      "was active in the one after the first, over all cohorts",
        .formula = "count(person of the cohort active in period n) / count(person of the cohort)",
        .unit = "ratio",
        .sample = "people of all cohorts",
        .note = "periods that are not over yet are null",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_UP,
        .days = true,
        .whole_days = true,
        .points = 100,
    },
    {
        .name = "lifecycle",
        .definition =
            "active people of an interval by what they did before: new, returning (active "
            "in the interval before), resurrected (active earlier); and dormant, who were "
            "active in the interval before and not in this one",
        .formula = "active = new + returning + resurrected",
        .unit = "users",
        .sample = "active people",
        .note = "the whole range is held against as many days before it",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_UP,
        .days = true,
        .whole_days = true,
    },
    {
        .name = "funnel",
        .definition = "people who did the first of steps=, and how many of them did the next ones "
                      "in order within window= of the first",
        .formula = "count(person who reached the last step) / count(person who did the first)",
        .unit = "ratio",
        .sample = "people at the first step",
        .note = "only events in the range count; a person counts with the step that their best "
                "attempt reached, and for the times with the quickest; an event fills one step; "
                "by= takes the person's first event of the first step",
        .shape = TR_KPI_FIELDS,
        .evidence = TR_KPI_SHARE,
        .better = TR_KPI_UP,
        .no_series = true,
        .takes = TR_KPI_TAKES_STEPS | TR_KPI_TAKES_WINDOW,
    },
    /* Performance and feedback */
    {
        .name = "web_vitals",
        .definition = "share of the web_vital values of all metrics that are good; for each metric "
                      "a percentile (ms; CLS has no unit), its shares good, needs_improvement and "
                      "poor at the thresholds of web.dev/articles/vitals, and its rating at p75",
        .formula = "count(good web_vital) / count(web_vital); per metric p75(web_vital.value)",
        .unit = "ratio",
        .sample = "measurements",
        .note = "metrics are LCP, INP, CLS, FCP and TTFB; negative values, other metrics and what "
                "is beyond a day are not counted; passed: LCP, INP and CLS, as far as measured, "
                "are good at p75; percentiles are within 1 %",
        .shape = TR_KPI_VITALS,
        .evidence = TR_KPI_SHARE,
        .better = TR_KPI_UP,
        .takes = TR_KPI_TAKES_PERCENTILE,
        .by = "metric",
        .percentile = 75,
    },
    {
        .name = "apdex",
        .definition = "how satisfying the times of api_request are: those up to T (500 ms unless "
                      "t=) count whole, those up to 4 T half, all others nothing",
        .formula = "(count(value <= T) + count(T < value <= 4 T) / 2) / count(value)",
        .unit = "ratio",
        .sample = "requests with a value",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_UP,
        .takes = TR_KPI_TAKES_T,
    },
    {
        .name = "errors",
        .definition = "error events, grouped by type and message unless by= says otherwise, with "
                      "the people and sessions affected, and when they were first and last seen "
                      "in the range",
        .formula = "count(error)",
        .unit = "errors",
        .sample = "errors",
        .note = "type and message are cut at 200 bytes; fatal counts those with properties.fatal",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_DOWN,
        .by = "error",
        .by_any = true,
    },
    {
        .name = "nps",
        .definition = "net promoter score: percentage of the answers 9 and 10 less that of 0 to 6",
        .formula = "100 * (count(9-10) - count(0-6)) / count(nps answers)",
        .unit = "score",
        .sample = "answers",
        .note = "every answer counts; values that are not whole numbers from 0 to 10 do not; "
                "margin is 1.96 standard errors (95 %)",
        .shape = TR_KPI_FIELDS,
        .evidence = TR_KPI_MEAN,
        .better = TR_KPI_UP,
        .takes = TR_KPI_TAKES_SURVEY,
        .metric = "nps",
    },
    {
        .name = "csat",
        .definition = "customer satisfaction: share of the answers 4 and 5 of 5",
        .formula = "count(4-5) / count(csat answers)",
        .unit = "ratio",
        .sample = "answers",
        .note = "every answer counts; values that are not whole numbers from 1 to 5 do not; low "
                "and high are Wilson's interval (95 %)",
        .shape = TR_KPI_FIELDS,
        .evidence = TR_KPI_SHARE,
        .better = TR_KPI_UP,
        .takes = TR_KPI_TAKES_SURVEY,
        .metric = "csat",
    },
    {
        .name = "ces",
        .definition = "customer effort score: mean answer from 1 (hard) to 7 (easy)",
        .formula = "mean(ces answers)",
        .unit = "score",
        .sample = "answers",
        .note = "every answer counts; values that are not whole numbers from 1 to 7 do not; margin "
                "is 1.96 standard errors (95 %), null for one answer",
        .shape = TR_KPI_FIELDS,
        .evidence = TR_KPI_MEAN,
        .better = TR_KPI_UP,
        .takes = TR_KPI_TAKES_SURVEY,
        .metric = "ces",
    },
    {
        .name = "responses",
        .definition = "answers to surveys, how many of each type, and how many with a text",
        .formula = "count(survey_answer)",
        .unit = "answers",
        .sample = "answers",
        .shape = TR_KPI_FIELDS,
        .takes = TR_KPI_TAKES_SURVEY,
    },
    {
        .name = "sentiment",
        .definition = "mean sentiment of feedback, from -1 to 1, shares positive (from 0.05 on), "
                      "neutral and negative (from -0.05 on), and the newest texts behind it",
        .formula = "mean(sentiment of feedback events that have one)",
        .unit = "score",
        .sample = "feedback events with a sentiment",
        .note = "a text without a score is judged by its words: approximate, English first",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_UP,
        .takes = TR_KPI_TAKES_SURVEY,
    },
    /* Business */
    {
        .name = "mrr",
        .definition = "monthly recurring revenue: what customers pay a month at the end of the "
                      "range, and how that changed within it",
        .formula = "sum over people of their current monthly amount",
        .sample = "customers at the end",
        .file = "mrr",
        .shape = TR_KPI_FIELDS,
        .days = true,
        .better = TR_KPI_UP,
        .metric = "mrr",
    },
    {
        .name = "quick_ratio",
        .definition = "how much monthly recurring revenue was won for each unit that was lost",
        .formula = "(new + expansion + reactivation) / (contraction + churned)",
        .unit = "times",
        .sample = "customers at the end",
        .file = "mrr",
        .shape = TR_KPI_FIELDS,
        .days = true,
        .better = TR_KPI_UP,
        .metric = "quick_ratio",
    },
    {
        .name = "churn_rate",
        .definition = "share of the customers at the start (monthly amount above 0) whose amount "
                      "is 0 at the end",
        .formula = "customers at the start who ended / customers at the start",
        .unit = "ratio",
        .sample = "customers at the start",
        .file = "customer_retention",
        .shape = TR_KPI_FIELDS,
        .days = true,
        .evidence = TR_KPI_SHARE,
        .better = TR_KPI_DOWN,
        .metric = "churn_rate",
    },
    {
        .name = "revenue_churn",
        .definition = "share of the monthly recurring revenue at the start that customers paid who "
                      "ended; what others pay less counts in grr",
        .formula = "MRR at the start of customers who ended / MRR at the start",
        .unit = "ratio",
        .sample = "customers at the start",
        .file = "customer_retention",
        .shape = TR_KPI_FIELDS,
        .days = true,
        .better = TR_KPI_DOWN,
        .metric = "revenue_churn",
    },
    {
        .name = "nrr",
        .definition = "net revenue retention: what the customers at the start pay at the end, of "
                      "what they paid at the start",
        .formula = "MRR at the end of the customers at the start / MRR at the start",
        .unit = "ratio",
        .sample = "customers at the start",
        .file = "customer_retention",
        .shape = TR_KPI_FIELDS,
        .days = true,
        .better = TR_KPI_UP,
        .metric = "nrr",
    },
    {
        .name = "grr",
        .definition = "gross revenue retention: the same, with nobody counting for more than they "
                      "paid at the start",
        .formula = "sum over customers at the start of min(MRR at the end, at the start) / MRR at "
                   "the start",
        .unit = "ratio",
        .sample = "customers at the start",
        .file = "customer_retention",
        .shape = TR_KPI_FIELDS,
        .days = true,
        .better = TR_KPI_UP,
        .metric = "grr",
    },
    {
        .name = "arpu",
        .definition = "average revenue per user: revenue / people with an engagement event",
        .formula = "revenue / active_users",
        .sample = "active people",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_UP,
        .days = true,
    },
    {
        .name = "ltv",
        .definition = "what a customer brings in before they leave: average monthly amount at the "
                      "end x gross margin / share of customers that leaves in 30 days",
        .formula = "MRR / customers x gross margin / (churn_rate x 30 / days)",
        .sample = "customers at the start",
        .note = "nobody left: null",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_UP,
        .days = true,
    },
    {
        .name = "acquisition_cost",
        .definition = "what a new paying customer cost: acquisition_cost events / people whose "
                      "first purchase or subscription falls in the range",
        .formula = "sum(acquisition_cost.value) / count(person whose first payment is in the "
                   "range)",
        .sample = "new customers",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_DOWN,
        .only_by = "channel",
    },
    {
        .name = "payback",
        .definition = "after how many months a new customer has paid back what they cost",
        .formula = "acquisition_cost / (MRR / customers x gross margin)",
        .unit = "months",
        .sample = "new customers",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_DOWN,
        .days = true,
        .only_by = "",
    },
    {
        .name = "acquisition",
        .definition = "new people by the channel they came through, how many of them signed up and "
                      "converted by the end of the range, and what was spent there",
        .formula = "count(person whose first event is in the range) by channel",
        .unit = "users",
        .sample = "new people",
        .note = "customers are all whose first payment falls in the range, new people or not",
        .shape = TR_KPI_FIELDS,
        .better = TR_KPI_UP,
        .by = "channel",
    },
};

const size_t tr_kpi_entry_count = sizeof tr_kpi_entries / sizeof *tr_kpi_entries;

/* Similar names
 * ----------------------------------------------------------------------------------- */

enum { NAME_MAX_BYTES = 48 };

static size_t least_of(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein's distance, with capitals as small letters; row by row of its table. */
static size_t distance(struct tr_slice a, const char *b)
{
    size_t row[NAME_MAX_BYTES + 1];
    size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; i < a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t change = diagonal + (tolower((unsigned char)a.data[i]) != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least_of(change, row[j] + 1, row[j + 1] + 1);
        }
    }
    return row[length];
}

const char *tr_kpi_nearest(struct tr_slice name, const char *(*get)(size_t index), size_t count)
{
    if (name.size == 0 || name.size > NAME_MAX_BYTES)
        return NULL;
    size_t best = name.size / 3 + 2;
    const char *found = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t away = distance(name, get(i));
        if (away < best) {
            best = away;
            found = get(i);
        }
    }
    return found;
}

static const char *name_of(size_t index)
{
    return tr_kpi_entries[index].name;
}

const struct tr_kpi_entry *tr_kpi_find(struct tr_slice name, const char **near_out)
{
    for (size_t i = 0; i < tr_kpi_entry_count; i++)
        if (tr_slice_is(name, tr_kpi_entries[i].name))
            return &tr_kpi_entries[i];
    *near_out = tr_kpi_nearest(name, name_of, tr_kpi_entry_count);
    return NULL;
}

/* The catalogue
 * ----------------------------------------------------------------------------------- */

json_t *tr_kpi_catalogue(void)
{
    static const char *const better[] = {"none", "up", "down"};
    static const char *const evidence[] = {"none", "share", "mean", "percentile"};
    json_t *list = json_array();
    for (size_t i = 0; i < tr_kpi_entry_count; i++) {
        const struct tr_kpi_entry *entry = &tr_kpi_entries[i];
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s, s:s, s:o}", "kpi", entry->name,
                      "definition", entry->definition, "formula", entry->formula, "unit",
                      entry->unit != NULL ? entry->unit : "currency", "n", entry->sample, "note",
                      entry->note, "better", better[entry->better], "evidence",
                      evidence[entry->evidence], "parameters", tr_kpi_parameters_json(entry)));
    }
    return json_pack("{s:o}", "kpis", list);
}

enum tr_kpi_better tr_kpi_better_of(const char *kpi)
{
    const char *near = NULL;
    const struct tr_kpi_entry *entry = tr_kpi_find(tr_slice_of(kpi), &near);
    return entry != NULL ? entry->better : TR_KPI_NEITHER;
}

const char *tr_kpi_unit_of(const char *kpi)
{
    const char *near = NULL;
    const struct tr_kpi_entry *entry = tr_kpi_find(tr_slice_of(kpi), &near);
    if (entry == NULL)
        return "";
    return entry->unit != NULL ? entry->unit : "currency";
}

const char *tr_kpi_name(size_t index)
{
    return index < tr_kpi_entry_count ? tr_kpi_entries[index].name : NULL;
}
