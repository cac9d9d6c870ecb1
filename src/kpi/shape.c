/* SPDX-License-Identifier: MIT */
/*
 * From numbers to the answer's JSON. Where there is no row a count is 0, and a ratio, a percentile
 * or a mean is null.
 */
#include "kpi_priv.h"

#include <stdlib.h>

static json_t *text_json(struct tr_slice text)
{
    return text.data != NULL ? json_stringn(text.data, text.size) : json_null();
}

json_t *tr_kpi_time_json(int64_t us)
{
    char text[TR_KPI_TIME_BYTES];
    tr_kpi_format_time(us, text);
    return json_string(text);
}

static json_t *ratio_json(int64_t part, int64_t whole)
{
    return whole > 0 ? json_real((double)part / (double)whole) : json_null();
}

static json_t *value_json(const struct tr_kpi_result *result, const struct tr_kpi_numbers *numbers,
                          const struct tr_kpi_point *point)
{
    switch (result->question->entry->shape) {
    case TR_KPI_RATIO:
        return ratio_json(point->x, point->y);
    case TR_KPI_DISTRIBUTION:
    case TR_KPI_VITALS:
        return point->known ? json_real(point->value) : json_null();
    case TR_KPI_FIELDS:
        return tr_kpi_field_value(numbers, point);
    case TR_KPI_COUNT:
    case TR_KPI_FEATURES:
        break;
    }
    return json_integer(point->x);
}

static void add_distribution(json_t *object, const struct tr_kpi_point *point)
{
    static const char *const names[TR_KPI_QUANTILES] = {"p50", "p75", "p95", "p99"};
    for (int i = 0; i < TR_KPI_QUANTILES; i++)
        json_object_set_new(object, names[i],
                            point->known ? json_real(point->quantiles[i]) : json_null());
    json_object_set_new(object, "mean", point->known ? json_real(point->mean) : json_null());
}

/* At p75, exactly: the percentile is good when three quarters are. NULL: nothing was measured. */
static const char *rating_of(const struct tr_kpi_point *point)
{
    if (point->n == 0)
        return NULL;
    if (4 * point->x >= 3 * point->n)
        return "good";
    return 4 * (point->n - point->y) >= 3 * point->n ? "needs_improvement" : "poor";
}

/* Of all metrics together there are shares, of each there are percentiles, too. */
static void add_vitals(json_t *object, const struct tr_kpi_point *point, bool whole)
{
    if (!whole) {
        add_distribution(object, point);
        const char *rating = rating_of(point);
        json_object_set_new(object, "rating", rating != NULL ? json_string(rating) : json_null());
    }
    json_object_set_new(object, "good", ratio_json(point->x, point->n));
    json_object_set_new(object, "needs_improvement",
                        ratio_json(point->n - point->x - point->y, point->n));
    json_object_set_new(object, "poor", ratio_json(point->y, point->n));
    json_object_set_new(object, "n", json_integer(point->n));
}

/* Whether a point is about everything, and not about a group. */
static bool is_whole(const struct tr_kpi_result *result, const struct tr_kpi_point *point)
{
    const struct tr_kpi_numbers *numbers = result->numbers;
    return point == &numbers->total || (numbers->series != NULL && point >= numbers->series &&
                                        point < numbers->series + result->range->bucket_count);
}

/* Core Web Vitals: whether each of those measured is good at p75. */
static json_t *passed_json(const struct tr_kpi_numbers *numbers)
{
    json_t *passed = json_null();
    for (int i = 1; i <= TR_KPI_GROUPS_MAX; i++) {
        const struct tr_kpi_group *group = numbers->groups[i];
        if (group == NULL || group->total.n == 0 ||
            !(tr_slice_is(group->label, "LCP") || tr_slice_is(group->label, "INP") ||
              tr_slice_is(group->label, "CLS")))
            continue;
        passed =
            json_boolean(!json_is_false(passed) && strcmp(rating_of(&group->total), "good") == 0);
    }
    return passed;
}

/* In place of how many were active: that people were not counted. */
static const int64_t uncounted = -1;

static void add_feature(json_t *object, const struct tr_kpi_point *point, int64_t active)
{
    bool counted = active != uncounted;
    json_object_set_new(object, "uses", json_integer(point->x));
    json_object_set_new(object, "people", counted ? json_integer(point->people) : json_null());
    json_object_set_new(object, "adoption",
                        counted ? ratio_json(point->people, active) : json_null());
}

/* What a point or a group says beside its value. active is what adoption is a share of. */
static void add_beside(json_t *object, const struct tr_kpi_result *result,
                       const struct tr_kpi_point *point, const int64_t *active)
{
    enum tr_kpi_shape shape = result->question->entry->shape;
    if (shape == TR_KPI_FIELDS)
        tr_kpi_add_fields(object, result->numbers, point);
    if (shape == TR_KPI_VITALS)
        add_vitals(object, point, is_whole(result, point));
    if (shape == TR_KPI_DISTRIBUTION)
        add_distribution(object, point);
    if (shape == TR_KPI_DISTRIBUTION)
        json_object_set_new(object, "n", json_integer(point->n));
    if (shape == TR_KPI_RATIO)
        json_object_set_new(object, "n", json_integer(point->y));
    if (shape == TR_KPI_FEATURES && active != NULL)
        add_feature(object, point, *active);
}

/* Whether an interval has a part outside of the range, or to come. */
static bool is_partial(const struct tr_kpi_result *result, size_t i)
{
    const struct tr_kpi_range *range = result->range;
    int64_t end_us = i + 1 < range->bucket_count ? range->starts[i + 1] : range->end_us;
    return range->starts[i] < range->from_us || end_us > range->to_us || end_us > result->now_us;
}

/* group: NULL for the whole. Of features beyond the largest people are counted in the whole range
 * only, which takes long enough. */
static json_t *series_json(const struct tr_kpi_result *result, const struct tr_kpi_point *series,
                           const struct tr_kpi_group *group)
{
    json_t *list = json_array();
    const struct tr_kpi_point *every = result->numbers->series;
    for (size_t i = 0; series != NULL && i < result->range->bucket_count; i++) {
        json_t *point = json_object();
        json_object_set_new(point, "t", tr_kpi_time_json(result->range->starts[i]));
        json_object_set_new(point, "value", value_json(result, result->numbers, &series[i]));
        const int64_t *active = group == NULL ? NULL : group->other ? &uncounted : &every[i].y;
        add_beside(point, result, &series[i], active);
        if (is_partial(result, i))
            json_object_set_new(point, "partial", json_true());
        json_array_append_new(list, point);
    }
    return list;
}

static json_t *group_json(const struct tr_kpi_result *result, const struct tr_kpi_group *group)
{
    const struct tr_kpi_numbers *numbers = result->numbers;
    json_t *object = json_object();
    json_object_set_new(object, "by",
                        group->other ? json_string("other") : text_json(group->label));
    if (group->other)
        json_object_set_new(object, "other", json_true());
    json_object_set_new(object, "value", value_json(result, numbers, &group->total));
    add_beside(object, result, &group->total, &numbers->total.y);
    json_object_set_new(object, "series", series_json(result, group->series, group));
    return object;
}

/* In order of size, what is beyond the largest last. */
static json_t *groups_json(const struct tr_kpi_result *result)
{
    json_t *list = json_array();
    struct tr_kpi_group *const *groups = result->numbers->groups;
    for (int i = 1; i <= TR_KPI_GROUPS_MAX; i++)
        if (groups[i] != NULL)
            json_array_append_new(list, group_json(result, groups[i]));
    if (groups[0] != NULL)
        json_array_append_new(list, group_json(result, groups[0]));
    return list;
}

/* The sample of the total. */
static int64_t sample_of(const struct tr_kpi_result *result)
{
    enum tr_kpi_shape shape = result->question->entry->shape;
    const struct tr_kpi_point *total = &result->numbers->total;
    if (shape == TR_KPI_FIELDS)
        return tr_kpi_field_sample(result->numbers, total);
    return shape == TR_KPI_RATIO ? total->y : total->n;
}

static json_t *change_json(const json_t *now, const json_t *before)
{
    double then = json_number_value(before);
    if (!json_is_number(now) || !json_is_number(before) || then == 0)
        return json_null();
    return json_real((json_number_value(now) - then) / then);
}

/* What the question's answer would be for the range before, but for its groups. */
static json_t *previous_json(const struct tr_kpi_result *result)
{
    struct tr_kpi_result earlier = *result;
    earlier.range = result->before;
    earlier.numbers = result->before_numbers;
    json_t *now = value_json(result, result->numbers, &result->numbers->total);
    json_t *before = value_json(&earlier, earlier.numbers, &earlier.numbers->total);
    json_t *previous = json_pack("{s:o, s:o, s:o, s:o, s:I, s:o}", "from",
                                 tr_kpi_time_json(earlier.range->from_us), "to",
                                 tr_kpi_time_json(earlier.range->to_us), "value", before, "change",
                                 change_json(now, before), "n", (json_int_t)sample_of(&earlier),
                                 "series", series_json(&earlier, earlier.numbers->series, NULL));
    json_decref(now);
    return previous;
}

static json_t *notes_json(const struct tr_kpi_result *result)
{
    const struct tr_kpi_question *question = result->question;
    const struct tr_kpi_numbers *numbers = result->numbers;
    const struct tr_kpi_range *range = result->range;
    json_t *notes = json_array();
    if (question->entry->note != NULL)
        json_array_append_new(notes, json_string(question->entry->note));
    struct tr_slice said = tr_kpi_field_note(numbers, &numbers->total);
    if (said.data != NULL)
        json_array_append_new(notes, text_json(said));
    if (range->bucket_count > 0 && range->starts[0] < range->from_us)
        json_array_append_new(
            notes, json_string("the first interval is partial: it begins before the range"));
    if (range->bucket_count > 0 && range->end_us > range->to_us)
        json_array_append_new(notes,
                              json_string("the last interval is partial: it ends after the range"));
    if (range->to_us > result->now_us)
        json_array_append_new(notes, json_string("the range is not over yet"));
    if (question->bots)
        json_array_append_new(notes, json_string("bots are included"));
    return notes;
}

static void add_question(json_t *object, const struct tr_kpi_question *question)
{
    if (question->entry->event == NULL && question->name.data != NULL)
        json_object_set_new(object, "name", text_json(question->name));
    if (question->goal.data != NULL)
        json_object_set_new(object, "goal", text_json(question->goal));
    if (question->step_count > 0)
        json_object_set_new(object, "window", text_json(question->window_text));
    if (question->entry->takes & TR_KPI_TAKES_PERCENTILE)
        json_object_set_new(object, "percentile", json_real(question->percentile));
    if (question->entry->takes & TR_KPI_TAKES_T)
        json_object_set_new(object, "t", json_real(question->t_ms));
    if (question->survey.data != NULL)
        json_object_set_new(object, "survey", text_json(question->survey));
    if (question->by.fragment != NULL)
        json_object_set_new(object, "by", text_json(question->by.text));
    if (question->condition_count == 0)
        return;
    json_t *where = json_array();
    for (size_t i = 0; i < question->condition_count; i++)
        json_array_append_new(where, text_json(question->conditions[i].text));
    json_object_set_new(object, "where", where);
}

static void add_numbers(json_t *object, const struct tr_kpi_result *result)
{
    enum tr_kpi_shape shape = result->question->entry->shape;
    const struct tr_kpi_numbers *numbers = result->numbers;
    json_object_set_new(object, "value", value_json(result, numbers, &numbers->total));
    if (shape == TR_KPI_FIELDS)
        tr_kpi_add_fields(object, numbers, &numbers->total);
    if (shape == TR_KPI_DISTRIBUTION) {
        add_distribution(object, &numbers->total);
        json_object_set_new(object, "sd",
                            numbers->total.known ? json_real(numbers->total.sd) : json_null());
    }
    if (shape == TR_KPI_VITALS) {
        add_vitals(object, &numbers->total, true);
        json_object_set_new(object, "passed", passed_json(numbers));
    }
    if (shape == TR_KPI_FEATURES)
        json_object_set_new(object, "active_users", json_integer(numbers->total.y));
    json_object_set_new(object, "series", series_json(result, numbers->series, NULL));
    if (result->question->by.fragment != NULL)
        json_object_set_new(object, "groups", groups_json(result));
    if (result->before != NULL)
        json_object_set_new(object, "previous", previous_json(result));
}

json_t *tr_kpi_answer_json(const struct tr_kpi_result *result)
{
    const struct tr_kpi_question *question = result->question;
    const struct tr_kpi_entry *entry = question->entry;
    json_t *object = json_object();
    json_object_set_new(object, "kpi", json_string(entry->name));
    json_object_set_new(
        object, "unit",
        json_string(entry->unit != NULL ? entry->unit : question->project->currency));
    json_object_set_new(object, "from", tr_kpi_time_json(result->range->from_us));
    json_object_set_new(object, "to", tr_kpi_time_json(result->range->to_us));
    json_object_set_new(object, "interval", json_string(tr_kpi_interval_names[question->interval]));
    json_object_set_new(object, "timezone", json_string(question->timezone));
    add_question(object, question);
    add_numbers(object, result);
    json_object_set_new(object, "definition", json_string(entry->definition));
    json_object_set_new(object, "n", json_integer(sample_of(result)));
    bool estimated = (entry->shape == TR_KPI_DISTRIBUTION || entry->shape == TR_KPI_VITALS) &&
                     question->percentile > 0;
    json_object_set_new(object, "error", estimated ? json_real(0.01) : json_integer(0));
    json_object_set_new(object, "notes", notes_json(result));
    json_object_set_new(object, "source",
                        json_string(result->plan->source == TR_KPI_ROLLUP ? "rollup" : "events"));
    json_object_set_new(object, "as_of",
                        result->as_of_us > 0 ? tr_kpi_time_json(result->as_of_us) : json_null());
    return object;
}
