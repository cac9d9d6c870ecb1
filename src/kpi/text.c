/* SPDX-License-Identifier: MIT */
/*
 * An answer as text: JSON, and CSV (RFC 4180) with a row for each interval, and for each group in
 * it; without intervals a row for each group, else a single one. A text that a spreadsheet would
 * take for a formula gets an apostrophe; numbers stay numbers.
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

static const char *const columns[] = {"value", "uses", "people", "adoption", "p50",
                                      "p75",   "p95",  "p99",    "mean",     "n"};
enum { COLUMNS = sizeof columns / sizeof *columns };

struct table {
    struct tr_buf out;
    const char *by; /* NULL: no groups */
    bool series;
    bool has[COLUMNS];
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

static void append_header(struct table *table, const json_t *model)
{
    const char *comma = "";
    if (table->series) {
        tr_buf_append_text(&table->out, "t");
        comma = ",";
    }
    if (table->by != NULL) {
        tr_buf_append_text(&table->out, comma);
        append_text(&table->out, table->by);
        comma = ",";
    }
    for (int i = 0; i < COLUMNS; i++) {
        table->has[i] = i == 0 || json_object_get(model, columns[i]) != NULL;
        if (!table->has[i])
            continue;
        tr_buf_printf(&table->out, "%s%s", comma, columns[i]);
        comma = ",";
    }
    tr_buf_append_text(&table->out, "\r\n");
}

static void append_row(struct table *table, const json_t *label, const json_t *point)
{
    const char *comma = "";
    if (table->series) {
        append_cell(&table->out, json_object_get(point, "t"));
        comma = ",";
    }
    if (table->by != NULL) {
        tr_buf_append_text(&table->out, comma);
        append_cell(&table->out, label);
        comma = ",";
    }
    for (int i = 0; i < COLUMNS; i++) {
        if (!table->has[i])
            continue;
        tr_buf_append_text(&table->out, comma);
        append_cell(&table->out, json_object_get(point, columns[i]));
        comma = ",";
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

struct tr_slice tr_kpi_csv(const json_t *answer, struct tr_arena *arena)
{
    const json_t *groups = json_object_get(answer, "groups");
    const json_t *first = groups != NULL ? json_array_get(groups, 0) : answer;
    const json_t *series = json_object_get(answer, "series");
    struct table table = {.series = json_array_size(series) > 0};
    if (groups != NULL)
        table.by = json_string_value(json_object_get(answer, "by"));
    if (table.series && first != NULL)
        first = json_array_get(json_object_get(first, "series"), 0);
    tr_buf_init(&table.out, CSV_MAX_BYTES);
    append_header(&table, first);
    if (groups == NULL)
        append_rows(&table, answer);
    for (size_t i = 0; i < json_array_size(groups); i++)
        append_rows(&table, json_array_get(groups, i));
    struct tr_slice copy = tr_arena_dup(arena, tr_buf_slice(&table.out));
    tr_buf_fini(&table.out);
    return copy;
}
