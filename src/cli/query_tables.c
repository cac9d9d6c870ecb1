/* SPDX-License-Identifier: MIT */
/*
 * What answers carry beside a series: the steps of a funnel, the answers of a survey, cohorts.
 * Printed for what they are, lists of objects, so that a new KPI needs nothing here: a column for
 * each text and number, and where the objects have periods, a matrix of their shares.
 */
#include "query_priv.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS_MAX = 12, PERIODS_MAX = 12 };

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

static bool is_share(const char *key)
{
    return strstr(key, "share") != NULL || ends_with(key, "rate") || ends_with(key, "adoption");
}

/* 1234567.5 as 1,234,567.50; |number| < 10^30, which fits with its commas. */
static void format_number(double number, int decimals, char *out)
{
    char plain[TR_QUERY_VALUE_BYTES];
    snprintf(plain, sizeof plain, "%.*f", decimals, fabs(number));
    size_t whole = strcspn(plain, ".");
    char *to = out;
    if (number < 0)
        *to++ = '-';
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0)
            *to++ = ',';
        *to++ = plain[i];
    }
    snprintf(to, TR_QUERY_VALUE_BYTES - (size_t)(to - out), "%s", plain + whole);
}

void tr_query_format(const char *key, const json_t *value, char out[TR_QUERY_VALUE_BYTES])
{
    double number = json_number_value(value);
    if (!json_is_number(value) || fabs(number) >= 1e30)
        snprintf(out, TR_QUERY_VALUE_BYTES, "-");
    else if (is_share(key))
        snprintf(out, TR_QUERY_VALUE_BYTES, "%.2f %%", number * 100);
    else if (json_is_integer(value))
        format_number(number, 0, out);
    else
        format_number(number, 2, out);
}

void tr_query_print_label(const char *label)
{
    int cells = 0;
    for (const char *at = label; *at != '\0' && cells < TR_QUERY_LABEL_CELLS; cells++) {
        bool control = (unsigned char)*at < 0x20 || *at == 0x7f;
        putchar(control ? '?' : *at);
        for (at++; (*at & 0xc0) == 0x80; at++)
            putchar(*at);
    }
    printf("%*s", TR_QUERY_LABEL_CELLS - cells, "");
}

static bool is_scalar(const json_t *value)
{
    return !json_is_object(value) && !json_is_array(value);
}

static int width_of(const char *key)
{
    int length = (int)strlen(key);
    return length > 10 ? length : 10;
}

static void print_cell(const char *key, const json_t *value)
{
    char text[TR_QUERY_VALUE_BYTES];
    fputs("  ", stdout);
    if (json_is_string(value)) {
        tr_query_print_label(json_string_value(value));
        return;
    }
    tr_query_format(key, value, text);
    printf("%*s", width_of(key), text);
}

static void print_period_heads(const json_t *list)
{
    size_t most = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        size_t size = json_array_size(json_object_get(json_array_get(list, i), "periods"));
        most = size > most ? size : most;
    }
    for (size_t i = 0; i < most && i < PERIODS_MAX; i++)
        printf("  %8zu", i);
}

static void print_periods(const json_t *periods)
{
    char text[TR_QUERY_VALUE_BYTES];
    for (size_t i = 0; i < json_array_size(periods) && i < PERIODS_MAX; i++) {
        tr_query_format("share", json_object_get(json_array_get(periods, i), "share"), text);
        printf("  %8s", text);
    }
}

/* The columns are those of the first row. */
static void print_table(const char *name, const json_t *list)
{
    const char *columns[COLUMNS_MAX];
    size_t count = 0;
    const char *key = NULL;
    json_t *value = NULL;
    printf("\n  %s\n", name);
    json_object_foreach(json_array_get(list, 0), key, value)
    {
        if (!is_scalar(value) || count == COLUMNS_MAX)
            continue;
        columns[count++] = key;
        if (json_is_string(value))
            printf("  %-*s", TR_QUERY_LABEL_CELLS, key);
        else
            printf("  %*s", width_of(key), key);
    }
    print_period_heads(list);
    putchar('\n');
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        for (size_t c = 0; c < count; c++)
            print_cell(columns[c], json_object_get(row, columns[c]));
        print_periods(json_object_get(row, "periods"));
        putchar('\n');
    }
}

void tr_query_print_tables(const json_t *answer)
{
    static const char *const elsewhere[] = {"series", "groups", "notes", "where"};
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)answer, key, value)
    {
        bool printed = !json_is_object(json_array_get(value, 0));
        for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
            printed |= strcmp(key, elsewhere[i]) == 0;
        if (!printed)
            print_table(key, value);
    }
}
