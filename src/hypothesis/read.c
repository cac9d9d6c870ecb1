/* SPDX-License-Identifier: MIT */
/* What was sent, field by field, and writing: what both hypotheses and annotations need. */
#include "hypothesis_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tr_read_refuse(struct tr_kpi_asker *ask, int status, const char *field, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    *ask->problem = (struct tr_kpi_problem){
        .status = status,
        .parameter = field,
        .message = tr_arena_strndup(ask->arena, message, strlen(message)),
    };
    return TR_KPI_PROBLEM;
}

int tr_read_text(struct tr_kpi_asker *ask, const json_t *body, const char *field, size_t most,
                 bool required, const char **text_out)
{
    const json_t *value = json_object_get(body, field);
    *text_out = NULL;
    if ((value == NULL || json_is_null(value)) && !required)
        return 0;
    size_t size = json_string_length(value);
    if (!json_is_string(value) || size == 0 || size > most ||
        strlen(json_string_value(value)) != size)
        return tr_read_refuse(ask, 400, field, "%s: expected a text of 1 to %zu bytes", field,
                              most);
    *text_out = json_string_value(value);
    return 0;
}

int tr_read_number(struct tr_kpi_asker *ask, const json_t *body, const char *field, double least,
                   double most, double *number_out)
{
    const json_t *value = json_object_get(body, field);
    if (value == NULL || json_is_null(value))
        return 0;
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= least && number <= most))
        return tr_read_refuse(ask, 400, field, "%s: expected a number from %g to %g", field, least,
                              most);
    *number_out = number;
    return 0;
}

/* A problem about one of the range's ends, as one about the field it came from. */
static void rename_problem(struct tr_kpi_asker *ask, const char *end, const char *field)
{
    struct tr_kpi_problem *problem = ask->problem;
    size_t size = strlen(end);
    if (problem->parameter == NULL || strcmp(problem->parameter, end) != 0)
        return;
    problem->parameter = field;
    if (strncmp(problem->message, end, size) == 0 && problem->message[size] == ':')
        problem->message = tr_arena_printf(ask->arena, "%s%s", field, problem->message + size);
}

int tr_read_range(struct tr_kpi_asker *ask, const char *from, const char *to,
                  const char *until_field, int64_t *from_us_out, int64_t *to_us_out)
{
    const struct tr_kpi_parameter parameters[] = {
        {TR_SLICE("from"), tr_slice_of(from)},
        {TR_SLICE("to"), tr_slice_of(to)},
        {TR_SLICE("interval"), TR_SLICE("none")},
    };
    struct tr_kpi_facts facts;
    int result = tr_kpi_inspect(ask->pg, ask->project, TR_SLICE("event_count"), parameters, 3,
                                ask->now_us, ask->arena, &facts, ask->problem, ask->error);
    if (result == TR_KPI_PROBLEM)
        rename_problem(ask, "to", until_field);
    if (result != 0)
        return result;
    *from_us_out = facts.from_us;
    *to_us_out = facts.to_us;
    return 0;
}

int tr_read_time(struct tr_kpi_asker *ask, const json_t *body, const char *field, int64_t *us_out)
{
    const json_t *value = json_object_get(body, field);
    int64_t end_us = 0;
    if (value == NULL || json_is_null(value))
        return 0;
    if (json_is_integer(value)) {
        json_int_t ms = json_integer_value(value);
        if (ms < 0 || ms > INT64_C(253402300799999))
            return tr_read_refuse(ask, 400, field, "%s: expected Unix milliseconds", field);
        *us_out = ms * 1000;
        return 0;
    }
    if (!json_is_string(value))
        return tr_read_refuse(ask, 400, field, "%s: expected a time as text, or Unix milliseconds",
                              field);
    int result = tr_read_range(ask, json_string_value(value), "9999-12-30", "to", us_out, &end_us);
    if (result == TR_KPI_PROBLEM)
        rename_problem(ask, "from", field);
    return result;
}

int tr_read_id(struct tr_kpi_asker *ask, const char *what, struct tr_slice text, int64_t *id_out)
{
    int64_t id = 0;
    for (size_t i = 0; i < text.size && i < 18; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return tr_read_refuse(ask, 404, "id", "there is no such %s: expected its number", what);
        id = id * 10 + (text.data[i] - '0');
    }
    *id_out = id;
    if (text.size == 0 || text.size > 18)
        return tr_read_refuse(ask, 404, "id", "there is no such %s: expected its number", what);
    return 0;
}

int tr_write(struct tr_kpi_asker *ask, const char *query, const struct tr_pg_params *params,
             struct tr_pg_result **result_out)
{
    int result = tr_pg_execute(ask->pg, "begin read write", ask->error);
    if (result == 0)
        result = tr_pg_query(ask->pg, tr_pg_sql(query), params, result_out, ask->error);
    if (result == 0) {
        ask->committing = true;
        result = tr_pg_execute(ask->pg, "commit", ask->error);
    }
    if (result < 0 && !tr_pg_is_broken(ask->pg))
        tr_pg_execute(ask->pg, "rollback", NULL);
    if (result == 0)
        ask->committing = false;
    return result;
}
