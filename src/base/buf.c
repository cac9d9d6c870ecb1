/* SPDX-License-Identifier: MIT */
#include "traction/base/buf.h"

#include "traction/base/alloc.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_FIRST = 256 };

void tr_buf_init(struct tr_buf *buf, size_t max)
{
    *buf = (struct tr_buf){.max = max};
}

void tr_buf_fini(struct tr_buf *buf)
{
    free(buf->data);
    *buf = (struct tr_buf){0};
}

char *tr_buf_reserve(struct tr_buf *buf, size_t size)
{
    if (size > buf->max - buf->size) {
        buf->overflowed = true;
        return NULL;
    }
    size_t needed = buf->size + size;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : CAPACITY_FIRST;
        while (capacity < needed)
            capacity *= 2;
        if (capacity > buf->max)
            capacity = buf->max;
        buf->data = tr_realloc(buf->data, capacity);
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

void tr_buf_append(struct tr_buf *buf, const void *data, size_t size)
{
    if (size == 0)
        return;
    char *place = tr_buf_reserve(buf, size);
    if (place == NULL)
        return;
    memcpy(place, data, size);
    buf->size += size;
}

void tr_buf_append_slice(struct tr_buf *buf, struct tr_slice slice)
{
    tr_buf_append(buf, slice.data, slice.size);
}

void tr_buf_append_text(struct tr_buf *buf, const char *text)
{
    tr_buf_append(buf, text, strlen(text));
}

void tr_buf_printf(struct tr_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        abort();
    tr_buf_append(buf, text, (size_t)length);
    free(text);
}

void tr_buf_append_u8(struct tr_buf *buf, uint8_t value)
{
    tr_buf_append(buf, &value, sizeof value);
}

void tr_buf_append_be16(struct tr_buf *buf, uint16_t value)
{
    value = htobe16(value);
    tr_buf_append(buf, &value, sizeof value);
}

void tr_buf_append_be32(struct tr_buf *buf, uint32_t value)
{
    value = htobe32(value);
    tr_buf_append(buf, &value, sizeof value);
}

void tr_buf_append_be64(struct tr_buf *buf, uint64_t value)
{
    value = htobe64(value);
    tr_buf_append(buf, &value, sizeof value);
}

void tr_buf_consume(struct tr_buf *buf, size_t size)
{
    if (size >= buf->size) {
        buf->size = 0;
        return;
    }
    memmove(buf->data, buf->data + size, buf->size - size);
    buf->size -= size;
}

void tr_buf_clear(struct tr_buf *buf, size_t keep)
{
    buf->size = 0;
    buf->overflowed = false;
    if (buf->capacity > keep) {
        free(buf->data);
        buf->data = NULL;
        buf->capacity = 0;
    }
}
