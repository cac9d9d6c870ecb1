/* SPDX-License-Identifier: MIT */
/* A KPI's answer as text: the value, a bar per point of the series, the groups, the notes. */
#include "query_priv.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { BAR_CELLS = 32, LABEL_BYTES = 40 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* Shares as percentages; other numbers with as many digits as people read. */
static void format_value(const json_t *value, const char *unit, char *out, size_t size)
{
    double number = json_number_value(value);
    if (!json_is_number(value))
        snprintf(out, size, "-");
    else if (strcmp(unit, "share") == 0 || strcmp(unit, "ratio") == 0)
        snprintf(out, size, "%.2f %%", number * 100);
    else if (number == floor(number) && fabs(number) < 1e15)
        snprintf(out, size, "%.0f", number);
    else
        snprintf(out, size, "%.2f", number);
}

static double largest_of(const json_t *list)
{
    size_t index;
    json_t *item;
    double largest = 0;
    json_array_foreach((json_t *)list, index, item)
    {
        double value = json_number_value(json_object_get(item, "value"));
        largest = value > largest ? value : largest;
    }
    return largest;
}

/* Eighths of a cell, so that small differences show. */
static void print_bar(double value, double largest)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int eighths = largest > 0 && value > 0 ? (int)lround(value / largest * BAR_CELLS * 8) : 0;
    for (int i = 0; i < eighths / 8; i++)
        fputs("█", stdout);
    fputs(parts[eighths % 8], stdout);
}

/* The time of a point as short as its interval allows. */
static void format_point(const json_t *item, const char *interval, char *out, size_t size)
{
    const char *time = text_of(item, "t");
    bool by_day = strcmp(interval, "day") == 0 || strcmp(interval, "week") == 0 ||
                  strcmp(interval, "month") == 0;
    snprintf(out, size, "%.*s", by_day ? 10 : 16, time);
    char *separator = strchr(out, 'T');
    if (separator != NULL)
        *separator = ' ';
}

static void print_list(const json_t *answer, const char *key, bool points)
{
    const json_t *list = json_object_get(answer, key);
    double largest = largest_of(list);
    size_t index;
    json_t *item;
    if (json_array_size(list) > 0)
        putchar('\n');
    json_array_foreach((json_t *)list, index, item)
    {
        char label[LABEL_BYTES + 1];
        char value[64];
        if (points)
            format_point(item, text_of(answer, "interval"), label, sizeof label);
        else
            snprintf(label, sizeof label, "%s", text_of(item, "by"));
        for (char *c = label; *c != '\0'; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                *c = '?'; /* names come from outside */
        format_value(json_object_get(item, "value"), text_of(answer, "unit"), value, sizeof value);
        printf("  %-*s %12s  ", points ? 16 : 28, label, value);
        print_bar(json_number_value(json_object_get(item, "value")), largest);
        putchar('\n');
    }
}

static void print_previous(const json_t *answer)
{
    const json_t *previous = json_object_get(answer, "previous");
    const json_t *change = json_object_get(previous, "change");
    char value[64];
    if (!json_is_object(previous))
        return;
    format_value(json_object_get(previous, "value"), text_of(answer, "unit"), value, sizeof value);
    printf("  the period before: %s", value);
    if (json_is_number(change))
        printf(" (%+.1f %%)", json_number_value(change) * 100);
    putchar('\n');
}

static void print_notes(const json_t *answer)
{
    size_t index;
    json_t *note;
    json_array_foreach(json_object_get(answer, "notes"), index, note)
        printf("  note: %s\n", json_is_string(note) ? json_string_value(note) : "");
}

void tr_query_print(const json_t *answer)
{
    char value[64];
    const char *unit = text_of(answer, "unit");
    bool share = strcmp(unit, "share") == 0 || strcmp(unit, "ratio") == 0;
    format_value(json_object_get(answer, "value"), unit, value, sizeof value);
    printf("%s: %s%s%s\n", text_of(answer, "kpi"), value, share ? "" : " ", share ? "" : unit);
    printf("  %s\n", text_of(answer, "definition"));
    print_previous(answer);
    print_list(answer, "series", true);
    print_list(answer, "groups", false);
    printf("\n  %s to %s, %s; n = %lld, from %s, as of %s\n", text_of(answer, "from"),
           text_of(answer, "to"), text_of(answer, "timezone"),
           (long long)json_integer_value(json_object_get(answer, "n")), text_of(answer, "source"),
           text_of(answer, "as_of"));
    print_notes(answer);
}
