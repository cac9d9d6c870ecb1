/* SPDX-License-Identifier: MIT */
/*
 * Templates of annotations: text with {{names}}. Nothing is computed in them, and what is put in is
 * not looked at again, so that a page's path cannot say anything.
 */
#include "alert_priv.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEMPLATE_NAMES                                                                    \
    "value, raw_value, n, threshold, window, by, rule, kpi, severity, project, link and " \
    "labels.NAME"

/* Numbers for people --------------------------------------------------------------------------- */

/* At most three digits that count, and no zeros at the end. */
static void print_plain(struct tr_buf *out, double number)
{
    char text[64];
    double size = fabs(number);
    int decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 4;
    snprintf(text, sizeof text, "%.*f", decimals, number);
    if (strchr(text, '.') != NULL) {
        size_t length = strlen(text);
        while (text[length - 1] == '0')
            text[--length] = '\0';
        if (text[length - 1] == '.')
            text[length - 1] = '\0';
    }
    tr_buf_append_text(out, text);
}

static void print_seconds(struct tr_buf *out, double seconds)
{
    static const struct {
        double size;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (seconds < units[i].size)
            continue;
        print_plain(out, seconds / units[i].size);
        tr_buf_printf(out, " %s", units[i].name);
        return;
    }
    print_plain(out, seconds * 1000);
    tr_buf_append_text(out, " ms");
}

static void print_number(struct tr_buf *out, double number, const char *unit)
{
    if (unit == NULL || strcmp(unit, "ratio") != 0) {
        if (unit != NULL && strcmp(unit, "ms") == 0)
            print_seconds(out, number / 1000);
        else if (unit != NULL && strcmp(unit, "s") == 0)
            print_seconds(out, number);
        else
            print_plain(out, number);
        return;
    }
    print_plain(out, number * 100);
    tr_buf_append_text(out, " %");
}

static void print_window(struct tr_buf *out, int64_t us)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{604800, "w"}, {86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
    int64_t seconds = us / 1000000;
    size_t i = 0;
    while (units[i].seconds > 1 && seconds % units[i].seconds != 0)
        i++;
    tr_buf_printf(out, "%lld%s", (long long)(seconds / units[i].seconds), units[i].name);
}

/* Names ---------------------------------------------------------------------------------------- */

static void put_value(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    if (facts->known)
        print_number(out, facts->value, facts->unit);
    else
        tr_buf_append_text(out, "no data");
}

static void put_raw(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    if (facts->known)
        tr_buf_printf(out, "%.10g", facts->value);
}

static void put_n(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    tr_buf_printf(out, "%lld", (long long)facts->n);
}

static void put_threshold(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    print_number(out, facts->rule->threshold, facts->unit);
}

static void put_window(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    print_window(out, facts->rule->windows_us[0]);
}

static void put_by(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    tr_buf_append_text(out, facts->series);
}

static void put_rule(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    tr_buf_append_text(out, facts->rule->name);
}

static void put_kpi(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    tr_buf_append_text(out, facts->rule->kpi);
}

static void put_label(struct tr_buf *out, const struct tr_alert_facts *facts, const char *name)
{
    const char *value = json_string_value(json_object_get(facts->labels, name));
    tr_buf_append_text(out, value != NULL ? value : "");
}

static void put_severity(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    put_label(out, facts, "severity");
}

static void put_project(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    put_label(out, facts, "project");
}

static void put_link(struct tr_buf *out, const struct tr_alert_facts *facts)
{
    tr_buf_append_text(out, facts->link);
}

static const struct name {
    const char *name;
    void (*put)(struct tr_buf *out, const struct tr_alert_facts *facts);
} names[] = {
    {"value", put_value},         {"raw_value", put_raw}, {"n", put_n},
    {"threshold", put_threshold}, {"window", put_window}, {"by", put_by},
    {"rule", put_rule},           {"kpi", put_kpi},       {"severity", put_severity},
    {"project", put_project},     {"link", put_link},
};

static const struct name *find_name(struct tr_slice name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tr_slice_is(name, names[i].name))
            return &names[i];
    return NULL;
}

static struct tr_slice label_of(struct tr_slice name)
{
    if (!tr_slice_starts(name, "labels.") || name.size == 7)
        return TR_SLICE_NONE;
    return tr_slice(name.data + 7, name.size - 7);
}

/* Going through a template --------------------------------------------------------------------- */

/* The next {{name}}; what stands before it goes to *text_out. False: text is all that is left, or
 * *broken_out: a {{ has no }}. */
static bool next_name(const char **at, struct tr_slice *text_out, struct tr_slice *name_out,
                      bool *broken_out)
{
    const char *open = strstr(*at, "{{");
    const char *close = open != NULL ? strstr(open, "}}") : NULL;
    *broken_out = open != NULL && close == NULL;
    *text_out = tr_slice(*at, open != NULL ? (size_t)(open - *at) : strlen(*at));
    if (close == NULL)
        return false;
    const char *from = open + 2;
    const char *to = close;
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    *name_out = tr_slice(from, (size_t)(to - from));
    *at = close + 2;
    return true;
}

const char *tr_alert_check_template(const char *text, struct tr_arena *arena)
{
    struct tr_slice before;
    struct tr_slice name;
    bool broken = false;
    if (strlen(text) > TR_ALERT_TEXT_MAX)
        return tr_arena_printf(arena, "expected at most %d bytes", TR_ALERT_TEXT_MAX);
    while (next_name(&text, &before, &name, &broken))
        if (find_name(name) == NULL && label_of(name).data == NULL)
            return tr_arena_printf(arena, "there is no {{%.*s}}: expected %s",
                                   (int)(name.size < 60 ? name.size : 60), name.data,
                                   TEMPLATE_NAMES);
    return broken ? "a {{ without its }}" : NULL;
}

/* Where the last whole character ends, at most at size. */
static size_t whole(const char *data, size_t size, size_t max)
{
    if (data == NULL || size <= max)
        return size;
    size = max;
    while (size > 0 && ((unsigned char)data[size] & 0xc0) == 0x80)
        size--;
    return size;
}

const char *tr_alert_expand(const char *text, const struct tr_alert_facts *facts,
                            struct tr_arena *arena)
{
    struct tr_buf out;
    struct tr_slice before;
    struct tr_slice name;
    bool broken = false;
    bool more;
    tr_buf_init(&out, 1 << 20);
    do {
        more = next_name(&text, &before, &name, &broken);
        tr_buf_append_slice(&out, before);
        const struct name *found = more ? find_name(name) : NULL;
        if (found != NULL)
            found->put(&out, facts);
        else if (more)
            put_label(&out, facts,
                      tr_arena_strndup(arena,
                                       label_of(name).data != NULL ? label_of(name).data : "",
                                       label_of(name).size));
    } while (more);
    char *result = tr_arena_strndup(arena, out.data != NULL ? out.data : "",
                                    whole(out.data, out.size, TR_ALERT_TEXT_MAX));
    for (char *c = result; *c != '\0'; c++)
        if (((unsigned char)*c < ' ' && *c != '\n') || *c == 0x7f)
            *c = ' ';
    tr_buf_fini(&out);
    return result;
}
