/* SPDX-License-Identifier: MIT */
/*
 * POST /v1/query: {"kpi":…, parameters}, answered as GET would; or {"queries":[…]} or an array of
 * them, answered {"answers":[…]} in the same order, each an answer or an error of its own. A
 * parameter is a text, a number, true or false, or an array of these where it may be repeated; null
 * is none. All together have the time that one may take.
 */
#include "api_priv.h"

#include "traction/base/clock.h"

#include <stdio.h>
#include <string.h>

static int refuse(struct task *task, int status, const char *parameter, const char *message)
{
    tr_api_answer_problem(task, &(struct tr_kpi_problem){
                                    .status = status, .parameter = parameter, .message = message});
    return 0;
}

/* A question's parameters; the JSON is borrowed. */
struct reading {
    struct task *task;
    struct tr_slice kpi;
    struct tr_kpi_parameter parameters[PARAMETERS_MAX];
    size_t count;
};

/* false: neither text, nor number, nor boolean. */
static bool text_of(const struct task *task, const json_t *value, struct tr_slice *text_out)
{
    *text_out = TR_SLICE_NONE;
    if (json_is_string(value))
        *text_out = tr_slice(json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        *text_out =
            tr_slice_of(tr_arena_printf(task->arena, "%lld", (long long)json_integer_value(value)));
    else if (json_is_real(value))
        *text_out = tr_slice_of(tr_arena_printf(task->arena, "%.15g", json_real_value(value)));
    else if (json_is_boolean(value))
        *text_out = tr_slice_of(json_is_true(value) ? "true" : "false");
    return text_out->data != NULL;
}

static int refuse_parameter(struct tr_kpi_problem *problem, const char *name, const char *message)
{
    *problem = (struct tr_kpi_problem){.status = 400, .parameter = name, .message = message};
    return TR_KPI_PROBLEM;
}

/* place: where it stands, "where[2]" of an array. */
static int add_value(struct reading *reading, const char *name, const char *place,
                     const json_t *value, struct tr_kpi_problem *problem)
{
    struct tr_slice text;
    struct tr_arena *arena = reading->task->arena;
    if (!text_of(reading->task, value, &text))
        return refuse_parameter(
            problem, name,
            tr_arena_printf(arena, "%s: expected a text, a number, true or false%s", place,
                            place == name ? ", or an array of these" : ""));
    if (reading->count == PARAMETERS_MAX)
        return refuse_parameter(
            problem, name,
            tr_arena_printf(arena, "%s: expected at most %d values in all", place, PARAMETERS_MAX));
    reading->parameters[reading->count++] = (struct tr_kpi_parameter){tr_slice_of(name), text};
    return 0;
}

static int add_values(struct reading *reading, const char *name, const json_t *values,
                      struct tr_kpi_problem *problem)
{
    int result = 0;
    for (size_t i = 0; i < json_array_size(values) && result == 0; i++)
        result = add_value(reading, name, tr_arena_printf(reading->task->arena, "%s[%zu]", name, i),
                           json_array_get(values, i), problem);
    return result;
}

/* As errors have it. */
static const char *shown_name(struct tr_arena *arena, const char *name)
{
    return strlen(name) <= 64 ? tr_arena_strndup(arena, name, strlen(name)) : "?";
}

static int read_question(struct reading *reading, const json_t *query,
                         struct tr_kpi_problem *problem)
{
    const char *key = NULL;
    json_t *value = NULL;
    int result = 0;
    json_object_foreach((json_t *)query, key, value)
    {
        const char *name = shown_name(reading->task->arena, key);
        if (strcmp(key, "kpi") == 0 && json_is_string(value))
            reading->kpi = tr_slice(json_string_value(value), json_string_length(value));
        else if (strcmp(key, "kpi") == 0)
            return refuse_parameter(problem, "kpi", "kpi: expected the name of a KPI");
        else if (json_is_array(value))
            result = add_values(reading, name, value, problem);
        else if (!json_is_null(value))
            result = add_value(reading, name, name, value, problem);
        if (result != 0)
            return result;
    }
    if (reading->kpi.data == NULL)
        return refuse_parameter(problem, "kpi", "kpi: expected the name of a KPI");
    return 0;
}

/* 0 with an answer, TR_KPI_PROBLEM, or < 0. */
static int answer_one(struct task *task, struct tr_pg *pg, const json_t *query, json_t **answer_out,
                      struct tr_kpi_problem *problem, struct tr_error *error)
{
    struct reading reading = {.task = task};
    int result = read_question(&reading, query, problem);
    if (result != 0)
        return result;
    if (!tr_api_may_ask(&task->key, reading.kpi)) {
        *problem = (struct tr_kpi_problem){403, "kpi", "a shared link shows its page only", NULL};
        return TR_KPI_PROBLEM;
    }
    return tr_kpi_answer(pg, &task->project, reading.kpi, reading.parameters, reading.count,
                         task->now_us, task->as_of_us, task->arena, answer_out, problem, error);
}

static int run_one(struct task *task, struct tr_pg *pg, const json_t *query, struct tr_error *error)
{
    json_t *answer = NULL;
    struct tr_kpi_problem problem;
    int result = answer_one(task, pg, query, &answer, &problem, error);
    if (result == TR_KPI_PROBLEM)
        tr_api_answer_problem(task, &problem);
    else if (result == 0)
        tr_api_answer(task, 200, answer);
    json_decref(answer);
    return result < 0 ? result : 0;
}

/* Why a question of a batch is not asked any more, or NULL. */
static const char *exhausted(const struct task *task, int64_t until_us)
{
    if (tr_clock_mono_us() >= until_us)
        return "the questions before this one took all the time there was";
    if (tr_arena_used(task->arena) >= BATCH_BYTES)
        return "the answers before this one took all the room there was";
    return NULL;
}

/* The error of a question says which one it was. */
static json_t *problem_at(const struct tr_kpi_problem *problem, size_t index)
{
    json_t *answer = tr_api_problem_json(NULL, problem);
    json_object_set_new(json_object_get(answer, "error"), "index", json_integer((json_int_t)index));
    return answer;
}

static int append_answer(struct task *task, struct tr_pg *pg, const json_t *queries, size_t index,
                         int64_t until_us, struct tr_error *error)
{
    json_t *answer = NULL;
    struct tr_kpi_problem problem = {.status = 504, .message = exhausted(task, until_us)};
    int result = TR_KPI_PROBLEM;
    if (problem.message == NULL)
        result = answer_one(task, pg, json_array_get(queries, index), &answer, &problem, error);
    if (result == TR_KPI_PROBLEM)
        answer = problem_at(&problem, index);
    if (result >= 0)
        tr_buf_append_slice(&task->batch, tr_kpi_json(answer, task->arena));
    json_decref(answer);
    return result < 0 ? result : 0;
}

static int run_many(struct task *task, struct tr_pg *pg, const json_t *queries,
                    struct tr_error *error)
{
    int64_t until_us = tr_clock_mono_us() + task->api->options.statement_timeout_ms * INT64_C(1000);
    tr_buf_clear(&task->batch, BATCH_BYTES);
    tr_buf_append_text(&task->batch, "{\"answers\":[");
    for (size_t i = 0; i < json_array_size(queries); i++) {
        tr_buf_append_text(&task->batch, i > 0 ? "," : "");
        int result = append_answer(task, pg, queries, i, until_us, error);
        if (result < 0)
            return result;
    }
    tr_buf_append_text(&task->batch, "]}");
    task->status = 200;
    task->content_type = "application/json";
    task->answer = tr_buf_slice(&task->batch);
    return 0;
}

/* The first that is not an object; the size if all are. */
static size_t find_stray(const json_t *queries)
{
    size_t i = 0;
    while (i < json_array_size(queries) && json_is_object(json_array_get(queries, i)))
        i++;
    return i;
}

static int run_parsed(struct task *task, struct tr_pg *pg, const json_t *body,
                      struct tr_error *error)
{
    const json_t *queries = json_is_array(body) ? body : json_object_get(body, "queries");
    if (json_is_object(body) && queries == NULL)
        return run_one(task, pg, body, error);
    if (!json_is_array(queries))
        return refuse(task, 400, "queries",
                      "queries: expected a question as an object, or an array of them");
    size_t stray = find_stray(queries);
    if (stray < json_array_size(queries))
        return refuse(task, 400, "queries",
                      tr_arena_printf(task->arena, "queries[%zu]: expected an object", stray));
    if (json_array_size(queries) > (size_t)task->api->options.batch)
        return refuse(
            task, 400, "queries",
            tr_arena_printf(task->arena, "queries: expected at most %d", task->api->options.batch));
    return run_many(task, pg, queries, error);
}

int tr_api_run_batch(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    json_error_t wrong;
    json_t *body = json_loadb(task->body.data != NULL ? task->body.data : "", task->body.size,
                              JSON_REJECT_DUPLICATES, &wrong);
    if (body == NULL)
        return refuse(task, 400, NULL,
                      tr_arena_printf(task->arena, "the body is not JSON: %.100s (line %d)",
                                      wrong.text, wrong.line));
    int result = run_parsed(task, pg, body, error);
    json_decref(body);
    return result;
}
