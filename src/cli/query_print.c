/* SPDX-License-Identifier: MIT */
/*
 * A KPI's answer as text: the value, the series or the groups as an aligned table, the notes. On a
 * terminal with bars, and sparklines for the groups; elsewhere plain. Times are those of the
 * question's time zone.
 */
#include "query_priv.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR_CELLS = 32, SPARK_CELLS = 40, COLUMNS_MAX = 10 };

struct page {
    const json_t *answer;
    bool terminal;
    bool color;
    const char *unit;
    /* The numbers beside the value, each a column. */
    const char *columns[COLUMNS_MAX];
    size_t count;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static bool is_unit(const struct page *page, const char *unit)
{
    return strcmp(page->unit, unit) == 0;
}

static void format_value(const struct page *page, const char *key, const json_t *value, char *out)
{
    bool ratio = strcmp(key, "value") == 0 && is_unit(page, "ratio");
    tr_query_format(ratio ? "share" : key, value, out);
}

static double largest_of(const json_t *list)
{
    double largest = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        largest =
            fmax(largest, json_number_value(json_object_get(json_array_get(list, i), "value")));
    return largest;
}

static void set_color(const struct page *page, bool on)
{
    if (page->color)
        fputs(on ? "\033[36m" : "\033[0m", stdout);
}

/* Eighths of a cell, so that small differences show. */
static void print_bar(const struct page *page, double value, double largest)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (!page->terminal)
        return;
    int eighths = largest > 0 && value > 0 ? (int)lround(value / largest * BAR_CELLS * 8) : 0;
    fputs("  ", stdout);
    set_color(page, true);
    for (int i = 0; i < eighths / 8; i++)
        fputs("█", stdout);
    fputs(parts[eighths % 8], stdout);
    set_color(page, false);
}

/* The newest points, one cell each. */
static void print_spark(const struct page *page, const json_t *series)
{
    static const char *const parts[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t count = json_array_size(series);
    double largest = largest_of(series);
    if (!page->terminal || count == 0)
        return;
    fputs("  ", stdout);
    set_color(page, true);
    for (size_t i = count > SPARK_CELLS ? count - SPARK_CELLS : 0; i < count; i++) {
        const json_t *value = json_object_get(json_array_get(series, i), "value");
        double share = largest > 0 ? fmax(json_number_value(value), 0) / largest : 0;
        fputs(json_is_number(value) ? parts[(int)lround(share * 7)] : " ", stdout);
    }
    set_color(page, false);
}

/* An instant as local time of the question: length characters of YYYY-MM-DD HH:MM. */
static void format_time(const char *instant, int length, char out[40])
{
    struct tm tm = {0};
    char text[40] = "";
    if (strptime(instant, "%Y-%m-%dT%H:%M:%S", &tm) != NULL) {
        time_t seconds = timegm(&tm);
        localtime_r(&seconds, &tm);
        strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
    }
    snprintf(out, 40, "%.*s", length, text);
}

/* How much of it the interval needs. */
static int time_length(const json_t *answer)
{
    const char *interval = text_of(answer, "interval");
    if (strcmp(interval, "month") == 0)
        return 7;
    return strcmp(interval, "hour") == 0 || strcmp(interval, "minute") == 0 ? 16 : 10;
}

static int column_width(const char *name)
{
    int length = (int)strlen(name);
    return length > 10 ? length : 10;
}

static void print_cells(const struct page *page, const json_t *row)
{
    char text[TR_QUERY_VALUE_BYTES];
    format_value(page, "value", json_object_get(row, "value"), text);
    printf("  %14s", text);
    for (size_t i = 0; i < page->count; i++) {
        format_value(page, page->columns[i], json_object_get(row, page->columns[i]), text);
        printf("  %*s", column_width(page->columns[i]), text);
    }
}

static void print_header(const struct page *page, const char *first, int width)
{
    printf("\n  %-*s  %14s", width, first, "value");
    for (size_t i = 0; i < page->count; i++)
        printf("  %*s", column_width(page->columns[i]), page->columns[i]);
    putchar('\n');
}

/* Every number of a row has a column, p75 apart, which many KPIs have as the value. */
static void find_columns(struct page *page, const json_t *row)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)row, key, value)
    {
        if (page->count < COLUMNS_MAX && (json_is_number(value) || json_is_null(value)) &&
            strcmp(key, "value") != 0 && strcmp(key, "by") != 0 && strcmp(key, "p75") != 0 &&
            strcmp(key, "error") != 0 && strcmp(key, "percentile") != 0 &&
            strcmp(key, "as_of") != 0)
            page->columns[page->count++] = key;
    }
}

static void print_series(const struct page *page, const json_t *series)
{
    double largest = largest_of(series);
    print_header(page, text_of(page->answer, "interval"), 16);
    for (size_t i = 0; i < json_array_size(series); i++) {
        const json_t *point = json_array_get(series, i);
        char time[40];
        format_time(text_of(point, "t"), time_length(page->answer), time);
        printf("  %-16s", time);
        print_cells(page, point);
        print_bar(page, json_number_value(json_object_get(point, "value")), largest);
        putchar('\n');
    }
}

/* What stands beside the value, a line each. */
static void print_whole(const struct page *page)
{
    char text[TR_QUERY_VALUE_BYTES];
    putchar('\n');
    for (size_t i = 0; i < page->count; i++) {
        format_value(page, page->columns[i], json_object_get(page->answer, page->columns[i]), text);
        printf("  %-20s %14s\n", page->columns[i], text);
    }
}

static void print_groups(const struct page *page, const json_t *groups)
{
    double largest = largest_of(groups);
    print_header(page, text_of(page->answer, "by"), TR_QUERY_LABEL_CELLS);
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *group = json_array_get(groups, i);
        const json_t *series = json_object_get(group, "series");
        const char *label = json_string_value(json_object_get(group, "by"));
        fputs("  ", stdout);
        tr_query_print_label(label != NULL ? label : "(none)");
        print_cells(page, group);
        if (json_array_size(series) > 1)
            print_spark(page, series);
        else
            print_bar(page, json_number_value(json_object_get(group, "value")), largest);
        putchar('\n');
    }
}

static void print_head(const struct page *page)
{
    const json_t *answer = page->answer;
    const json_t *previous = json_object_get(answer, "previous");
    const json_t *change = json_object_get(previous, "change");
    char value[TR_QUERY_VALUE_BYTES];
    format_value(page, "value", json_object_get(answer, "value"), value);
    printf("%s: %s%s%s", text_of(answer, "kpi"), value, is_unit(page, "ratio") ? "" : " ",
           is_unit(page, "ratio") ? "" : page->unit);
    if (json_is_object(previous)) {
        format_value(page, "value", json_object_get(previous, "value"), value);
        printf(", before %s", value);
    }
    if (json_is_number(change))
        printf(" (%+.1f %%)", json_number_value(change) * 100);
    printf("\n  %s\n", text_of(answer, "definition"));
}

static void print_currencies(const json_t *exact)
{
    const char *currency = NULL;
    json_t *amount = NULL;
    json_object_foreach((json_t *)exact, currency, amount)
    {
        printf("  %s %s\n", currency, json_string_value(amount));
    }
}

static void print_foot(const struct page *page)
{
    const json_t *answer = page->answer;
    const json_t *notes = json_object_get(answer, "notes");
    char from[40];
    char to[40];
    char n[TR_QUERY_VALUE_BYTES];
    format_time(text_of(answer, "from"), 16, from);
    format_time(text_of(answer, "to"), 16, to);
    format_value(page, "n", json_object_get(answer, "n"), n);
    printf("\n  from %s to %s, %s; n = %s; from %s, as of %s\n", from, to,
           text_of(answer, "timezone"), n, text_of(answer, "source"), text_of(answer, "as_of"));
    for (size_t i = 0; i < json_array_size(notes); i++)
        printf("  note: %s\n", json_string_value(json_array_get(notes, i)));
}

void tr_query_print(const json_t *answer)
{
    const char *no_color = getenv("NO_COLOR");
    bool terminal = isatty(STDOUT_FILENO);
    struct page page = {
        .answer = answer,
        .terminal = terminal,
        .color = terminal && (no_color == NULL || *no_color == '\0'),
        .unit = text_of(answer, "unit"),
    };
    const json_t *groups = json_object_get(answer, "groups");
    const json_t *series = json_object_get(answer, "series");
    setenv("TZ", text_of(answer, "timezone"), 1);
    tzset();
    print_head(&page);
    print_currencies(json_object_get(answer, "exact"));
    bool alone = json_array_size(groups) == 0 && json_array_size(series) == 0;
    find_columns(&page, alone ? answer : json_array_get(groups != NULL ? groups : series, 0));
    if (json_array_size(groups) > 0)
        print_groups(&page, groups);
    else if (groups == NULL && json_array_size(series) > 0)
        print_series(&page, series);
    else if (page.count > 0)
        print_whole(&page);
    tr_query_print_tables(answer);
    print_foot(&page);
}
