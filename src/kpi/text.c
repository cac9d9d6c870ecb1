/* SPDX-License-Identifier: MIT */
/*
 * An answer as text: JSON, and CSV (RFC 4180) with a row for each interval, and for each group in
 * it; without intervals a row for each group, else a single one. Of a funnel there is a row for
 * each step, of retention one for each period of each cohort. A text that a spreadsheet would take
 * for a formula gets an apostrophe; numbers stay numbers.
 */
#include "kpi_priv.h"

#include <stdlib.h>

/* Doubles are printed with as many digits as are always theirs: 0.1 stays 0.1. */
enum { CSV_MAX_BYTES = 64 << 20, REAL_DIGITS = 15 };

struct tr_slice tr_kpi_json(const json_t *answer, struct tr_arena *arena)
{
    char *text = json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
    struct tr_slice copy = tr_arena_dup(arena, tr_slice_of(text));
    free(text);
    return copy;
}

/* Those that most KPIs have, in this order; what else a KPI's points say comes behind them. */
static const char *const usual[] = {"value", "uses", "people", "adoption", "p50",
                                    "p75",   "p95",  "p99",    "mean",     "n"};
/* What an answer says about itself, beside its numbers. */
static const char *const about[] = {
    "kpi",        "unit", "from",   "to",    "interval", "name", "goal",  "percentile", "timezone",
    "definition", "by",   "source", "as_of", "error",    "t",    "other", "partial"};
enum { USUAL = sizeof usual / sizeof *usual, ABOUT = sizeof about / sizeof *about, COLUMNS = 40 };

struct table {
    struct tr_buf out;
    const char *by; /* NULL: no groups */
    bool series;
    const char *columns[COLUMNS]; /* borrowed from the answer */
    size_t count;
};

static void append_text(struct tr_buf *out, const char *text)
{
    bool formula = *text != '\0' && strchr("=+-@\t\r", *text) != NULL;
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    tr_buf_append_text(out, quoted ? "\"" : "");
    tr_buf_append_text(out, formula ? "'" : "");
    for (; *text != '\0'; text++) {
        if (*text == '"')
            tr_buf_append_text(out, "\"");
        tr_buf_append(out, text, 1);
    }
    tr_buf_append_text(out, quoted ? "\"" : "");
}

static void append_cell(struct tr_buf *out, const json_t *value)
{
    if (json_is_string(value))
        append_text(out, json_string_value(value));
    else if (json_is_integer(value))
        tr_buf_printf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        tr_buf_printf(out, "%.*g", REAL_DIGITS, json_real_value(value));
}

static bool is_in(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

/* model is a point, a group or the answer: its numbers and texts are the columns. */
static void find_columns(struct table *table, json_t *model)
{
    const char *name = NULL;
    json_t *value = NULL;
    table->columns[table->count++] = "value";
    for (size_t i = 1; i < USUAL; i++)
        if (json_object_get(model, usual[i]) != NULL)
            table->columns[table->count++] = usual[i];
    json_object_foreach(model, name, value)
    {
        bool scalar = !json_is_object(value) && !json_is_array(value);
        if (scalar && table->count < COLUMNS && !is_in(name, usual, USUAL) &&
            !is_in(name, about, ABOUT))
            table->columns[table->count++] = name;
    }
}

static void append_header(struct table *table)
{
    if (table->series)
        tr_buf_append_text(&table->out, "t,");
    if (table->by != NULL) {
        append_text(&table->out, table->by);
        tr_buf_append_text(&table->out, ",");
    }
    for (size_t i = 0; i < table->count; i++) {
        tr_buf_append_text(&table->out, i > 0 ? "," : "");
        append_text(&table->out, table->columns[i]);
    }
    tr_buf_append_text(&table->out, "\r\n");
}

static void append_row(struct table *table, const json_t *label, const json_t *point)
{
    if (table->series) {
        append_cell(&table->out, json_object_get(point, "t"));
        tr_buf_append_text(&table->out, ",");
    }
    if (table->by != NULL) {
        append_cell(&table->out, label);
        tr_buf_append_text(&table->out, ",");
    }
    for (size_t i = 0; i < table->count; i++) {
        tr_buf_append_text(&table->out, i > 0 ? "," : "");
        append_cell(&table->out, json_object_get(point, table->columns[i]));
    }
    tr_buf_append_text(&table->out, "\r\n");
}

static void append_rows(struct table *table, const json_t *object)
{
    size_t index = 0;
    json_t *point = NULL;
    const json_t *label = json_object_get(object, "by");
    if (!table->series) {
        append_row(table, label, object);
        return;
    }
    json_array_foreach(json_object_get(object, "series"), index, point)
    {
        append_row(table, label, point);
    }
}

/* Answers that are lists of their own, and the columns of these. */
struct list {
    const char *name;
    const char *of_row; /* a list within, each of which is a row; NULL: none */
    const char *columns[10];
};
static const struct list lists[] = {
    {"steps",
     NULL,
     {"step", "name", "people", "share_of_first", "share_of_previous", "median_seconds_from_first",
      "median_seconds_from_previous"}},
    {"cohorts", "periods", {"t", "size", "n", "active", "share"}},
};

static const struct list *find_list(const json_t *answer)
{
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (json_object_get(answer, lists[i].name) != NULL)
            return &lists[i];
    return NULL;
}

/* A column is of the part, else of the whole that it belongs to. */
static void append_list_row(struct table *table, const struct list *list, const json_t *label,
                            const json_t *whole, const json_t *part)
{
    if (table->by != NULL) {
        append_cell(&table->out, label);
        tr_buf_append_text(&table->out, ",");
    }
    for (size_t i = 0; list->columns[i] != NULL; i++) {
        const json_t *cell = json_object_get(part, list->columns[i]);
        tr_buf_append_text(&table->out, i > 0 ? "," : "");
        append_cell(&table->out, cell != NULL ? cell : json_object_get(whole, list->columns[i]));
    }
    tr_buf_append_text(&table->out, "\r\n");
}

/* object: the answer or a group. */
static void append_list(struct table *table, const struct list *list, const json_t *object)
{
    size_t i = 0;
    size_t j = 0;
    json_t *whole = NULL;
    json_t *part = NULL;
    const json_t *label = json_object_get(object, "by");
    json_array_foreach(json_object_get(object, list->name), i, whole)
    {
        if (list->of_row == NULL)
            append_list_row(table, list, label, whole, NULL);
        else
            json_array_foreach(json_object_get(whole, list->of_row), j, part)
                append_list_row(table, list, label, whole, part);
    }
}

static void append_table(struct table *table, const json_t *answer, const json_t *groups)
{
    json_t *first = groups != NULL ? json_array_get(groups, 0) : (json_t *)answer;
    table->series = json_array_size(json_object_get(answer, "series")) > 0;
    if (table->series && first != NULL)
        first = json_array_get(json_object_get(first, "series"), 0);
    find_columns(table, first);
    append_header(table);
    if (groups == NULL)
        append_rows(table, answer);
    for (size_t i = 0; i < json_array_size(groups); i++)
        append_rows(table, json_array_get(groups, i));
}

static void append_lists(struct table *table, const struct list *list, const json_t *answer,
                         const json_t *groups)
{
    for (; list->columns[table->count] != NULL; table->count++)
        table->columns[table->count] = list->columns[table->count];
    append_header(table);
    if (groups == NULL)
        append_list(table, list, answer);
    for (size_t i = 0; i < json_array_size(groups); i++)
        append_list(table, list, json_array_get(groups, i));
}

struct tr_slice tr_kpi_csv(const json_t *answer, struct tr_arena *arena)
{
    const json_t *groups = json_object_get(answer, "groups");
    const struct list *list = find_list(answer);
    struct table table = {0};
    if (groups != NULL)
        table.by = json_string_value(json_object_get(answer, "by"));
    tr_buf_init(&table.out, CSV_MAX_BYTES);
    if (list != NULL)
        append_lists(&table, list, answer, groups);
    else
        append_table(&table, answer, groups);
    struct tr_slice copy = tr_arena_dup(arena, tr_buf_slice(&table.out));
    tr_buf_fini(&table.out);
    return copy;
}
