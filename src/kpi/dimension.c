/* SPDX-License-Identifier: MIT */
/*
 * What a question breaks down by and filters with. Names are of this closed list, each a fragment
 * of dimensions.sql; everything else of a condition is a value, and is bound.
 *
 * A condition: [!] dimension (: value | ~ pattern), alternatives parted by "|" ("\|" stands for the
 * character itself). A pattern knows "*" only, and becomes one of LIKE. An empty value matches
 * events that do not have the dimension.
 */
#include "kpi_priv.h"

#include "traction/standard.h"

enum { PROPERTY_MAX_BYTES = 200 };

static const char *const names[] = {
#define X(name) #name,
    TR_KPI_DIMENSIONS(X)
#undef X
};

bool tr_kpi_parse_dimension(struct tr_slice text, struct tr_kpi_dimension *dimension_out)
{
    static const char prefix[] = "properties.";
    *dimension_out = (struct tr_kpi_dimension){.text = text};
    if (tr_slice_starts(text, prefix)) {
        size_t skip = sizeof prefix - 1;
        dimension_out->fragment = "properties";
        dimension_out->property = tr_slice(text.data + skip, text.size - skip);
        return text.size > skip && text.size - skip <= PROPERTY_MAX_BYTES;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tr_slice_is(text, names[i]))
            dimension_out->fragment = names[i];
    return dimension_out->fragment != NULL;
}

bool tr_kpi_parse_vital(struct tr_slice text, struct tr_kpi_dimension *dimension_out)
{
    static const char prefix[] = "web_vital.";
    size_t skip = sizeof prefix - 1;
    if (!tr_slice_starts(text, prefix))
        return false;
    *dimension_out = (struct tr_kpi_dimension){
        .fragment = "web_vital",
        .property = tr_slice(text.data + skip, text.size - skip),
        .text = text,
        .vital = true,
    };
    return tr_vital_find(dimension_out->property) != NULL;
}

/* Copies an alternative, and makes a pattern of it; returns its length. */
static size_t copy_value(struct tr_slice from, bool glob, char *to)
{
    size_t size = 0;
    for (size_t i = 0; i < from.size; i++) {
        char c = from.data[i];
        if (c == '\\' && i + 1 < from.size && from.data[i + 1] == '|')
            c = from.data[++i];
        if (glob && c == '*') {
            to[size++] = '%';
            continue;
        }
        if (glob && (c == '%' || c == '_' || c == '\\'))
            to[size++] = '\\';
        to[size++] = c;
    }
    return size;
}

struct tr_slice tr_kpi_pattern(struct tr_slice glob, struct tr_arena *arena)
{
    char *copy = tr_arena_alloc(arena, 2 * glob.size + 1);
    return tr_slice(copy, copy_value(glob, true, copy));
}

/* The alternative that text begins with. */
static struct tr_slice first_alternative(struct tr_slice text)
{
    size_t size = 0;
    while (size < text.size && text.data[size] != '|')
        size +=
            text.data[size] == '\\' && size + 1 < text.size && text.data[size + 1] == '|' ? 2 : 1;
    return tr_slice(text.data, size);
}

static bool parse_values(struct tr_slice text, struct tr_arena *arena,
                         struct tr_kpi_condition *condition)
{
    size_t most = 1;
    for (size_t i = 0; i < text.size; i++)
        most += text.data[i] == '|';
    condition->values = tr_arena_alloc(arena, most * sizeof *condition->values);
    for (;;) {
        struct tr_slice part = first_alternative(text);
        char *copy = tr_arena_alloc(arena, 2 * part.size + 1);
        condition->values[condition->count++] =
            tr_slice(copy, copy_value(part, condition->glob, copy));
        if (part.size == text.size)
            return condition->count <= TR_KPI_ALTERNATIVES_MAX;
        text = tr_slice(text.data + part.size + 1, text.size - part.size - 1);
    }
}

/* url~/docs/: what begins with a slash is meant to match the path. */
static void url_or_path(struct tr_kpi_condition *condition)
{
    if (strcmp(condition->dimension.fragment, "url") != 0)
        return;
    for (size_t i = 0; i < condition->count; i++)
        if (!tr_slice_starts(condition->values[i], "/"))
            return;
    condition->dimension.fragment = "path";
}

const char *tr_kpi_parse_condition(struct tr_slice text, struct tr_arena *arena,
                                   struct tr_kpi_condition *condition_out)
{
    *condition_out = (struct tr_kpi_condition){.text = text};
    if (text.size > 0 && *text.data == '!') {
        condition_out->negated = true;
        text = tr_slice(text.data + 1, text.size - 1);
    }
    size_t end = 0;
    while (end < text.size && text.data[end] != ':' && text.data[end] != '~')
        end++;
    if (end == text.size)
        return "expected dimension:value or dimension~pattern, such as country:DE or url~/docs/*";
    if (!tr_kpi_parse_dimension(tr_slice(text.data, end), &condition_out->dimension))
        return tr_arena_printf(
            arena, "\"%.*s\" is not a dimension; expected one of " TR_KPI_DIMENSION_LIST, (int)end,
            text.data);
    condition_out->glob = text.data[end] == '~';
    if (!parse_values(tr_slice(text.data + end + 1, text.size - end - 1), arena, condition_out))
        return "expected at most 100 alternatives";
    url_or_path(condition_out);
    return NULL;
}
