/* SPDX-License-Identifier: MIT */
/*
 * A KPI before and after an annotation: two ranges of the same length that meet at it, neither
 * reaching beyond another release nor beyond now, their difference and its interval.
 */
#include "hypothesis_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_US INT64_C(60000000)

struct comparison {
    struct tr_measure measure;
    int64_t annotation;
    int64_t window_us; /* asked for */
    double confidence;
    /* found */
    int64_t at_us;
    int64_t length_us; /* of each side */
    const char *cut;   /* why it is shorter; NULL: it is not */
    struct tr_measured before;
    struct tr_measured after;
    struct tr_interval before_interval;
    struct tr_interval after_interval;
    struct tr_interval interval; /* of the difference */
    double p;                    /* NAN: none */
};

/* The question ----------------------------------------------------------------------------------
 */

static int read_window(struct tr_kpi_asker *ask, struct tr_slice text, int64_t *us_out)
{
    static const struct {
        char unit;
        int64_t us;
    } units[] = {{'m', MINUTE_US}, {'h', 60 * MINUTE_US}, {'d', TR_DAY_US}, {'w', 7 * TR_DAY_US}};
    int64_t number = 0;
    for (size_t i = 0; i + 1 < text.size && text.size <= 6; i++)
        number = text.data[i] >= '0' && text.data[i] <= '9' && number >= 0
                     ? number * 10 + (text.data[i] - '0')
                     : -1;
    for (size_t i = 0; number > 0 && i < sizeof units / sizeof *units; i++) {
        if (text.data[text.size - 1] != units[i].unit)
            continue;
        *us_out = number * units[i].us;
        if (*us_out >= 10 * MINUTE_US && *us_out <= 366 * TR_DAY_US)
            return 0;
    }
    return tr_read_refuse(ask, 400, "window",
                          "window: expected a length from 10m to 366d, such as 7d, 2w or 24h");
}

static int read_confidence(struct tr_kpi_asker *ask, struct tr_slice text, double *out)
{
    const char *copy = tr_arena_strndup(ask->arena, text.data, text.size);
    char *end = NULL;
    *out = strtod(copy, &end);
    if (text.size > 0 && text.size < 16 && *end == '\0' && *out >= 0.5 && *out <= 0.9999)
        return 0;
    return tr_read_refuse(ask, 400, "confidence",
                          "confidence: expected a number from 0.5 to "
                          "0.9999");
}

static int read_parameter(struct tr_kpi_asker *ask, const struct tr_kpi_parameter *given,
                          struct comparison *comparison)
{
    static const char *const refused[] = {"from",    "to",          "interval", "by",
                                          "compare", "annotations", "source"};
    if (tr_slice_is(given->name, "annotation")) {
        int result = tr_read_id(ask, "annotation", given->value, &comparison->annotation);
        ask->problem->parameter = "annotation";
        return result;
    }
    if (tr_slice_is(given->name, "window"))
        return read_window(ask, given->value, &comparison->window_us);
    if (tr_slice_is(given->name, "confidence"))
        return read_confidence(ask, given->value, &comparison->confidence);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (tr_slice_is(given->name, refused[i]))
            return tr_read_refuse(ask, 400, refused[i], "%s: a comparison has no such parameter",
                                  refused[i]);
    /* A funnel has a window of its own. */
    struct tr_slice name =
        tr_slice_is(given->name, "kpi_window") ? TR_SLICE("window") : given->name;
    if (tr_slice_is(given->name, "kpi"))
        comparison->measure.kpi = given->value;
    else if (!tr_measure_add(&comparison->measure, name, given->value))
        return tr_read_refuse(ask, 400, "where", "where: expected fewer parameters");
    return 0;
}

static int read_question(struct tr_kpi_asker *ask, const struct tr_kpi_parameter *parameters,
                         size_t count, struct comparison *comparison)
{
    *ask->problem = (struct tr_kpi_problem){.status = 400};
    for (size_t i = 0; i < count; i++) {
        int result = read_parameter(ask, &parameters[i], comparison);
        if (result != 0)
            return result;
    }
    if (comparison->annotation == 0)
        return tr_read_refuse(ask, 400, "annotation",
                              "annotation: expected the number of one; /v1/annotations lists them");
    if (comparison->measure.kpi.data == NULL)
        return tr_read_refuse(ask, 400, "kpi", "kpi: expected the name of a KPI");
    return 0;
}

/* The ranges ------------------------------------------------------------------------------------
 */

static void cut(struct comparison *comparison, int64_t most_us, const char *why)
{
    if (most_us >= comparison->length_us)
        return;
    comparison->length_us = most_us;
    comparison->cut = why;
}

static int64_t time_or(const struct tr_pg_result *row, const char *name, int64_t missing)
{
    int column = tr_pg_column(row, name);
    return tr_pg_is_null(row, 0, column) ? missing : tr_pg_get_timestamptz(row, 0, column);
}

static int find_ranges(struct tr_kpi_asker *ask, struct comparison *comparison)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_int8(params, comparison->annotation);
    int result =
        tr_pg_query(ask->pg, tr_pg_sql("queries/hypothesis/neighbours"), params, &row, ask->error);
    if (result < 0)
        return result;
    if (tr_pg_rows(row) == 0)
        return tr_read_refuse(ask, 404, "annotation", "there is no annotation %lld",
                              (long long)comparison->annotation);
    int64_t at = tr_pg_get_timestamptz(row, 0, tr_pg_column(row, "at"));
    comparison->at_us = at;
    comparison->length_us = comparison->window_us;
    cut(comparison, at - time_or(row, "previous_at", at - comparison->window_us),
        "the release before is nearer than the window: both sides are as long as the time since");
    cut(comparison, time_or(row, "next_at", at + comparison->window_us) - at,
        "the release after is nearer than the window: both sides are as long as the time to it");
    cut(comparison, ask->now_us - at,
        "the window is not over: both sides are as long as the time since; who looks again and "
        "again until there is a difference finds one that is noise more often than confidence "
        "says");
    if (comparison->length_us < MINUTE_US)
        return tr_read_refuse(
            ask, 400, "annotation",
            "annotation: expected one with at least a minute after it, and to the "
            "releases beside it");
    return 0;
}

/* The difference --------------------------------------------------------------------------------
 */

static void subtract(struct comparison *comparison)
{
    const struct tr_measured *before = &comparison->before;
    const struct tr_measured *after = &comparison->after;
    comparison->p = NAN;
    if (before->facts.evidence == TR_KPI_MEAN) {
        const struct tr_sample first = {before->value, before->sd, before->n};
        const struct tr_sample second = {after->value, after->sd, after->n};
        comparison->interval = tr_stats_welch(&first, &second, comparison->confidence);
        comparison->p = tr_stats_welch_p(&first, &second);
        return;
    }
    comparison->interval = tr_stats_newcombe(before->value, comparison->before_interval,
                                             after->value, comparison->after_interval);
    if (before->facts.evidence == TR_KPI_SHARE)
        comparison->p = tr_stats_shares_p(before->value, before->n, after->value, after->n);
}

static int measure(struct tr_kpi_asker *ask, struct comparison *comparison)
{
    int64_t at = comparison->at_us;
    struct tr_look look = {.looks = TR_LOOK_ONCE, .confidence = comparison->confidence};
    int result = tr_measure_range(ask, &comparison->measure, at - comparison->length_us, at,
                                  &comparison->before);
    if (result == 0)
        result = tr_measure_range(ask, &comparison->measure, at, at + comparison->length_us,
                                  &comparison->after);
    if (result == 0 && comparison->before.why == NULL)
        result = tr_measure_interval(ask, &comparison->measure, &comparison->before, look,
                                     &comparison->before_interval);
    if (result == 0 && comparison->after.why == NULL)
        result = tr_measure_interval(ask, &comparison->measure, &comparison->after, look,
                                     &comparison->after_interval);
    if (result == 0 && comparison->before.why == NULL && comparison->after.why == NULL)
        subtract(comparison);
    return result;
}

/* NULL: nothing can be said. */
static const char *verdict_of(const struct comparison *comparison)
{
    static const char *const directions[][2] = {
        [TR_KPI_NEITHER] = {"higher", "lower"},
        [TR_KPI_UP] = {"better", "worse"},
        [TR_KPI_DOWN] = {"worse", "better"},
    };
    if (comparison->before.why != NULL || comparison->after.why != NULL)
        return NULL;
    if (comparison->before.n < TR_SAMPLE_LEAST || comparison->after.n < TR_SAMPLE_LEAST)
        return "too early";
    if (comparison->interval.low <= 0 && comparison->interval.high >= 0)
        return "noise";
    return directions[comparison->before.facts.better][comparison->interval.high < 0];
}

/* The answer ------------------------------------------------------------------------------------
 */

static json_t *side_json(struct tr_kpi_asker *ask, const struct comparison *comparison,
                         const struct tr_measured *side, struct tr_interval interval)
{
    json_t *object = json_pack("{s:o, s:o, s:o, s:I}", "from", tr_time_json(ask, side->from_us),
                               "to", tr_time_json(ask, side->to_us), "value",
                               side->known ? tr_number_json(side->value) : json_null(), "n",
                               (json_int_t)side->n);
    json_object_set_new(object, "interval",
                        side->why == NULL ? tr_interval_json(interval, comparison->confidence)
                                          : json_null());
    return object;
}

static json_t *difference_json(const struct comparison *comparison, bool bounded)
{
    const struct tr_measured *before = &comparison->before;
    const struct tr_measured *after = &comparison->after;
    if (!before->known || !after->known)
        return json_null();
    double difference = after->value - before->value;
    return json_pack("{s:o, s:o, s:o}", "value", tr_number_json(difference), "relative",
                     tr_number_json(difference / before->value), "interval",
                     bounded ? tr_interval_json(comparison->interval, comparison->confidence)
                             : json_null());
}

static json_t *notes_json(const struct comparison *comparison)
{
    json_t *notes = json_array();
    const char *before = comparison->before.why;
    const char *after = comparison->after.why;
    if (comparison->cut != NULL)
        json_array_append_new(notes, json_string(comparison->cut));
    if (comparison->length_us % (7 * TR_DAY_US) != 0)
        json_array_append_new(notes, json_string("the sides are not whole weeks, so they may "
                                                 "differ in what days of the week they have"));
    if (before != NULL)
        json_array_append_new(notes, json_sprintf("before: %s", before));
    if (after != NULL)
        json_array_append_new(notes, json_sprintf("after: %s", after));
    if (before == NULL && after == NULL &&
        (comparison->before.n < TR_SAMPLE_LEAST || comparison->after.n < TR_SAMPLE_LEAST))
        json_array_append_new(notes,
                              json_sprintf("a side has a sample of less than %d", TR_SAMPLE_LEAST));
    return notes;
}

static const char *method_of(const struct comparison *comparison)
{
    static const char *const methods[] = {
        [TR_KPI_NO_EVIDENCE] = "none",
        [TR_KPI_SHARE] = "newcombe",
        [TR_KPI_MEAN] = "welch t",
        [TR_KPI_PERCENTILE] = "order statistics, square-and-add",
    };
    return methods[comparison->before.facts.evidence];
}

static void add_numbers(struct tr_kpi_asker *ask, const struct comparison *comparison,
                        json_t *object)
{
    static const char *const directions[] = {"none", "up", "down"};
    const char *verdict = verdict_of(comparison);
    const struct tr_kpi_facts *facts = &comparison->before.facts;
    json_object_set_new(object, "kpi", json_string(facts->name));
    json_object_set_new(object, "unit", json_string(comparison->before.unit));
    json_object_set_new(object, "better", json_string(directions[facts->better]));
    json_object_set_new(
        object, "before",
        side_json(ask, comparison, &comparison->before, comparison->before_interval));
    json_object_set_new(object, "after",
                        side_json(ask, comparison, &comparison->after, comparison->after_interval));
    json_object_set_new(object, "difference", difference_json(comparison, verdict != NULL));
    json_object_set_new(object, "p_value",
                        verdict != NULL ? tr_number_json(comparison->p) : json_null());
    json_object_set_new(object, "verdict", verdict != NULL ? json_string(verdict) : json_null());
    json_object_set_new(object, "method", json_string(method_of(comparison)));
    json_object_set_new(object, "notes", notes_json(comparison));
}

int tr_compare(struct tr_kpi_asker *ask, const struct tr_kpi_parameter *parameters, size_t count,
               json_t **answer_out)
{
    struct comparison comparison = {.window_us = 7 * TR_DAY_US, .confidence = 0.95};
    json_t *annotation = NULL;
    int result = read_question(ask, parameters, count, &comparison);
    if (result == 0)
        result = find_ranges(ask, &comparison);
    if (result == 0)
        result = measure(ask, &comparison);
    if (result == 0)
        result = tr_annotation_get(
            ask, tr_slice_of(tr_arena_printf(ask->arena, "%lld", (long long)comparison.annotation)),
            &annotation);
    if (result != 0)
        return result;
    *answer_out = json_pack("{s:o}", "annotation", annotation);
    add_numbers(ask, &comparison, *answer_out);
    return 0;
}
