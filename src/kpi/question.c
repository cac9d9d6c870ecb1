/* SPDX-License-Identifier: MIT */
/*
 * From parameters to a question. Every parameter is a row of one table, which also tells people
 * about it; what is not in the table, not taken by the KPI, or malformed is refused by name.
 */
#include "kpi_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *const tr_kpi_interval_names[TR_KPI_BY_RANGE] = {
    [TR_KPI_NONE] = "none", [TR_KPI_MINUTE] = "minute", [TR_KPI_HOUR] = "hour",
    [TR_KPI_DAY] = "day",   [TR_KPI_WEEK] = "week",     [TR_KPI_MONTH] = "month",
};
const char *const tr_kpi_compare_names[TR_KPI_COMPARES] = {
    [TR_KPI_COMPARE_NONE] = "",
    [TR_KPI_COMPARE_PREVIOUS] = "previous",
    [TR_KPI_COMPARE_WEEK] = "week",
    [TR_KPI_COMPARE_YEAR] = "year",
};

int tr_kpi_refuse(struct tr_kpi_ask *ask, int status, const char *parameter, const char *hint,
                  const char *format, ...)
{
    char message[TR_KPI_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    *ask->problem = (struct tr_kpi_problem){
        .status = status,
        .parameter = parameter,
        .message = tr_arena_strndup(ask->arena, message, strlen(message)),
        .hint = hint,
    };
    return TR_KPI_PROBLEM;
}

/* Values
 * ----------------------------------------------------------------------------------------- */

static const char when_forms[] =
    "expected RFC 3339 (2026-11-01T00:00:00Z), a date, now, today, yesterday, or -7d, -24h, -30m, "
    "-2w, at most 100 years back";

static const char *parse_from(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                              struct tr_slice value)
{
    if (tr_kpi_parse_when(value, ask->now_us, &question->from))
        return NULL;
    return tr_arena_printf(ask->arena, "%s; or begin", when_forms);
}

static const char *parse_to(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                            struct tr_slice value)
{
    if (!tr_kpi_parse_when(value, ask->now_us, &question->to) || question->to.kind == TR_KPI_BEGIN)
        return when_forms;
    question->to.days += question->to.named;
    return NULL;
}

static const char *parse_interval(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                                  struct tr_slice value)
{
    (void)ask;
    for (int i = 0; i < TR_KPI_BY_RANGE; i++) {
        if (!tr_slice_is(value, tr_kpi_interval_names[i]))
            continue;
        question->interval = (enum tr_kpi_interval)i;
        return NULL;
    }
    return "expected minute, hour, day, week, month or none";
}

static const char *parse_timezone(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                                  struct tr_slice value)
{
    if (value.size == 0 || value.size > 64)
        return "expected a name of the IANA time zone database, such as Asia/Kolkata";
    question->timezone = tr_arena_strndup(ask->arena, value.data, value.size);
    return NULL;
}

static const char *parse_by(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                            struct tr_slice value)
{
    const char *fixed = question->entry->by;
    if (!tr_kpi_parse_dimension(value, &question->by) && !tr_kpi_parse_vital(value, &question->by))
        return "expected one of " TR_KPI_DIMENSION_LIST ", " TR_KPI_VITAL_DIMENSIONS;
    if (fixed != NULL && !question->entry->by_any && !tr_slice_is(value, fixed))
        return tr_arena_printf(ask->arena, "%s is always by %s", question->entry->name, fixed);
    const char *only = question->entry->only_by;
    if (only != NULL && !tr_slice_is(value, only))
        return tr_arena_printf(ask->arena, "%s cannot be broken down%s%s", question->entry->name,
                               *only != '\0' ? " but by " : "", only);
    return NULL;
}

static const char *parse_where(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                               struct tr_slice value)
{
    if (question->condition_count == TR_KPI_CONDITIONS_MAX)
        return "expected at most 8 conditions";
    return tr_kpi_parse_condition(value, ask->arena,
                                  &question->conditions[question->condition_count++]);
}

static const char *parse_compare(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                                 struct tr_slice value)
{
    (void)ask;
    for (int i = TR_KPI_COMPARE_PREVIOUS; i < TR_KPI_COMPARES; i++)
        if (tr_slice_is(value, tr_kpi_compare_names[i]))
            question->compare = (enum tr_kpi_compare)i;
    return question->compare != TR_KPI_COMPARE_NONE ? NULL : "expected previous, week or year";
}

static const char *parse_include(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                                 struct tr_slice value)
{
    (void)ask;
    question->bots = tr_slice_is(value, "bots");
    return question->bots ? NULL : "expected bots";
}

static const char *parse_source(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                                struct tr_slice value)
{
    (void)ask;
    if (tr_slice_is(value, "rollup"))
        question->source = TR_KPI_ROLLUP;
    else if (tr_slice_is(value, "events"))
        question->source = TR_KPI_EVENTS;
    else
        return "expected rollup or events";
    return NULL;
}

static const char *parse_name(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                              struct tr_slice value)
{
    (void)ask;
    question->name = value;
    return value.size > 0 ? NULL : "expected the name of an event";
}

static const char *parse_goal(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                              struct tr_slice value)
{
    (void)ask;
    question->goal = value;
    return value.size > 0 ? NULL : "expected the name of a goal";
}

static const char *parse_percentile(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                                    struct tr_slice value)
{
    const char *text = tr_arena_strndup(ask->arena, value.data, value.size);
    char *end = NULL;
    double number = strtod(text, &end);
    if (value.size == 0 || value.size > 8 || *end != '\0' || !(number >= 1 && number <= 99.9))
        return "expected a number from 1 to 99.9";
    question->percentile = number;
    return NULL;
}

static const char *parse_t(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                           struct tr_slice value)
{
    const char *text = tr_arena_strndup(ask->arena, value.data, value.size);
    char *end = NULL;
    double number = strtod(text, &end);
    if (value.size == 0 || value.size > 16 || *end != '\0' || !(number >= 0.001 && number <= 1e7))
        return "expected milliseconds, 0.001 to 10000000";
    question->t_ms = number;
    if (number < TR_KPI_APDEX_MS || number > TR_KPI_APDEX_MS)
        question->only_events = "rollups are kept for t=500 only";
    return NULL;
}

static const char *parse_survey(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                                struct tr_slice value)
{
    (void)ask;
    question->survey = value;
    question->only_events = "rollups are not kept by survey";
    return value.size > 0 ? NULL : "expected the name of a survey";
}

/* The name of an event, or page_view:/PATH. */
static struct tr_kpi_step step_of(struct tr_slice text, struct tr_arena *arena)
{
    static const char views[] = "page_view:/";
    struct tr_kpi_step step = {.text = text, .name = text};
    size_t skip = sizeof views - 2;
    if (tr_slice_starts(text, views)) {
        step.name = tr_slice(text.data, skip - 1);
        step.path = tr_kpi_pattern(tr_slice(text.data + skip, text.size - skip), arena);
    }
    return step;
}

static const char *parse_steps(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                               struct tr_slice value)
{
    static const char wrong[] =
        "expected names of events with commas between them, 2 to 10, such as "
        "page_view:/pricing*,sign_up,purchase";
    question->steps = tr_arena_alloc(ask->arena, TR_KPI_STEPS_MAX * sizeof *question->steps);
    for (;;) {
        const char *comma = value.size > 0 ? memchr(value.data, ',', value.size) : NULL;
        size_t size = comma != NULL ? (size_t)(comma - value.data) : value.size;
        if (size == 0 || question->step_count == TR_KPI_STEPS_MAX)
            return wrong;
        question->steps[question->step_count++] = step_of(tr_slice(value.data, size), ask->arena);
        if (comma == NULL)
            return question->step_count >= 2 ? NULL : wrong;
        value = tr_slice(comma + 1, value.size - size - 1);
    }
}

static const char *parse_window(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                                struct tr_slice value)
{
    static const char units[] = "mhdw";
    static const double seconds[] = {60, 3600, 86400, 604800};
    const char *text = tr_arena_strndup(ask->arena, value.data, value.size);
    char *end = NULL;
    long number = strtol(text, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    question->window_s = 0;
    if (value.size > 0 && value.size < 8 && text[0] >= '1' && text[0] <= '9' && unit != NULL &&
        end[1] == '\0')
        question->window_s = (double)number * seconds[unit - units];
    question->window_text = value;
    if (question->window_s > 0 && question->window_s <= TR_KPI_WINDOW_DAYS_MAX * 86400.0)
        return NULL;
    return "expected a number of minutes, hours, days or weeks up to a year, such as 30m, 24h, 7d, "
           "2w";
}

static const char *parse_annotations(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                                     struct tr_slice value)
{
    (void)ask;
    question->annotations = tr_slice_is(value, "1");
    question->annotations |= tr_slice_is(value, "true");
    bool no = tr_slice_is(value, "0") || tr_slice_is(value, "false");
    return question->annotations || no ? NULL : "expected 1 or 0";
}

/* The table
 * --------------------------------------------------------------------------------------- */

static const struct parameter {
    const char *name;
    const char *(*parse)(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                         struct tr_slice value); /* NULL, or what is wrong */
    unsigned taken;                              /* enum tr_kpi_extra; 0: by every KPI */
    bool repeated;
    const char *help;
} parameters[] = {
    {"from", parse_from, 0, false,
     "start of the range, included: RFC 3339, a date, now, today, yesterday, -7d or -2w (the start "
     "of that day), -24h or -30m (exactly), begin (the day of the project's first event); default: "
     "30 days before the end"},
    {"to", parse_to, 0, false,
     "end of the range, not included; a date, today or yesterday includes that day; default: the "
     "end "
     "of today, or now if from counts hours or minutes"},
    {"interval", parse_interval, 0, false,
     "minute, hour, day, week (from Monday), month or none; default: day, or hour up to two days"},
    {"timezone", parse_timezone, 0, false,
     "where days begin: a name of the IANA database; default: the project's"},
    {"by", parse_by, 0, false,
     "a group for each value of a dimension, the 20 largest and other: " TR_KPI_DIMENSION_LIST},
    {"where", parse_where, 0, true,
     "a condition on events, repeated for several that must all hold: country:DE, "
     "properties.plan:pro|team, !device:mobile, url~/docs/*"},
    {"compare", parse_compare, 0, false,
     "previous: the period before, of the same length; week: the same weekdays before, as few "
     "whole "
     "weeks back as do not overlap; year: the same dates a year earlier"},
    {"include", parse_include, 0, false, "bots: count them too"},
    {"source", parse_source, 0, false,
     "rollup or events: how to compute it; default: whichever is faster"},
    {"annotations", parse_annotations, 0, false,
     "1: also the annotations within the range, releases, say"},
    {"name", parse_name, TR_KPI_TAKES_NAME, false, "the name of the events to count"},
    {"goal", parse_goal, TR_KPI_TAKES_GOAL, false, "the goal of the conversions to count"},
    {"steps", parse_steps, TR_KPI_TAKES_STEPS, false,
     "names of events in their order, with commas between them, 2 to 10; page_view:/docs/* are the "
     "views of such paths"},
    {"window", parse_window, TR_KPI_TAKES_WINDOW, false,
     "how long after the first step the last may be: 30m, 24h, 7d, 2w; default: 7d"},
    {"percentile", parse_percentile, TR_KPI_TAKES_PERCENTILE, false,
     "which percentile is the value, 1 to 99.9"},
    {"t", parse_t, TR_KPI_TAKES_T, false,
     "up to how many milliseconds a request satisfies; default: 500"},
    {"survey", parse_survey, TR_KPI_TAKES_SURVEY, false,
     "the survey (properties.survey) whose answers count; default: all"},
};

enum { PARAMETERS = sizeof parameters / sizeof *parameters };

json_t *tr_kpi_parameters_json(const struct tr_kpi_entry *entry)
{
    json_t *list = json_object();
    for (size_t i = 0; i < PARAMETERS; i++)
        if (parameters[i].taken == 0 || (parameters[i].taken & entry->takes))
            json_object_set_new(list, parameters[i].name, json_string(parameters[i].help));
    return list;
}

static const char *name_of(size_t index)
{
    return parameters[index].name;
}

bool tr_kpi_is_text(struct tr_slice text)
{
    json_t *check = json_stringn(text.data != NULL ? text.data : "", text.size);
    json_decref(check);
    return check != NULL && (text.size == 0 || memchr(text.data, '\0', text.size) == NULL);
}

static int refuse_unknown(struct tr_kpi_ask *ask, struct tr_slice name)
{
    const char *shown = tr_kpi_is_text(name) && name.size <= 64
                            ? tr_arena_strndup(ask->arena, name.data, name.size)
                            : "?";
    const char *near = tr_kpi_nearest(name, name_of, PARAMETERS);
    const char *hint =
        near != NULL ? tr_arena_printf(ask->arena, "Did you mean %s?", near)
                     : "The parameters are from, to, interval, timezone, by, where, compare, "
                       "include, source, annotations, and those that /v1/kpis lists for this KPI.";
    return tr_kpi_refuse(ask, 400, shown, hint, "there is no parameter %s", shown);
}

static int parse_parameter(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                           const struct tr_kpi_parameter *given, bool seen[PARAMETERS])
{
    size_t i = 0;
    while (i < PARAMETERS && !tr_slice_is(given->name, parameters[i].name))
        i++;
    if (i == PARAMETERS)
        return refuse_unknown(ask, given->name);
    const struct parameter *parameter = &parameters[i];
    if (parameter->taken != 0 && !(parameter->taken & question->entry->takes))
        return tr_kpi_refuse(ask, 400, parameter->name, NULL, "%s: %s has no such parameter",
                             parameter->name, question->entry->name);
    if (seen[i] && !parameter->repeated)
        return tr_kpi_refuse(ask, 400, parameter->name, NULL, "%s: expected once", parameter->name);
    seen[i] = true;
    if (given->value.size > TR_KPI_TEXT_MAX || !tr_kpi_is_text(given->value))
        return tr_kpi_refuse(ask, 400, parameter->name, NULL,
                             "%s: expected UTF-8 of at most %d bytes", parameter->name,
                             TR_KPI_TEXT_MAX);
    const char *wrong = parameter->parse(ask, question, given->value);
    if (wrong != NULL)
        return tr_kpi_refuse(ask, 400, parameter->name, NULL, "%s: %s", parameter->name, wrong);
    return 0;
}

static int refuse_kpi(struct tr_kpi_ask *ask, struct tr_slice kpi, const char *near)
{
    const char *hint = near != NULL ? tr_arena_printf(ask->arena, "Did you mean %s?", near)
                                    : "GET /v1/kpis lists what can be asked.";
    if (!tr_kpi_is_text(kpi) || kpi.size > 64)
        return tr_kpi_refuse(ask, 404, "kpi", hint, "there is no such KPI");
    return tr_kpi_refuse(ask, 404, "kpi", hint, "there is no KPI %.*s", (int)kpi.size, kpi.data);
}

/* What the KPI does not do, or has to have. */
static int check_taken(struct tr_kpi_ask *ask, const struct tr_kpi_question *question)
{
    const struct tr_kpi_entry *entry = question->entry;
    if (entry->no_series && question->interval != TR_KPI_NONE &&
        question->interval != TR_KPI_BY_RANGE)
        return tr_kpi_refuse(ask, 400, "interval", NULL, "interval: %s has no series", entry->name);
    if (entry->whole_days &&
        (question->interval == TR_KPI_HOUR || question->interval == TR_KPI_MINUTE))
        return tr_kpi_refuse(ask, 400, "interval", NULL,
                             "interval: %s is about days; expected day, week, month or none",
                             entry->name);
    if (question->by.vital && !tr_kpi_asks_people(question))
        return tr_kpi_refuse(ask, 400, "by", NULL,
                             "by: %s does not count people, whom alone web vitals part",
                             entry->name);
    if (entry->takes & TR_KPI_TAKES_STEPS && question->step_count == 0)
        return tr_kpi_refuse(ask, 400, "steps", NULL,
                             "steps: expected names of events with commas between them, 2 to %d",
                             TR_KPI_STEPS_MAX);
    return 0;
}

/* What was not given. */
static void settle(struct tr_kpi_ask *ask, struct tr_kpi_question *question)
{
    if (question->entry->no_series)
        question->interval = TR_KPI_NONE;
    const struct tr_kpi_entry *entry = question->entry;
    if (question->to.kind == TR_KPI_ABSENT) {
        question->to = (struct tr_kpi_when){.kind = TR_KPI_TODAY, .days = 1};
        if (question->from.hours)
            question->to = (struct tr_kpi_when){.kind = TR_KPI_INSTANT, .instant_us = ask->now_us};
    }
    if (entry->by != NULL && question->by.fragment == NULL)
        tr_kpi_parse_dimension(tr_slice_of(entry->by), &question->by);
    if (entry->event != NULL)
        question->name = tr_slice_of(entry->event);
}

int tr_kpi_parse_question(struct tr_kpi_ask *ask, struct tr_slice kpi,
                          const struct tr_kpi_parameter *given, size_t count,
                          struct tr_kpi_question *question_out)
{
    const char *near = NULL;
    const struct tr_kpi_entry *entry = tr_kpi_find(kpi, &near);
    if (entry == NULL)
        return refuse_kpi(ask, kpi, near);
    bool seen[PARAMETERS] = {false};
    *question_out = (struct tr_kpi_question){
        .entry = entry,
        .project = ask->project,
        .interval = TR_KPI_BY_RANGE,
        .timezone = ask->project->timezone,
        .percentile = entry->percentile,
        .window_text = TR_SLICE("7d"),
        .window_s = 7 * 86400.0,
        .t_ms = TR_KPI_APDEX_MS,
    };
    for (size_t i = 0; i < count; i++) {
        int result = parse_parameter(ask, question_out, &given[i], seen);
        if (result != 0)
            return result;
    }
    int result = check_taken(ask, question_out);
    settle(ask, question_out);
    return result;
}
