/* SPDX-License-Identifier: MIT */
/*
 * Addresses of pages, taken apart leniently: whatever a browser says is kept, but for what may be
 * private. Credentials and the fragment are dropped, and of the query all parameters that are not
 * about where somebody came from.
 */
#include "event_priv.h"

static const char *find_char(struct tr_slice text, char c)
{
    return text.size > 0 ? memchr(text.data, c, text.size) : NULL;
}

/* What stands before the first c; *rest_out is what stands behind it, absent if there is none. */
static struct tr_slice split(struct tr_slice text, char c, struct tr_slice *rest_out)
{
    const char *place = find_char(text, c);
    if (place == NULL) {
        *rest_out = TR_SLICE_NONE;
        return text;
    }
    size_t size = (size_t)(place - text.data);
    *rest_out = tr_slice(place + 1, text.size - size - 1);
    return tr_slice(text.data, size);
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Length of "scheme:"; 0 for a relative URL. */
static size_t scheme_size(struct tr_slice text)
{
    if (text.size == 0 || !is_alpha(text.data[0]))
        return 0;
    for (size_t i = 1; i < text.size; i++) {
        char c = text.data[i];
        if (c == ':')
            return i + 1;
        if (!is_alpha(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.')
            return 0;
    }
    return 0;
}

static struct tr_slice lower(struct tr_slice text, struct tr_arena *arena)
{
    size_t i = 0;
    while (i < text.size && !(text.data[i] >= 'A' && text.data[i] <= 'Z'))
        i++;
    if (i == text.size)
        return text;
    char *copy = tr_arena_strndup(arena, text.data, text.size);
    for (; i < text.size; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] | 0x20);
    return tr_slice(copy, text.size);
}

/* Host of "user:password@host:port", and where the host begins. */
static struct tr_slice host_of(struct tr_slice authority, const char **begin_out)
{
    for (const char *at = find_char(authority, '@'); at != NULL; at = find_char(authority, '@'))
        authority = tr_slice(at + 1, authority.size - (size_t)(at + 1 - authority.data));
    *begin_out = authority.data;
    size_t size = authority.size;
    for (size_t i = size; i > 0 && authority.data[i - 1] != ']'; i--)
        if (authority.data[i - 1] == ':')
            size = i - 1;
    return tr_slice(authority.data, size);
}

/* Whether a parameter is in the list, which is names separated by spaces or commas. */
static bool is_allowed(struct tr_slice parameter, const char *list)
{
    static const char separators[] = " ,";
    struct tr_slice value;
    struct tr_slice name = split(parameter, '=', &value);
    for (size_t size; list += strspn(list, separators), *list != '\0'; list += size) {
        size = strcspn(list, separators);
        if (tr_slice_equal(name, tr_slice(list, size)) || (size == 1 && *list == '*'))
            return true;
    }
    return false;
}

/* Bytes of "?" and the allowed parameters. */
static size_t query_size(struct tr_slice query, const char *allowed)
{
    size_t size = 0;
    while (query.data != NULL) {
        struct tr_slice parameter = split(query, '&', &query);
        if (is_allowed(parameter, allowed))
            size += 1 + parameter.size;
    }
    return size;
}

static char *put(char *at, const void *data, size_t size)
{
    if (size > 0)
        memcpy(at, data, size);
    return at + size;
}

/* "?" and the allowed parameters, in their order. */
static char *put_query(char *at, struct tr_slice query, const char *allowed)
{
    char separator = '?';
    while (query.data != NULL) {
        struct tr_slice parameter = split(query, '&', &query);
        if (!is_allowed(parameter, allowed))
            continue;
        *at++ = separator;
        at = put(at, parameter.data, parameter.size);
        separator = '&';
    }
    return at;
}

struct tr_slice tr_url_parameter(struct tr_slice query, const char *name)
{
    while (query.data != NULL) {
        struct tr_slice value;
        struct tr_slice parameter = split(query, '&', &query);
        if (tr_slice_is(split(parameter, '=', &value), name) && value.size > 0)
            return value;
    }
    return TR_SLICE_NONE;
}

/* head has neither query nor fragment. Fills host and path; returns where the host begins, or NULL
 * when there is none. */
static const char *parse_head(struct tr_url *url, struct tr_slice head, size_t scheme)
{
    struct tr_slice rest = tr_slice(head.data + scheme, head.size - scheme);
    if (!tr_slice_starts(rest, "//")) {
        if (scheme == 0 && rest.size > 0)
            url->path = rest;
        return NULL;
    }
    struct tr_slice path;
    rest = tr_slice(rest.data + 2, rest.size - 2);
    struct tr_slice authority = split(rest, '/', &path);
    const char *begin = NULL;
    struct tr_slice host = host_of(authority, &begin);
    url->path = path.data != NULL ? tr_slice(path.data - 1, path.size + 1) : TR_SLICE("/");
    if (host.size > 0)
        url->host = host;
    return begin;
}

bool tr_url_parse(struct tr_url *url_out, struct tr_slice text, const char *parameters, size_t max,
                  struct tr_arena *arena)
{
    struct tr_slice fragment;
    *url_out = (struct tr_url){.text = TR_SLICE_NONE};
    struct tr_slice head = split(split(text, '#', &fragment), '?', &url_out->query);
    size_t scheme = scheme_size(head);
    const char *host = parse_head(url_out, head, scheme);
    const char *after_slashes = head.data + scheme + 2;
    struct tr_slice front = host != NULL ? tr_slice(head.data, scheme + 2) : TR_SLICE("");
    struct tr_slice back =
        host != NULL ? tr_slice(host, (size_t)(head.data + head.size - host)) : head;
    size_t kept = query_size(url_out->query, parameters);
    if (front.size + back.size + kept > max)
        return false;
    url_out->host = url_out->host.data != NULL ? lower(url_out->host, arena) : TR_SLICE_NONE;
    if (kept == 0 && (host == NULL || host == after_slashes)) {
        url_out->text = head.size > 0 ? head : TR_SLICE_NONE;
        return true;
    }
    char *copy = tr_arena_alloc(arena, front.size + back.size + kept);
    char *at = put(copy, front.data, front.size);
    at = put(at, back.data, back.size);
    at = put_query(at, url_out->query, parameters);
    url_out->text = tr_slice(copy, (size_t)(at - copy));
    return true;
}
