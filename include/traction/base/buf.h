/* SPDX-License-Identifier: MIT */
/*
 * A growable byte buffer, born with its maximum. Appending beyond the maximum sets the overflow
 * flag and drops the bytes; the owner checks tr_buf_overflowed() once, at the end. Embedded: init
 * and fini. One thread at a time.
 */
#pragma once

#include "traction/base/slice.h"

#include <stdint.h>

struct tr_buf {
    char *data;
    size_t size;
    size_t capacity;
    size_t max;
    bool overflowed;
};

void tr_buf_init(struct tr_buf *buf, size_t max);
void tr_buf_fini(struct tr_buf *buf);

/* Makes room for size more bytes and returns where to write them, or NULL beyond the maximum.
 * The caller adds what it wrote to buf->size. */
char *tr_buf_reserve(struct tr_buf *buf, size_t size);

void tr_buf_append(struct tr_buf *buf, const void *data, size_t size);
void tr_buf_append_slice(struct tr_buf *buf, struct tr_slice slice);
void tr_buf_append_text(struct tr_buf *buf, const char *text);
void tr_buf_printf(struct tr_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Big-endian integers, as PostgreSQL's binary formats want them. */
void tr_buf_append_u8(struct tr_buf *buf, uint8_t value);
void tr_buf_append_be16(struct tr_buf *buf, uint16_t value);
void tr_buf_append_be32(struct tr_buf *buf, uint32_t value);
void tr_buf_append_be64(struct tr_buf *buf, uint64_t value);

/* Drops the first size bytes. */
void tr_buf_consume(struct tr_buf *buf, size_t size);
/* Empties it; memory is kept, unless more than keep bytes are held, which are given back. */
void tr_buf_clear(struct tr_buf *buf, size_t keep);

static inline bool tr_buf_overflowed(const struct tr_buf *buf)
{
    return buf->overflowed;
}

static inline struct tr_slice tr_buf_slice(const struct tr_buf *buf)
{
    return tr_slice(buf->data != NULL ? buf->data : "", buf->size);
}
