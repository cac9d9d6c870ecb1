/* SPDX-License-Identifier: MIT */
/*
 * The properties of an event: kept as the client wrote them, looked through once for what has a
 * column of its own and for what jsonb would refuse. A key that comes twice is legal, and the last
 * one counts, as for jsonb.
 */
#include "event_priv.h"

static const struct tr_slice promoted_names[TR_PROPERTY_COUNT] = {
    [TR_PROPERTY_ROUTE] = {"route", 5},     [TR_PROPERTY_STATUS] = {"status", 6},
    [TR_PROPERTY_FEATURE] = {"feature", 7}, [TR_PROPERTY_GOAL] = {"goal", 4},
    [TR_PROPERTY_PLAN] = {"plan", 4},       [TR_PROPERTY_METRIC] = {"metric", 6},
    [TR_PROPERTY_CHANNEL] = {"channel", 7}, [TR_PROPERTY_COUNTRY] = {"country", 7},
};

/* -1: it has no column. */
static int find_promoted(const struct tr_json_value *key)
{
    struct tr_slice text = tr_slice(key->raw.data + 1, key->raw.size - 2);
    bool escaped = key->flags & TR_JSON_ESCAPED;
    for (int i = 0; i < TR_PROPERTY_COUNT; i++)
        if (escaped ? tr_json_key_is(key, promoted_names[i].data)
                    : tr_slice_equal(text, promoted_names[i]))
            return i;
    return -1;
}

static unsigned key_flags(const struct tr_json_value *key)
{
    unsigned flags = key->flags & TR_JSON_BAD_UTF8;
    return key->flags & TR_JSON_ODD_TEXT ? flags | TR_JSON_ODD_KEY : flags;
}

void tr_properties_walk(struct tr_event_properties *properties, struct tr_json_walk *outer)
{
    const char *begin = outer->at;
    struct tr_json_walk walk;
    struct tr_json_value key;
    struct tr_json_value value;
    tr_json_walk_init(&walk, tr_slice(begin, (size_t)(outer->end - begin)));
    properties->flags = 0;
    properties->depth = 1;
    for (int i = 0; i < TR_PROPERTY_COUNT; i++)
        properties->promoted[i].raw.data = NULL;
    while (tr_json_next_key(&walk, &key) && tr_json_take(&walk, &value)) {
        properties->flags |= value.flags | key_flags(&key);
        if (value.depth >= properties->depth)
            properties->depth = value.depth + 1;
        int index = find_promoted(&key);
        if (index >= 0)
            properties->promoted[index] = value;
    }
    properties->empty = !walk.begun;
    properties->raw = tr_slice(begin, (size_t)(walk.at - begin));
    outer->at = walk.at;
    outer->bad = walk.bad;
}

/* Where the first value with one of these flags is: "properties.a.b". Deeper than a few levels, or
 * behind a key that cannot be shown, the path ends early. */
static const char *path_of(struct tr_slice container, unsigned flags, struct tr_arena *arena)
{
    enum { LEVELS = 16, PATH_MAX_BYTES = 200 };
    const char *path = "properties";
    for (int level = 0; level < LEVELS; level++) {
        struct tr_json_walk walk;
        struct tr_json_value key = {.raw = {NULL, 0}};
        struct tr_json_value value = {.flags = 0};
        tr_json_walk_init(&walk, container);
        bool object = walk.close == '}';
        size_t index = 0;
        for (;; index++) {
            bool more = object ? tr_json_next_key(&walk, &key) : tr_json_next_item(&walk);
            if (!more || !tr_json_take(&walk, &value))
                return path;
            if (value.flags & flags)
                break;
        }
        if (object && (key.flags & (TR_JSON_BAD_UTF8 | TR_JSON_ODD_TEXT)))
            return path;
        struct tr_slice name = object ? tr_json_text(&key, arena) : TR_SLICE_NONE;
        if (strlen(path) + name.size > PATH_MAX_BYTES)
            return path;
        path = object ? tr_arena_printf(arena, "%s.%.*s", path, (int)name.size, name.data)
                      : tr_arena_printf(arena, "%s[%zu]", path, index);
        container = value.raw;
        if (value.depth == 0)
            break;
    }
    return path;
}

bool tr_properties_check(const struct tr_event_properties *properties,
                         const struct tr_event_limits *limits, struct tr_arena *arena,
                         struct tr_reject *reject)
{
    if (properties->raw.size > limits->properties_bytes)
        return tr_refuse(
            reject, "properties", "too_large",
            tr_arena_printf(arena, "expected at most %zu bytes", limits->properties_bytes));
    if (properties->depth > limits->depth)
        return tr_refuse(reject, "properties", "too_deep",
                         tr_arena_printf(arena, "expected nesting at most %d deep", limits->depth));
    if (properties->flags & TR_JSON_BAD_UTF8)
        return tr_refuse(reject, path_of(properties->raw, TR_JSON_BAD_UTF8, arena), "invalid_utf8",
                         "text must be UTF-8");
    if (properties->flags & TR_JSON_ODD_KEY)
        return tr_refuse(reject, path_of(properties->raw, TR_JSON_ODD_KEY, arena), "invalid_text",
                         "keys must not hold NUL or half a surrogate pair");
    if (properties->flags & TR_JSON_WILD_NUMBER)
        return tr_refuse(reject, path_of(properties->raw, TR_JSON_WILD_NUMBER, arena),
                         "out_of_range",
                         "numbers have at most 1,000 characters and exponents from -300 to 300");
    return true;
}

struct tr_slice tr_property_text(const struct tr_json_value *value, struct tr_arena *arena)
{
    if (value->raw.data == NULL || value->type == TR_JSON_NULL || value->depth > 0)
        return TR_SLICE_NONE;
    struct tr_slice text = value->type == TR_JSON_STRING ? tr_json_text(value, arena) : value->raw;
    return text.size > 0 ? tr_text_truncate(text, TR_PROPERTY_TEXT_MAX) : TR_SLICE_NONE;
}
