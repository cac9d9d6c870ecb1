/* SPDX-License-Identifier: MIT */
/* Fields of what people wrote: each is checked, and refused by the path to it. */
#include "read_priv.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tr_alert_refuse(struct tr_kpi_asker *asker, int status, const char *path, const char *format,
                    ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    *asker->problem = (struct tr_kpi_problem){
        .status = status,
        .parameter = path != NULL && *path != '\0' ? path : NULL,
        .message = path != NULL && *path != '\0'
                       ? tr_arena_printf(asker->arena, "%s: %s", path, message)
                       : tr_arena_printf(asker->arena, "%s", message),
    };
    return TR_KPI_PROBLEM;
}

const char *tr_alert_path(const struct reading *reading, const char *name)
{
    return *reading->path != '\0'
               ? tr_arena_printf(reading->asker->arena, "%s.%s", reading->path, name)
               : tr_arena_printf(reading->asker->arena, "%s", name);
}

/* "got …", short. */
static const char *got(const struct reading *reading, const json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    const char *shown =
        text != NULL ? tr_arena_printf(reading->asker->arena, ", got %.60s", text) : "";
    tr_freep(&text);
    return shown;
}

static int expected(const struct reading *reading, const char *name, const json_t *value,
                    const char *what)
{
    return tr_alert_refuse(reading->asker, 400, tr_alert_path(reading, name), "expected %s%s", what,
                           got(reading, value));
}

static const json_t *field_of(const struct reading *reading, const char *name)
{
    const json_t *value = json_object_get(reading->body, name);
    return json_is_null(value) ? NULL : value;
}

static bool is_line(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

int tr_alert_read_text(const struct reading *reading, const char *name, size_t most, bool required,
                       const char **text_out)
{
    const json_t *value = field_of(reading, name);
    *text_out = json_string_value(value);
    if (value == NULL && !required)
        return 0;
    size_t size = json_string_length(value);
    if (size == 0 || size > most || strlen(*text_out) != size || !is_line(*text_out))
        return expected(
            reading, name, value,
            tr_arena_printf(reading->asker->arena, "a text of 1 to %zu bytes in one line", most));
    return 0;
}

int tr_alert_read_number(const struct reading *reading, const char *name, double least, double most,
                         double *number_out)
{
    const json_t *value = field_of(reading, name);
    if (value == NULL)
        return 0;
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= least && number <= most))
        return expected(reading, name, value,
                        isfinite(least) && isfinite(most) && most < 1e17
                            ? tr_arena_printf(reading->asker->arena, "a number from %.10g to %.10g",
                                              least, most)
                            : "a number");
    *number_out = number;
    return 0;
}

/* "90s", "5m", "2h", "7d", "2w"; several together are too clever. */
static bool parse_duration(const char *text, double *seconds_out)
{
    static const char units[] = "smhdw";
    static const double sizes[] = {1, 60, 3600, 86400, 604800};
    double number = 0;
    int digits = 0;
    for (; isdigit((unsigned char)*text) && digits < 9; text++, digits++)
        number = number * 10 + (*text - '0');
    const char *unit = *text != '\0' ? strchr(units, *text) : NULL;
    if (digits == 0 || unit == NULL || text[1] != '\0')
        return false;
    *seconds_out = number * sizes[unit - units];
    return true;
}

static const char *show_duration(const struct reading *reading, double seconds)
{
    static const struct {
        double size;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
    size_t i = 0;
    while (i < 3 && (seconds < units[i].size || fmod(seconds, units[i].size) != 0))
        i++;
    return tr_arena_printf(reading->asker->arena, "%.0f%s", seconds / units[i].size, units[i].name);
}

int tr_alert_read_duration_of(const struct reading *reading, const char *name, const json_t *value,
                              double least_s, double most_s, double *seconds_out)
{
    double seconds = -1;
    if (json_is_number(value))
        seconds = json_number_value(value);
    else if (json_is_string(value))
        parse_duration(json_string_value(value), &seconds);
    if (!(seconds >= least_s && seconds <= most_s) || floor(seconds) != seconds)
        return expected(
            reading, name, value,
            tr_arena_printf(reading->asker->arena, "a duration from %s to %s such as 5m or 2h",
                            show_duration(reading, least_s), show_duration(reading, most_s)));
    *seconds_out = seconds;
    return 0;
}

int tr_alert_read_duration(const struct reading *reading, const char *name, double least_s,
                           double most_s, double *seconds_out)
{
    const json_t *value = field_of(reading, name);
    return value == NULL
               ? 0
               : tr_alert_read_duration_of(reading, name, value, least_s, most_s, seconds_out);
}

int tr_alert_read_choice(const struct reading *reading, const char *name,
                         const char *const *choices, const char **choice_out)
{
    const json_t *value = field_of(reading, name);
    const char *text = json_string_value(value);
    char list[200] = "";
    if (value == NULL)
        return 0;
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (text != NULL && strcmp(text, choices[i]) == 0) {
            *choice_out = choices[i];
            return 0;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", choices[i]);
    }
    return expected(reading, name, value,
                    tr_arena_printf(reading->asker->arena, "one of %s", list));
}

bool tr_alert_is_label_name(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

int tr_alert_read_map(const struct reading *reading, const char *name, const struct map_kind *kind,
                      json_t **map_out)
{
    const json_t *value = field_of(reading, name);
    const char *key = NULL;
    json_t *text = NULL;
    struct tr_arena *arena = reading->asker->arena;
    *map_out = json_object();
    if (value == NULL)
        return 0;
    if (!json_is_object(value) || json_object_size(value) > kind->most)
        return expected(reading, name, value,
                        tr_arena_printf(arena, "at most %zu names with texts", kind->most));
    json_object_foreach((json_t *)value, key, text)
    {
        const char *inner = tr_arena_printf(arena, "%s.%.60s", name, key);
        size_t size = json_string_length(text);
        const char *wrong =
            strlen(key) > TR_ALERT_NAME_MAX ? "expected a shorter name" : kind->check_name(key);
        if (wrong != NULL)
            return tr_alert_refuse(reading->asker, 400, tr_alert_path(reading, inner), "%s", wrong);
        if (!json_is_string(text) || size > kind->most_bytes ||
            strlen(json_string_value(text)) != size)
            return expected(reading, inner, text,
                            tr_arena_printf(arena,
                                            "a text of at most %zu bytes; numbers want "
                                            "quotes",
                                            kind->most_bytes));
        wrong = kind->check_text != NULL ? kind->check_text(json_string_value(text), arena) : NULL;
        if (wrong != NULL)
            return tr_alert_refuse(reading->asker, 400, tr_alert_path(reading, inner), "%s", wrong);
        json_object_set(*map_out, key, text);
    }
    return 0;
}

int tr_alert_read_texts(const struct reading *reading, const char *name, size_t most,
                        size_t most_bytes, json_t **list_out)
{
    const json_t *value = field_of(reading, name);
    size_t i;
    json_t *one = NULL;
    *list_out = json_array();
    if (json_is_string(value) && json_string_length(value) > 0 &&
        json_string_length(value) <= most_bytes) {
        json_array_append(*list_out, (json_t *)value);
        return 0;
    }
    if (value != NULL && (!json_is_array(value) || json_array_size(value) > most))
        return expected(
            reading, name, value,
            tr_arena_printf(reading->asker->arena, "a list of at most %zu texts", most));
    json_array_foreach(value, i, one)
    {
        if (json_string_length(one) == 0 || json_string_length(one) > most_bytes ||
            strlen(json_string_value(one)) != json_string_length(one))
            return expected(
                reading, tr_arena_printf(reading->asker->arena, "%s[%zu]", name, i), one,
                tr_arena_printf(reading->asker->arena, "a text of 1 to %zu bytes", most_bytes));
        json_array_append(*list_out, one);
    }
    return 0;
}

/* How many letters differ, at most; swapped ones count as two. */
static size_t distance(const char *one, const char *other)
{
    size_t row[33];
    size_t width = strlen(other);
    if (width > 32 || strlen(one) > 32)
        return 99;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; one[i - 1] != '\0'; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t replaced = corner + (one[i - 1] != other[j - 1]);
            size_t added = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            corner = row[j];
            row[j] = replaced < added ? replaced : added;
        }
    }
    return row[width];
}

int tr_alert_check_fields(const struct reading *reading, const char *const *names)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (!json_is_object(reading->body))
        return tr_alert_refuse(reading->asker, 400, reading->path, "expected fields with values%s",
                               got(reading, reading->body));
    json_object_foreach((json_t *)reading->body, name, value)
    {
        const char *nearest = NULL;
        bool known = false;
        for (size_t i = 0; names[i] != NULL && !known; i++) {
            known = strcmp(names[i], name) == 0;
            if (distance(name, names[i]) <= 2)
                nearest = names[i];
        }
        if (!known)
            return tr_alert_refuse(
                reading->asker, 400,
                tr_alert_path(reading, tr_arena_printf(reading->asker->arena, "%.60s", name)),
                nearest != NULL ? "there is no such field; is %s meant?" : "there is no such field",
                nearest);
    }
    return 0;
}
