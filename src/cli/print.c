/* SPDX-License-Identifier: MIT */
/* Errors in one line, lists as tables or JSON. */
#include "cli_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS_MAX = 16, CELL_MAX_BYTES = 80 };

int tr_cli_fail(const struct tr_error *error)
{
    fprintf(stderr, "traction: %s%s%s\n", error->message, error->hint[0] != '\0' ? ". " : "",
            error->hint);
    return TR_EXIT_FAILED;
}

void tr_cli_format_time(int64_t unix_us, char out[32])
{
    time_t seconds = (time_t)(unix_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

int tr_cli_rows(struct tr_pg *pg, const char *query, const struct tr_pg_params *params,
                json_t **rows_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    int failed = tr_pg_query(pg, tr_pg_sql(query), params, &result, error);
    if (failed < 0)
        return failed;
    struct tr_slice text = tr_pg_get_bytes(result, 0, 0);
    json_t *rows = json_loadb(text.data, text.size, 0, NULL);
    if (rows == NULL)
        return tr_error_set(error, -EBADMSG, "the answer of %s is not JSON", query);
    *rows_out = rows;
    return 0;
}

static char *list_text(const json_t *list)
{
    struct tr_buf text;
    tr_buf_init(&text, CELL_MAX_BYTES);
    for (size_t i = 0; i < json_array_size(list); i++)
        tr_buf_printf(&text, "%s%s", i > 0 ? " " : "", json_string_value(json_array_get(list, i)));
    char *copy = tr_strndup(text.size > 0 ? text.data : "-", text.size > 0 ? text.size : 1);
    tr_buf_fini(&text);
    return copy;
}

/* Characters, not bytes; control characters become "?", for the terminal's sake. */
static char *cell_text(const json_t *value)
{
    if (value == NULL || json_is_null(value))
        return tr_strdup("-");
    if (json_is_array(value))
        return list_text(value);
    char *text = json_is_string(value)
                     ? tr_strndup(json_string_value(value), CELL_MAX_BYTES)
                     : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    for (char *c = text; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?';
    return text;
}

static int width_of(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_cell(const char *text, int width, bool right, bool last)
{
    int pad = width - width_of(text);
    if (right)
        printf("%*s%s%s", pad, "", text, last ? "\n" : "  ");
    else
        printf("%s%*s%s", text, last ? 0 : pad, "", last ? "\n" : "  ");
}

static void print_table(const json_t *rows, const char *const *columns)
{
    int widths[COLUMNS_MAX];
    size_t index;
    json_t *row;
    size_t count = 0;
    for (; columns[count] != NULL && count < COLUMNS_MAX; count++) {
        widths[count] = width_of(columns[count]);
        json_array_foreach((json_t *)rows, index, row)
        {
            TR_CLEANUP(tr_freep) char *text = cell_text(json_object_get(row, columns[count]));
            if (width_of(text) > widths[count])
                widths[count] = width_of(text);
        }
    }
    for (size_t c = 0; c < count; c++)
        print_cell(columns[c], widths[c], false, c + 1 == count);
    json_array_foreach((json_t *)rows, index, row)
    {
        for (size_t c = 0; c < count; c++) {
            const json_t *value = json_object_get(row, columns[c]);
            TR_CLEANUP(tr_freep) char *text = cell_text(value);
            print_cell(text, widths[c], json_is_number(value), c + 1 == count);
        }
    }
}

void tr_cli_print(json_t *rows, const char *const *columns, bool as_json)
{
    if (as_json) {
        json_dumpf(rows, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_table(rows, columns);
    }
    json_decref(rows);
}
