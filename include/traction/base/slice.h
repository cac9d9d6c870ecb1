/* SPDX-License-Identifier: MIT */
/* A slice is borrowed bytes with a length: never terminated, never owned. data is NULL when absent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct tr_slice {
    const char *data;
    size_t size;
};

#define TR_SLICE(literal) ((struct tr_slice){(literal), sizeof(literal) - 1})
#define TR_SLICE_NONE ((struct tr_slice){NULL, 0})

static inline struct tr_slice tr_slice(const char *data, size_t size)
{
    return (struct tr_slice){data, size};
}

static inline struct tr_slice tr_slice_of(const char *text)
{
    return (struct tr_slice){text, text != NULL ? strlen(text) : 0};
}

static inline bool tr_slice_is(struct tr_slice slice, const char *text)
{
    size_t size = strlen(text);
    return slice.size == size && (size == 0 || memcmp(slice.data, text, size) == 0);
}

static inline bool tr_slice_is_nocase(struct tr_slice slice, const char *text)
{
    size_t size = strlen(text);
    return slice.size == size && (size == 0 || strncasecmp(slice.data, text, size) == 0);
}

static inline bool tr_slice_equal(struct tr_slice a, struct tr_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* As memcmp(), a beginning before what it begins. */
static inline int tr_slice_compare(struct tr_slice a, struct tr_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static inline bool tr_slice_starts(struct tr_slice slice, const char *prefix)
{
    size_t size = strlen(prefix);
    return slice.size >= size && memcmp(slice.data, prefix, size) == 0;
}
