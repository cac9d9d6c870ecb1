/* SPDX-License-Identifier: MIT */
/*
 * Answers whose make-up the query itself decides: the column "value" is the KPI's number, "n" the
 * sample, "note" of the whole what has to be said about it, and every other column stands beside
 * them under its own name. Numbers become numbers, JSON (steps of a funnel, cohorts) is put in as
 * it is.
 */
#include "kpi_priv.h"

#include <math.h>

static bool is_key(const char *name)
{
    static const char *const keys[] = {"level", "t", "g", "label"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(name, keys[i]) == 0)
            return true;
    return false;
}

static struct tr_kpi_cell read_cell(const struct tr_pg_result *rows, int row, int column,
                                    struct tr_arena *arena)
{
    struct tr_kpi_cell cell = {.null = tr_pg_is_null(rows, row, column)};
    if (cell.null)
        return cell;
    switch (tr_pg_column_kind(rows, column)) {
    case TR_PG_KIND_INT:
        cell.integer = tr_pg_get_int(rows, row, column);
        break;
    case TR_PG_KIND_FLOAT:
        cell.number = tr_pg_get_float(rows, row, column);
        break;
    case TR_PG_KIND_TEXT:
    case TR_PG_KIND_JSON:
        cell.text = tr_arena_dup(arena, tr_pg_get_bytes(rows, row, column));
    }
    return cell;
}

/* The columns of the result that are fields; their places in *columns_out. */
static void list_fields(const struct tr_pg_result *rows, struct tr_arena *arena, int **columns_out,
                        struct tr_kpi_numbers *numbers)
{
    int columns = tr_pg_columns(rows);
    struct tr_kpi_field *fields = tr_arena_calloc(arena, (size_t)columns * sizeof *fields);
    *columns_out = tr_arena_alloc(arena, (size_t)columns * sizeof **columns_out);
    for (int column = 0; column < columns; column++) {
        const char *name = tr_pg_column_name(rows, column);
        if (is_key(name))
            continue;
        (*columns_out)[numbers->field_count] = column;
        fields[numbers->field_count++] = (struct tr_kpi_field){
            .name = tr_arena_strndup(arena, name, strlen(name)),
            .kind = tr_pg_column_kind(rows, column),
        };
    }
    numbers->fields = fields;
}

void tr_kpi_read_fields(struct tr_kpi_ask *ask, const struct tr_kpi_scope *scope,
                        const struct tr_pg_result *rows, struct tr_kpi_numbers *numbers)
{
    int *columns = NULL;
    list_fields(rows, ask->arena, &columns, numbers);
    for (int row = 0; row < tr_pg_rows(rows); row++) {
        struct tr_kpi_point *point = tr_kpi_point_of(scope, rows, row, numbers, ask->arena);
        if (point == NULL)
            continue;
        struct tr_kpi_cell *cells =
            tr_arena_alloc(ask->arena, numbers->field_count * sizeof *cells);
        for (size_t i = 0; i < numbers->field_count; i++)
            cells[i] = read_cell(rows, row, columns[i], ask->arena);
        point->known = true;
        point->cells = cells;
    }
}

static json_t *number_json(double number)
{
    if (!isfinite(number))
        return json_null();
    if (number == trunc(number) && fabs(number) < 1e15)
        return json_integer((json_int_t)number);
    return json_real(number);
}

json_t *tr_kpi_load_json(struct tr_slice text)
{
    json_t *document = json_loadb(text.data, text.size, JSON_DECODE_ANY, NULL);
    if (document == NULL)
        document =
            json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    return document;
}

static json_t *cell_json(const struct tr_kpi_field *field, const struct tr_kpi_cell *cell)
{
    if (cell == NULL)
        return field->kind == TR_PG_KIND_INT ? json_integer(0) : json_null();
    if (cell->null)
        return json_null();
    switch (field->kind) {
    case TR_PG_KIND_INT:
        return json_integer(cell->integer);
    case TR_PG_KIND_FLOAT:
        return number_json(cell->number);
    case TR_PG_KIND_TEXT:
        return json_stringn(cell->text.data, cell->text.size);
    case TR_PG_KIND_JSON:
        return tr_kpi_load_json(cell->text);
    }
    return json_null();
}

static json_t *field_json(const struct tr_kpi_numbers *numbers, const struct tr_kpi_point *point,
                          size_t i)
{
    return cell_json(&numbers->fields[i], point->cells != NULL ? &point->cells[i] : NULL);
}

/* The place of a field; field_count if the query has none of this name. */
static size_t find_field(const struct tr_kpi_numbers *numbers, const char *name)
{
    size_t i = 0;
    while (i < numbers->field_count && strcmp(numbers->fields[i].name, name) != 0)
        i++;
    return i;
}

json_t *tr_kpi_field_value(const struct tr_kpi_numbers *numbers, const struct tr_kpi_point *point)
{
    size_t value = find_field(numbers, "value");
    return value < numbers->field_count ? field_json(numbers, point, value) : json_null();
}

/* Amounts are by currency; all else are lists. */
static json_t *empty_json(const char *name)
{
    bool by_currency = strcmp(name, "currencies") == 0 || strcmp(name, "exact") == 0;
    return by_currency ? json_object() : json_array();
}

void tr_kpi_add_fields(json_t *object, const struct tr_kpi_numbers *numbers,
                       const struct tr_kpi_point *point)
{
    for (size_t i = 0; i < numbers->field_count; i++) {
        const struct tr_kpi_field *field = &numbers->fields[i];
        /* Cohorts or the answers behind a number: where there are none, only the whole says so. */
        bool none =
            field->kind == TR_PG_KIND_JSON && (point->cells == NULL || point->cells[i].null);
        if (strcmp(field->name, "value") == 0 || strcmp(field->name, "note") == 0 ||
            (none && point != &numbers->total))
            continue;
        json_object_set_new(object, field->name,
                            none ? empty_json(field->name) : field_json(numbers, point, i));
    }
}

int64_t tr_kpi_field_sample(const struct tr_kpi_numbers *numbers, const struct tr_kpi_point *point)
{
    size_t n = find_field(numbers, "n");
    return n < numbers->field_count && point->cells != NULL ? point->cells[n].integer : 0;
}

struct tr_slice tr_kpi_field_note(const struct tr_kpi_numbers *numbers,
                                  const struct tr_kpi_point *point)
{
    size_t note = find_field(numbers, "note");
    bool said = note < numbers->field_count && point->cells != NULL && !point->cells[note].null;
    return said ? point->cells[note].text : TR_SLICE_NONE;
}
