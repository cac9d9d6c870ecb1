/* SPDX-License-Identifier: MIT */
/*
 * Values as text: parsing, formatting, and the words that say what may be written. Numbers are
 * whole; sizes and durations carry their unit, so that none is ever taken for another.
 */
#include "config_priv.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX_BYTES = 4096 };

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit size_units[] = {{"TiB", 1LL << 40}, {"GiB", 1LL << 30}, {"MiB", 1LL << 20},
                                         {"KiB", 1LL << 10}, {"B", 1},           {NULL, 0}};
static const struct unit duration_units[] = {{"d", 86400000000}, {"h", 3600000000}, {"m", 60000000},
                                             {"s", 1000000},     {"ms", 1000},      {NULL, 0}};

static void *field_of(const struct tr_option *option, const struct tr_config *config)
{
    return (char *)config + option->offset;
}

static void store(const struct tr_option *option, struct tr_config *config, int64_t value)
{
    if (option->width == sizeof(bool))
        *(bool *)field_of(option, config) = value != 0;
    else if (option->width == sizeof(int32_t))
        *(int32_t *)field_of(option, config) = (int32_t)value;
    else
        *(int64_t *)field_of(option, config) = value;
}

static int64_t load(const struct tr_option *option, const struct tr_config *config)
{
    if (option->width == sizeof(bool))
        return *(const bool *)field_of(option, config);
    if (option->width == sizeof(int32_t))
        return *(const int32_t *)field_of(option, config);
    return *(const int64_t *)field_of(option, config);
}

/* Digits only; the rest of the text begins at *rest_out. */
static bool parse_whole(const char *text, int64_t *value_out, const char **rest_out)
{
    if (!isdigit((unsigned char)*text))
        return false;
    char *rest;
    errno = 0;
    long long value = strtoll(text, &rest, 10);
    if (errno != 0)
        return false;
    *value_out = value;
    *rest_out = rest;
    return true;
}

/* bare: factor of a number without a unit, 0 if there must be one. */
static bool parse_with_unit(const char *text, const struct unit *units, int64_t bare,
                            int64_t *value_out)
{
    int64_t number;
    const char *rest;
    if (!parse_whole(text, &number, &rest))
        return false;
    rest += strspn(rest, " ");
    int64_t factor = *rest == '\0' && (bare != 0 || number == 0) ? 1 : 0;
    for (const struct unit *unit = units; unit->name != NULL; unit++)
        if (strcmp(rest, unit->name) == 0)
            factor = unit->factor;
    return factor != 0 && !__builtin_mul_overflow(number, factor, value_out);
}

static bool parse_number(const struct tr_option *option, const char *text, int64_t *value_out)
{
    const char *rest;
    if (option->kind == TR_OPTION_COUNT)
        return parse_whole(text, value_out, &rest) && *rest == '\0';
    if (option->kind == TR_OPTION_SIZE)
        return parse_with_unit(text, size_units, 1, value_out);
    int64_t us;
    if (!parse_with_unit(text, duration_units, 0, &us) || us % option->unit != 0)
        return false;
    *value_out = us / option->unit;
    return true;
}

static bool parse_share(const struct tr_option *option, const char *text, double *value_out)
{
    char *rest;
    double value = strtod(text, &rest);
    if (rest == text || !isfinite(value))
        return false;
    if (strcmp(rest, "%") == 0)
        value /= 100;
    else if (*rest != '\0')
        return false;
    *value_out = value;
    return value >= option->min && value <= option->max;
}

/* HOST:PORT or [IPv6]:PORT, numeric: a name may change its meaning between two starts. */
static bool parse_address(const char *text, struct tr_config *config, struct tr_arena *arena)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    const char *rest;
    if (colon == NULL || !parse_whole(colon + 1, &port, &rest) || *rest != '\0' || port > 65535)
        return false;
    size_t size = (size_t)(colon - text);
    bool bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
    char *host = bracketed ? tr_arena_strndup(arena, text + 1, size - 2)
                           : tr_arena_strndup(arena, text, size);
    if (strcmp(host, "localhost") == 0)
        host = tr_arena_strndup(arena, "127.0.0.1", 9);
    unsigned char binary[sizeof(struct in6_addr)];
    if (inet_pton(bracketed ? AF_INET6 : AF_INET, host, binary) != 1)
        return false;
    config->http.host = host;
    config->http.port = (int)port;
    return true;
}

static bool parse_choice(const struct tr_option *option, const char *text, struct tr_config *config)
{
    for (int i = 0; option->choices[i] != NULL; i++)
        if (strcmp(option->choices[i], text) == 0) {
            store(option, config, i);
            return true;
        }
    return false;
}

static bool parse_text(const struct tr_option *option, const char *text, struct tr_config *config,
                       struct tr_arena *arena)
{
    size_t size = strlen(text);
    if (size == 0 || size > TEXT_MAX_BYTES || (option->kind == TR_OPTION_PATH && text[0] != '/'))
        return false;
    *(const char **)field_of(option, config) = tr_arena_strndup(arena, text, size);
    return true;
}

static bool parse_networks(const struct tr_option *option, const char *text,
                           struct tr_config *config, struct tr_arena *arena)
{
    TR_CLEANUP(tr_networks_freep) struct tr_networks *networks = NULL;
    return tr_networks_parse(&networks, text, NULL) == 0 && parse_text(option, text, config, arena);
}

static bool parse(const struct tr_option *option, const char *text, struct tr_config *config,
                  struct tr_arena *arena)
{
    int64_t number;
    switch (option->kind) {
    case TR_OPTION_TEXT:
    case TR_OPTION_PATH:
    case TR_OPTION_URL:
    case TR_OPTION_SECRET:
        return parse_text(option, text, config, arena);
    case TR_OPTION_NETWORKS:
        return parse_networks(option, text, config, arena);
    case TR_OPTION_ADDRESS:
        return strlen(text) <= TEXT_MAX_BYTES && parse_address(text, config, arena);
    case TR_OPTION_CHOICE:
        return parse_choice(option, text, config);
    case TR_OPTION_SHARE:
        return parse_share(option, text, field_of(option, config));
    case TR_OPTION_COUNT:
    case TR_OPTION_SIZE:
    case TR_OPTION_DURATION:
        break;
    }
    if (!parse_number(option, text, &number) || (double)number < option->min ||
        (double)number > option->max)
        return false;
    store(option, config, number);
    return true;
}

int tr_option_parse(const struct tr_option *option, const char *text, struct tr_config *config,
                    struct tr_arena *arena, struct tr_error *error)
{
    if (parse(option, text, config, arena))
        return 0;
    struct tr_buf expected;
    tr_buf_init(&expected, 512);
    tr_option_expected(option, &expected);
    tr_error_set(error, -EINVAL, "%s.%s: expected %.*s, not \"%.80s\"", option->section,
                 option->key, (int)expected.size, expected.data,
                 option->kind == TR_OPTION_URL || option->kind == TR_OPTION_SECRET ? "…" : text);
    tr_buf_fini(&expected);
    return -EINVAL;
}

/* The largest unit that writes the value whole. */
static void format_with_unit(int64_t value, const struct unit *units, struct tr_buf *out)
{
    for (const struct unit *unit = units; unit->name != NULL; unit++)
        if (value % unit->factor == 0 && (value != 0 || unit[1].name == NULL)) {
            tr_buf_printf(out, "%lld%s", (long long)(value / unit->factor), unit->name);
            return;
        }
    tr_buf_printf(out, "%lld", (long long)value);
}

static void format_number(const struct tr_option *option, double value, struct tr_buf *out)
{
    if (option->kind == TR_OPTION_SIZE)
        format_with_unit((int64_t)value, size_units, out);
    else if (option->kind == TR_OPTION_DURATION && value == 0)
        tr_buf_append_text(out, "0s");
    else if (option->kind == TR_OPTION_DURATION)
        format_with_unit((int64_t)value * option->unit, duration_units, out);
    else if (option->kind == TR_OPTION_SHARE)
        tr_buf_printf(out, "%g%%", value * 100);
    else
        tr_buf_printf(out, "%lld", (long long)value);
}

void tr_option_format(const struct tr_option *option, const struct tr_config *config,
                      struct tr_buf *out)
{
    const char *text = NULL;
    switch (option->kind) {
    case TR_OPTION_TEXT:
    case TR_OPTION_PATH:
    case TR_OPTION_NETWORKS:
    case TR_OPTION_URL:
    case TR_OPTION_SECRET:
        text = *(const char *const *)field_of(option, config);
        break;
    case TR_OPTION_CHOICE:
        text = option->choices[load(option, config)];
        break;
    case TR_OPTION_ADDRESS:
        tr_buf_printf(out, strchr(config->http.host, ':') != NULL ? "[%s]:%d" : "%s:%d",
                      config->http.host, config->http.port);
        return;
    case TR_OPTION_SHARE:
        format_number(option, *(const double *)field_of(option, config), out);
        return;
    case TR_OPTION_COUNT:
    case TR_OPTION_SIZE:
    case TR_OPTION_DURATION:
        format_number(option, (double)load(option, config), out);
        return;
    }
    if (text == NULL)
        return;
    TR_CLEANUP(tr_freep)
    char *shown = option->kind == TR_OPTION_URL      ? tr_config_redact(text)
                  : option->kind == TR_OPTION_SECRET ? tr_strdup("…")
                                                     : tr_strdup(text);
    tr_buf_append_text(out, shown);
}

static const char *const kind_words[] = {
    [TR_OPTION_TEXT] = "a text",
    [TR_OPTION_PATH] = "an absolute path",
    [TR_OPTION_NETWORKS] = "networks such as 10.0.0.0/8, separated by spaces",
    [TR_OPTION_URL] = "a database URL such as postgresql://user@host/traction",
    [TR_OPTION_SECRET] = "a text, which is not shown",
    [TR_OPTION_ADDRESS] = "ADDRESS:PORT such as 127.0.0.1:8080 or [::1]:8080",
    [TR_OPTION_COUNT] = "a whole number",
    [TR_OPTION_SIZE] = "a size in B, KiB, MiB, GiB or TiB",
    [TR_OPTION_DURATION] = "a duration in ms, s, m, h or d",
    [TR_OPTION_SHARE] = "a share",
};

void tr_option_expected(const struct tr_option *option, struct tr_buf *out)
{
    if (option->kind == TR_OPTION_CHOICE) {
        for (int i = 0; option->choices[i] != NULL; i++)
            tr_buf_printf(out, "%s%s", i > 0 ? " or " : "", option->choices[i]);
        return;
    }
    tr_buf_append_text(out, kind_words[option->kind]);
    if (option->kind <= TR_OPTION_ADDRESS)
        return;
    tr_buf_append_text(out, " from ");
    format_number(option, option->min, out);
    tr_buf_append_text(out, " to ");
    format_number(option, option->max, out);
}

/* The password in scheme://user:PASSWORD@host… */
static char *redact_url(const char *url, const char *authority)
{
    size_t size = strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', size);
    const char *colon = at != NULL ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    if (colon == NULL)
        return tr_strdup(url);
    return tr_printf("%.*s:***%s", (int)(colon - url), url, at);
}

char *tr_config_redact(const char *url)
{
    const char *scheme = strstr(url, "://");
    TR_CLEANUP(tr_freep) char *text = scheme != NULL ? redact_url(url, scheme + 3) : tr_strdup(url);
    /* Also as a parameter or a keyword, quoted or not: nothing after it is worth showing. */
    char *word = strcasestr(text, "password");
    if (word == NULL)
        return TR_TAKE(text);
    return tr_printf("%.*spassword=***", (int)(word - text), text);
}
