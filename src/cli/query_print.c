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

enum { BAR_CELLS = 32, LABEL_CELLS = 32, SPARK_CELLS = 40, VALUE_BYTES = 64 };

/* The numbers beside the value that get a column, where the answer has them. */
static const char *const columns[] = {"people", "adoption", "p50", "p95", "p99", "mean", "n"};
enum { COLUMNS = sizeof columns / sizeof *columns };

struct page {
    const json_t *answer;
    bool terminal;
    bool color;
    const char *unit;
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

/* 1234567.5 as 1,234,567.50; |number| < 10^30, which fits with its commas. */
static void format_number(double number, int decimals, char *out)
{
    char plain[VALUE_BYTES];
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
    snprintf(to, VALUE_BYTES - (size_t)(to - out), "%s", plain + whole);
}

/* A ratio as a percentage, other numbers with as many digits as people read. */
static void format_value(const struct page *page, const char *key, const json_t *value, char *out)
{
    double number = json_number_value(value);
    bool ratio =
        strcmp(key, "adoption") == 0 || (strcmp(key, "value") == 0 && is_unit(page, "ratio"));
    if (!json_is_number(value) || fabs(number) >= 1e30)
        snprintf(out, VALUE_BYTES, "-");
    else if (ratio)
        snprintf(out, VALUE_BYTES, "%.2f %%", number * 100);
    else if (json_is_integer(value))
        format_number(number, 0, out);
    else
        format_number(number, 2, out);
}

/* Labels come from outside: no control characters, and not wider than the column. */
static void print_label(const char *label)
{
    int cells = 0;
    for (const char *at = label; *at != '\0' && cells < LABEL_CELLS; cells++) {
        bool control = (unsigned char)*at < 0x20 || *at == 0x7f;
        putchar(control ? '?' : *at);
        for (at++; (*at & 0xc0) == 0x80; at++)
            putchar(*at);
    }
    printf("%*s", LABEL_CELLS - cells, "");
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

static void print_cells(const struct page *page, const json_t *row)
{
    char text[VALUE_BYTES];
    format_value(page, "value", json_object_get(row, "value"), text);
    printf("  %14s", text);
    for (int i = 0; i < COLUMNS; i++) {
        const json_t *value = json_object_get(row, columns[i]);
        if (value == NULL)
            continue;
        format_value(page, columns[i], value, text);
        printf("  %10s", text);
    }
}

static void print_header(const char *first, int width, const json_t *row)
{
    printf("\n  %-*s  %14s", width, first, "value");
    for (int i = 0; i < COLUMNS; i++)
        if (json_object_get(row, columns[i]) != NULL)
            printf("  %10s", columns[i]);
    putchar('\n');
}

static void print_series(const struct page *page, const json_t *series)
{
    double largest = largest_of(series);
    print_header(text_of(page->answer, "interval"), 16, json_array_get(series, 0));
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

static void print_groups(const struct page *page, const json_t *groups)
{
    double largest = largest_of(groups);
    print_header(text_of(page->answer, "by"), LABEL_CELLS, json_array_get(groups, 0));
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *group = json_array_get(groups, i);
        const json_t *series = json_object_get(group, "series");
        const char *label = json_string_value(json_object_get(group, "by"));
        fputs("  ", stdout);
        print_label(label != NULL ? label : "(none)");
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
    char value[VALUE_BYTES];
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
    char n[VALUE_BYTES];
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
    const struct page page = {
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
    if (json_array_size(groups) > 0)
        print_groups(&page, groups);
    else if (groups == NULL && json_array_size(series) > 0)
        print_series(&page, series);
    print_foot(&page);
}
