/* SPDX-License-Identifier: MIT */
/*
 * Puts a query together from the fragments of sql/queries/kpi. {name} is replaced by another piece:
 * one that the question chooses (the table below), else the fragment of that name in a file that
 * KPIs share (common.sql, money.sql, days.sql), else in the KPI's own.
 * :name becomes a parameter, bound once and numbered as it comes. Nothing of a question's text ever
 * becomes part of the query.
 */
#include "kpi_priv.h"

#include "traction/standard.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MAX = 32, NAME_BYTES = 24, DEPTH_MAX = 8 };

struct statement {
    const struct tr_kpi_scope *scope;
    struct tr_buf *sql;
    struct tr_pg_params *params;
    /* Parameters bound so far, under their names and, in conditions, the condition's number. */
    char names[NAMES_MAX][NAME_BYTES];
    size_t name_count;
    /* Whose dimension {expression} and :property are about; NULL: of by. */
    const struct tr_kpi_condition *condition;
    size_t step; /* of a funnel, while its passes are put together */
    int depth;
};

static void expand(struct statement *statement, const char *text);

/* Parameters
 * -------------------------------------------------------------------------------------- */

static void bind_project(const struct statement *statement)
{
    tr_pg_bind_int4(statement->params, statement->scope->question->project->id);
}

static void bind_from(const struct statement *statement)
{
    tr_pg_bind_timestamptz(statement->params, statement->scope->range->from_us);
}

static void bind_to(const struct statement *statement)
{
    tr_pg_bind_timestamptz(statement->params, statement->scope->plan->to_us);
}

static void bind_from_day(const struct statement *statement)
{
    tr_pg_bind_date(statement->params, statement->scope->range->from_day);
}

static void bind_to_day(const struct statement *statement)
{
    tr_pg_bind_date(statement->params, statement->scope->range->next_day);
}

static void bind_buckets(const struct statement *statement)
{
    const struct tr_kpi_range *range = statement->scope->range;
    tr_pg_array_begin(statement->params, TR_PG_TIMESTAMPTZ);
    for (size_t i = 0; i < range->bucket_count; i++)
        tr_pg_array_int(statement->params, range->starts[i]);
    tr_pg_array_end(statement->params);
}

static void bind_days(const struct statement *statement)
{
    const struct tr_kpi_range *range = statement->scope->range;
    tr_pg_array_begin(statement->params, TR_PG_DATE);
    for (size_t i = 0; i < range->bucket_count; i++)
        tr_pg_array_int(statement->params, range->days[i]);
    if (range->bucket_count == 0)
        tr_pg_array_int(statement->params, range->from_day);
    tr_pg_array_end(statement->params);
}

static void bind_series(const struct statement *statement)
{
    tr_pg_bind_bool(statement->params, statement->scope->series);
}

static void bind_levels(const struct statement *statement)
{
    const struct tr_kpi_scope *scope = statement->scope;
    tr_pg_array_begin(statement->params, TR_PG_INT4);
    for (int level = 0; level < 4; level++)
        if ((level & 2 || scope->series) && (level & 1 || scope->groups))
            tr_pg_array_int(statement->params, level);
    tr_pg_array_end(statement->params);
}

static void bind_groups(const struct statement *statement)
{
    tr_pg_bind_int8(statement->params, TR_KPI_GROUPS_MAX);
}

static void bind_grain(const struct statement *statement)
{
    tr_pg_bind_text(statement->params, tr_slice(&statement->scope->plan->grain, 1));
}

static void bind_name(const struct statement *statement)
{
    tr_pg_bind_text(statement->params, statement->scope->question->name);
}

static void bind_goal(const struct statement *statement)
{
    tr_pg_bind_text(statement->params, statement->scope->question->goal);
}

static void bind_of_steps(const struct statement *statement,
                          struct tr_slice (*get)(const struct tr_kpi_step *))
{
    const struct tr_kpi_question *question = statement->scope->question;
    tr_pg_array_begin(statement->params, TR_PG_TEXT);
    for (size_t i = 0; i < question->step_count; i++) {
        struct tr_slice text = get(&question->steps[i]);
        tr_pg_array_bytes(statement->params, text.data, text.size);
    }
    tr_pg_array_end(statement->params);
}

static struct tr_slice get_text(const struct tr_kpi_step *step)
{
    return step->text;
}

static struct tr_slice get_name(const struct tr_kpi_step *step)
{
    return step->name;
}

static struct tr_slice get_path(const struct tr_kpi_step *step)
{
    return step->path.data != NULL ? step->path : TR_SLICE("");
}

static void bind_steps(const struct statement *statement)
{
    bind_of_steps(statement, get_text);
}

static void bind_step_names(const struct statement *statement)
{
    bind_of_steps(statement, get_name);
}

static void bind_step_paths(const struct statement *statement)
{
    bind_of_steps(statement, get_path);
}

static void bind_window(const struct statement *statement)
{
    tr_pg_bind_float8(statement->params, statement->scope->question->window_s);
}

static void bind_timezone(const struct statement *statement)
{
    tr_pg_bind_text(statement->params, tr_slice_of(statement->scope->question->timezone));
}

static void bind_unit(const struct statement *statement)
{
    const struct tr_kpi_question *question = statement->scope->question;
    bool none = question->interval == TR_KPI_NONE || question->interval == TR_KPI_BY_RANGE;
    tr_pg_bind_text(statement->params,
                    tr_slice_of(none ? "day" : tr_kpi_interval_names[question->interval]));
}

static void bind_now(const struct statement *statement)
{
    tr_pg_bind_timestamptz(statement->params, statement->scope->now_us);
}

static void bind_metric(const struct statement *statement)
{
    tr_pg_bind_text(statement->params, tr_slice_of(statement->scope->question->entry->metric));
}

static void bind_survey(const struct statement *statement)
{
    tr_pg_bind_text(statement->params, statement->scope->question->survey);
}

static void bind_limit(const struct statement *statement)
{
    tr_pg_bind_int4(statement->params, statement->scope->question->page->wanted);
}

static void bind_after(const struct statement *statement)
{
    tr_pg_bind_timestamptz(statement->params, statement->scope->question->page->at_us);
}

static void bind_after_received(const struct statement *statement)
{
    tr_pg_bind_timestamptz(statement->params, statement->scope->question->page->received_us);
}

static void bind_after_id(const struct statement *statement)
{
    tr_pg_bind_text(statement->params, statement->scope->question->page->id);
}

static void bind_threshold(const struct statement *statement)
{
    tr_pg_bind_int8(statement->params, llround(statement->scope->question->t_ms * 1000));
}

/* The ends of the scale that the KPI's answers have. */
static void bind_least(const struct statement *statement)
{
    struct tr_slice type = tr_slice_of(statement->scope->question->entry->metric);
    tr_pg_bind_int4(statement->params, tr_survey_find(type)->least);
}

static void bind_most(const struct statement *statement)
{
    struct tr_slice type = tr_slice_of(statement->scope->question->entry->metric);
    tr_pg_bind_int4(statement->params, tr_survey_find(type)->most);
}

static void bind_vital_names(const struct statement *statement)
{
    tr_pg_array_begin(statement->params, TR_PG_TEXT);
    for (size_t i = 0; i < TR_VITAL_COUNT; i++)
        tr_pg_array_bytes(statement->params, tr_vitals[i].name, strlen(tr_vitals[i].name));
    tr_pg_array_end(statement->params);
}

static void bind_of_vitals(const struct statement *statement,
                           int64_t (*get)(const struct tr_vital *))
{
    tr_pg_array_begin(statement->params, TR_PG_INT8);
    for (size_t i = 0; i < TR_VITAL_COUNT; i++)
        tr_pg_array_int(statement->params, get(&tr_vitals[i]));
    tr_pg_array_end(statement->params);
}

static int64_t get_parts(const struct tr_vital *vital)
{
    int64_t parts = 1;
    for (int i = 0; i < vital->decimals; i++)
        parts *= 10;
    return parts;
}

static int64_t get_good(const struct tr_vital *vital)
{
    return vital->good;
}

static int64_t get_poor(const struct tr_vital *vital)
{
    return vital->poor;
}

static int64_t get_most(const struct tr_vital *vital)
{
    return vital->most;
}

static void bind_vital_parts(const struct statement *statement)
{
    bind_of_vitals(statement, get_parts);
}

static void bind_vital_good(const struct statement *statement)
{
    bind_of_vitals(statement, get_good);
}

static void bind_vital_poor(const struct statement *statement)
{
    bind_of_vitals(statement, get_poor);
}

static void bind_vital_most(const struct statement *statement)
{
    bind_of_vitals(statement, get_most);
}

static void bind_currency(const struct statement *statement)
{
    tr_pg_bind_text(statement->params, tr_slice_of(statement->scope->question->project->currency));
}

static const struct tr_kpi_dimension *dimension_of(const struct statement *statement)
{
    return statement->condition != NULL ? &statement->condition->dimension
                                        : &statement->scope->question->by;
}

static void bind_property(const struct statement *statement)
{
    tr_pg_bind_text(statement->params, dimension_of(statement)->property);
}

static void bind_vital(const struct statement *statement)
{
    tr_pg_bind_text(statement->params, statement->scope->question->by.property);
}

static void bind_values(const struct statement *statement)
{
    const struct tr_kpi_condition *condition = statement->condition;
    tr_pg_array_begin(statement->params, TR_PG_TEXT);
    for (size_t i = 0; i < condition->count; i++)
        tr_pg_array_bytes(statement->params, condition->values[i].data, condition->values[i].size);
    tr_pg_array_end(statement->params);
}

static const struct {
    const char *name;
    void (*bind)(const struct statement *statement);
    bool of_condition; /* each condition has its own */
} parameters[] = {
    {"project", bind_project, false},
    {"from", bind_from, false},
    {"to", bind_to, false},
    {"from_day", bind_from_day, false},
    {"to_day", bind_to_day, false},
    {"buckets", bind_buckets, false},
    {"days", bind_days, false},
    {"series", bind_series, false},
    {"levels", bind_levels, false},
    {"groups", bind_groups, false},
    {"grain", bind_grain, false},
    {"name", bind_name, false},
    {"goal", bind_goal, false},
    {"steps", bind_steps, false},
    {"step_names", bind_step_names, false},
    {"step_paths", bind_step_paths, false},
    {"window", bind_window, false},
    {"timezone", bind_timezone, false},
    {"unit", bind_unit, false},
    {"now", bind_now, false},
    {"metric", bind_metric, false},
    {"currency", bind_currency, false},
    {"vital", bind_vital, false},
    {"property", bind_property, true},
    {"values", bind_values, true},
    {"survey", bind_survey, false},
    {"limit", bind_limit, false},
    {"after", bind_after, false},
    {"after_received", bind_after_received, false},
    {"after_id", bind_after_id, false},
    {"threshold_us", bind_threshold, false},
    {"least", bind_least, false},
    {"most", bind_most, false},
    {"vital_names", bind_vital_names, false},
    {"vital_parts", bind_vital_parts, false},
    {"vital_good", bind_vital_good, false},
    {"vital_poor", bind_vital_poor, false},
    {"vital_most", bind_vital_most, false},
};

static void append_number(struct statement *statement, size_t number)
{
    tr_buf_printf(statement->sql, "$%zu", number);
}

static void append_parameter(struct statement *statement, struct tr_slice name)
{
    size_t i = 0;
    while (i < sizeof parameters / sizeof *parameters && !tr_slice_is(name, parameters[i].name))
        i++;
    if (i == sizeof parameters / sizeof *parameters)
        abort(); /* a bug in the SQL */
    const struct tr_kpi_condition *condition = statement->condition;
    int number = condition != NULL ? (int)(condition - statement->scope->question->conditions) : -1;
    char key[NAME_BYTES];
    if (parameters[i].of_condition)
        snprintf(key, sizeof key, "%s%d", parameters[i].name, number);
    else
        snprintf(key, sizeof key, "%s", parameters[i].name);
    for (size_t known = 0; known < statement->name_count; known++) {
        if (strcmp(statement->names[known], key) == 0) {
            append_number(statement, known + 1);
            return;
        }
    }
    if (statement->name_count == NAMES_MAX)
        abort();
    memcpy(statement->names[statement->name_count++], key, sizeof key);
    parameters[i].bind(statement);
    append_number(statement, statement->name_count);
}

/* Pieces
 * ------------------------------------------------------------------------------------------ */

/* A fragment that several KPIs share, else one of the KPI's own. */
static void expand_common(struct statement *statement, const char *name)
{
    const struct tr_kpi_entry *entry = statement->scope->question->entry;
    char own[64];
    snprintf(own, sizeof own, "queries/kpi/%s", entry->file != NULL ? entry->file : entry->name);
    const char *const files[] = {"queries/kpi/common", "queries/kpi/money", "queries/kpi/days",
                                 own};
    const char *text = NULL;
    for (size_t i = 0; i < sizeof files / sizeof *files && text == NULL; i++)
        text = tr_pg_sql_fragment(files[i], name);
    if (text == NULL)
        abort();
    expand(statement, text);
}

static void put_expression(struct statement *statement)
{
    expand(statement,
           tr_pg_sql_fragment("queries/kpi/dimensions", dimension_of(statement)->fragment));
}

static void put_where(struct statement *statement)
{
    static const char *const fragments[2][2] = {{"where_is", "where_like"},
                                                {"where_is_not", "where_not_like"}};
    const struct tr_kpi_question *question = statement->scope->question;
    for (size_t i = 0; i < question->condition_count; i++) {
        statement->condition = &question->conditions[i];
        expand_common(statement,
                      fragments[statement->condition->negated][statement->condition->glob]);
    }
    statement->condition = NULL;
}

static void put_bots(struct statement *statement)
{
    if (!statement->scope->question->bots)
        expand_common(statement, "no_bots");
}

static void put_group(struct statement *statement)
{
    if (statement->scope->groups)
        put_expression(statement);
    else
        expand_common(statement, "no_group");
}

static void put_place(struct statement *statement)
{
    expand_common(statement, statement->scope->groups ? "place_of_group" : "no_place");
}

static void put_bucket(struct statement *statement)
{
    expand_common(statement, statement->scope->series ? "bucket_of_event" : "no_bucket");
}

static void put_rollup_bucket(struct statement *statement)
{
    expand_common(statement, statement->scope->series ? "bucket_of_rollup" : "no_bucket");
}

static void put_day_bucket(struct statement *statement)
{
    expand_common(statement, statement->scope->series ? "bucket_of_day" : "no_bucket");
}

static void put_keys(struct statement *statement)
{
    static const char *const names[2][2] = {{"keys_total", "keys_groups"},
                                            {"keys_series", "keys_both"}};
    expand_common(statement, names[statement->scope->series][statement->scope->groups]);
}

static void put_sets(struct statement *statement)
{
    static const char *const names[2][2] = {{"sets_total", "sets_groups"},
                                            {"sets_series", "sets_both"}};
    expand_common(statement, names[statement->scope->series][statement->scope->groups]);
}

static void put_sets_of_t(struct statement *statement)
{
    expand_common(statement, statement->scope->series ? "sets_series" : "sets_total");
}

static void put_key_of_t(struct statement *statement)
{
    expand_common(statement, statement->scope->series ? "key_series" : "key_total");
}

static void put_vital_of_person(struct statement *statement)
{
    bool vital = statement->scope->groups && statement->scope->question->by.vital;
    expand_common(statement, vital ? "rating_of_person" : "no_rating");
}

static void put_sets_of_g(struct statement *statement)
{
    expand_common(statement, statement->scope->groups ? "sets_of_g_groups" : "sets_of_g_total");
}

static void put_whole_and_g(struct statement *statement)
{
    expand_common(statement, statement->scope->groups ? "whole_and_g_groups" : "whole_and_g_total");
}

/* A fragment for each step of a funnel, from the given one on. */
static void put_for_steps(struct statement *statement, const char *name, size_t first)
{
    size_t count = statement->scope->question->step_count;
    for (statement->step = first; statement->step <= count; statement->step++)
        expand(statement, tr_pg_sql_fragment("queries/kpi/funnel", name));
}

static bool is_business(struct tr_slice name)
{
    static const char *const names[] = {"sign_up",
                                        "conversion",
                                        "purchase",
                                        "subscription_started",
                                        "subscription_changed",
                                        "subscription_cancelled",
                                        "acquisition_cost"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tr_slice_is(name, names[i]))
            return true;
    return false;
}

static void put_funnel_names(struct statement *statement)
{
    const struct tr_kpi_question *question = statement->scope->question;
    bool business = true;
    for (size_t i = 0; i < question->step_count; i++)
        business = business && is_business(question->steps[i].name);
    expand_common(statement, business ? "funnel_of_business" : "funnel_of_any");
}

static void put_funnel_hits(struct statement *statement)
{
    const struct tr_kpi_question *question = statement->scope->question;
    for (statement->step = 1; statement->step <= question->step_count; statement->step++)
        expand_common(statement, question->steps[statement->step - 1].path.data != NULL
                                     ? "funnel_hit_of_path"
                                     : "funnel_hit");
}

static void put_funnel_steps(struct statement *statement)
{
    put_for_steps(statement, "funnel_step", 2);
}

static void put_funnel_times(struct statement *statement)
{
    put_for_steps(statement, "funnel_time", 2);
}

static void put_funnel_gaps(struct statement *statement)
{
    put_for_steps(statement, "funnel_gap", 2);
}

static void put_funnel_groups(struct statement *statement)
{
    expand_common(statement, statement->scope->groups ? "funnel_of_groups" : "funnel_of_all");
}

static void put_funnel_last(struct statement *statement)
{
    tr_buf_printf(statement->sql, "step_%zu", statement->scope->question->step_count);
}

static void put_step(struct statement *statement)
{
    tr_buf_printf(statement->sql, "%zu", statement->step);
}

static void put_step_before(struct statement *statement)
{
    tr_buf_printf(statement->sql, "%zu", statement->step - 1);
}

static const struct {
    const char *name;
    void (*put)(struct statement *statement);
} pieces[] = {
    {"vital_of_person", put_vital_of_person},
    {"sets_of_g", put_sets_of_g},
    {"whole_and_g", put_whole_and_g},
    {"funnel_names", put_funnel_names},
    {"funnel_hits", put_funnel_hits},
    {"funnel_steps", put_funnel_steps},
    {"funnel_times", put_funnel_times},
    {"funnel_gaps", put_funnel_gaps},
    {"funnel_groups", put_funnel_groups},
    {"funnel_last", put_funnel_last},
    {"step", put_step},
    {"step_before", put_step_before},
    {"expression", put_expression},
    {"where", put_where},
    {"bots", put_bots},
    {"group", put_group},
    {"place", put_place},
    {"bucket", put_bucket},
    {"day_bucket", put_day_bucket},
    {"rollup_bucket", put_rollup_bucket},
    {"keys", put_keys},
    {"sets", put_sets},
    {"sets_of_t", put_sets_of_t},
    {"key_of_t", put_key_of_t},
};

static void append_piece(struct statement *statement, struct tr_slice name)
{
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        if (tr_slice_is(name, pieces[i].name)) {
            pieces[i].put(statement);
            return;
        }
    }
    char text[NAME_BYTES];
    snprintf(text, sizeof text, "%.*s", (int)name.size, name.data);
    expand_common(statement, text);
}

/* Expansion
 * --------------------------------------------------------------------------------------- */

static struct tr_slice take_name(const char *at)
{
    size_t size = 0;
    while (islower((unsigned char)at[size]) || at[size] == '_')
        size++;
    return tr_slice(at, size);
}

/* The length of what is copied as it stands: a quoted text, a cast, else one character. */
static size_t verbatim(const char *at)
{
    if (*at == '\'' || *at == '"') {
        const char *end = strchr(at + 1, *at);
        return end != NULL ? (size_t)(end - at) + 1 : 1;
    }
    return at[0] == ':' && at[1] == ':' ? 2 : 1;
}

static void expand(struct statement *statement, const char *text)
{
    if (statement->depth++ == DEPTH_MAX)
        abort();
    for (const char *at = text; *at != '\0';) {
        struct tr_slice name = take_name(at + 1);
        size_t plain = verbatim(at);
        if (at[0] == '-' && at[1] == '-') {
            at += strcspn(at, "\n");
        } else if (at[0] == '{') {
            append_piece(statement, name);
            at += name.size + 2;
        } else if (at[0] == ':' && plain == 1 && name.size > 0) {
            append_parameter(statement, name);
            at += name.size + 1;
        } else {
            tr_buf_append(statement->sql, at, plain);
            at += plain;
        }
    }
    statement->depth--;
}

void tr_kpi_build(const struct tr_kpi_scope *scope, struct tr_buf *sql, struct tr_pg_params *params)
{
    struct statement statement = {.scope = scope, .sql = sql, .params = params};
    expand(&statement, scope->plan->fragment);
    tr_buf_append_u8(sql, '\0');
    if (tr_buf_overflowed(sql))
        abort();
}
