/* SPDX-License-Identifier: MIT */
/*
 * A KPI over a range, and how far it can be trusted. What a KPI's value is (a share, a mean, a
 * percentile) is said by the KPIs' table; everything else comes from the answer itself.
 */
#include "hypothesis_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The answer's percentiles are within this of the values themselves. */
static const double sketch_error = 0.01;

bool tr_measure_add(struct tr_measure *measure, struct tr_slice name, struct tr_slice value)
{
    if (measure->count == TR_MEASURE_PARAMETERS_MAX)
        return false;
    measure->parameters[measure->count++] = (struct tr_kpi_parameter){name, value};
    return true;
}

/* The parameters with these in their place. */
static size_t with_range(struct tr_kpi_asker *ask, const struct tr_measure *measure,
                         int64_t from_us, int64_t to_us, struct tr_kpi_parameter *parameters)
{
    size_t count = 0;
    for (size_t i = 0; i < measure->count; i++)
        parameters[count++] = measure->parameters[i];
    parameters[count++] =
        (struct tr_kpi_parameter){TR_SLICE("from"), tr_kpi_time_text(from_us, ask->arena)};
    parameters[count++] =
        (struct tr_kpi_parameter){TR_SLICE("to"), tr_kpi_time_text(to_us, ask->arena)};
    parameters[count++] = (struct tr_kpi_parameter){TR_SLICE("interval"), TR_SLICE("none")};
    return count;
}

int tr_measure_inspect(struct tr_kpi_asker *ask, const struct tr_measure *measure,
                       struct tr_kpi_facts *facts_out)
{
    struct tr_kpi_parameter parameters[TR_MEASURE_PARAMETERS_MAX + 3];
    size_t count = with_range(ask, measure, 0, TR_DAY_US, parameters);
    return tr_kpi_inspect(ask->pg, ask->project, measure->kpi, parameters, count, ask->now_us,
                          ask->arena, facts_out, ask->problem, ask->error);
}

static int ask_kpi(struct tr_kpi_asker *ask, const struct tr_measure *measure, int64_t from_us,
                   int64_t to_us, json_t **answer_out)
{
    struct tr_kpi_parameter parameters[TR_MEASURE_PARAMETERS_MAX + 3];
    size_t count = with_range(ask, measure, from_us, to_us, parameters);
    return tr_kpi_answer(ask->pg, ask->project, measure->kpi, parameters, count, ask->now_us,
                         ask->as_of_us, ask->arena, answer_out, ask->problem, ask->error);
}

/* The answer's standard deviation; of feedback there is the margin, 1.96 standard errors. */
static double deviation_of(const json_t *answer, int64_t n)
{
    const json_t *sd = json_object_get(answer, "sd");
    if (json_is_number(sd))
        return json_number_value(sd);
    const json_t *margin = json_object_get(answer, "margin");
    return json_is_number(margin) ? json_number_value(margin) / 1.96 * sqrt((double)n) : 0;
}

/* Why there can be no interval, or NULL. */
static const char *why_not(const struct tr_measured *measured)
{
    switch (measured->facts.evidence) {
    case TR_KPI_NO_EVIDENCE:
        return "this KPI is not a share, a mean or a percentile of a sample: there is no interval";
    case TR_KPI_SHARE:
        return measured->value > 1 ? "the value is above 1, so it is no share of the sample" : NULL;
    case TR_KPI_MEAN:
        return measured->sd > 0 ? NULL : "all values are the same: no spread to judge by";
    case TR_KPI_PERCENTILE:
        break;
    }
    return NULL;
}

int tr_measure_range(struct tr_kpi_asker *ask, const struct tr_measure *measure, int64_t from_us,
                     int64_t to_us, struct tr_measured *measured_out)
{
    json_t *answer = NULL;
    int result = tr_measure_inspect(ask, measure, &measured_out->facts);
    if (result == 0)
        result = ask_kpi(ask, measure, from_us, to_us, &answer);
    if (result != 0)
        return result;
    const json_t *value = json_object_get(answer, "value");
    const char *unit = json_string_value(json_object_get(answer, "unit"));
    measured_out->from_us = from_us;
    measured_out->to_us = to_us;
    measured_out->known = json_is_number(value);
    measured_out->value = json_number_value(value);
    measured_out->n = json_integer_value(json_object_get(answer, "n"));
    measured_out->sd = deviation_of(answer, measured_out->n);
    measured_out->unit = tr_arena_printf(ask->arena, "%s", unit != NULL ? unit : "");
    measured_out->why = measured_out->known ? why_not(measured_out) : "there is no value yet";
    json_decref(answer);
    return 0;
}

/* Percentiles ---------------------------------------------------------------------------------- */

/* The value at the share q of the sample; missing when the KPI cannot be asked for it. */
static int value_at(struct tr_kpi_asker *ask, const struct tr_measure *measure,
                    const struct tr_measured *measured, double q, double missing, double *value_out)
{
    struct tr_measure other = {.kpi = measure->kpi};
    char text[16];
    json_t *answer = NULL;
    *value_out = missing;
    if (!(q >= 0.01 && q <= 0.999))
        return 0;
    snprintf(text, sizeof text, "%.5g", q * 100);
    for (size_t i = 0; i < measure->count; i++)
        if (!tr_slice_is(measure->parameters[i].name, "percentile"))
            other.parameters[other.count++] = measure->parameters[i];
    tr_measure_add(&other, TR_SLICE("percentile"), tr_slice_of(text));
    int result = ask_kpi(ask, &other, measured->from_us, measured->to_us, &answer);
    if (result == 0 && json_is_number(json_object_get(answer, "value")))
        *value_out = json_number_value(json_object_get(answer, "value"));
    json_decref(answer);
    return result;
}

static int percentile_interval(struct tr_kpi_asker *ask, const struct tr_measure *measure,
                               const struct tr_measured *measured, struct tr_look look,
                               struct tr_interval *interval_out)
{
    double q = measured->facts.percentile / 100;
    struct tr_interval shares = look.looks == TR_LOOK_ONCE
                                    ? tr_stats_score_range(q, measured->n, look.confidence)
                                    : tr_stats_sequence_range(q, measured->n, look.confidence);
    struct tr_interval ends;
    int result = value_at(ask, measure, measured, shares.low, -INFINITY, &ends.low);
    if (result == 0)
        result = value_at(ask, measure, measured, shares.high, INFINITY, &ends.high);
    if (result != 0)
        return result;
    *interval_out =
        (struct tr_interval){ends.low / (1 + sketch_error), ends.high / (1 - sketch_error)};
    return 0;
}

/* Intervals ------------------------------------------------------------------------------------ */

int tr_measure_interval(struct tr_kpi_asker *ask, const struct tr_measure *measure,
                        const struct tr_measured *measured, struct tr_look look,
                        struct tr_interval *interval_out)
{
    bool once = look.looks == TR_LOOK_ONCE;
    double value = measured->value;
    int64_t n = measured->n;
    if (measured->facts.evidence == TR_KPI_PERCENTILE)
        return percentile_interval(ask, measure, measured, look, interval_out);
    if (measured->facts.evidence == TR_KPI_SHARE)
        *interval_out = once ? tr_stats_wilson(value, n, look.confidence)
                             : tr_stats_share_sequence(value, n, look.confidence);
    else
        *interval_out =
            once ? tr_stats_student(value, measured->sd, n, look.confidence)
                 : tr_stats_mean_sequence(value, measured->sd, n, look.planned, look.confidence);
    return 0;
}

const char *tr_measure_method(const struct tr_measured *measured, enum tr_looks looks)
{
    static const char *const methods[][2] = {
        [TR_KPI_NO_EVIDENCE] = {"none", "none"},
        [TR_KPI_SHARE] = {"wilson", "beta-binomial confidence sequence"},
        [TR_KPI_MEAN] = {"student t", "normal-mixture confidence sequence"},
        [TR_KPI_PERCENTILE] = {"order statistics, score test",
                               "order statistics, beta-binomial confidence sequence"},
    };
    return methods[measured->facts.evidence][looks];
}
