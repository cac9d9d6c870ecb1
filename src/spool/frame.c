/* SPDX-License-Identifier: MIT */
/* Frames: the header's bytes are described in README.md. */
#include "spool_priv.h"

#include "traction/base/hash.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
    AT_MAGIC = 0,
    AT_HEADER_CRC = 4,
    AT_LENGTH = 8,
    AT_PAYLOAD_CRC = 12,
    AT_POSITION = 16,
    AT_RECEIVED = 24,
    AT_TAG = 32,
    AT_LABEL = 40,
};

static void put32(char *header, int at, uint32_t value)
{
    value = htole32(value);
    memcpy(header + at, &value, sizeof value);
}

static void put64(char *header, int at, uint64_t value)
{
    value = htole64(value);
    memcpy(header + at, &value, sizeof value);
}

static uint32_t get32(const char *header, int at)
{
    uint32_t value;
    memcpy(&value, header + at, sizeof value);
    return le32toh(value);
}

static uint64_t get64(const char *header, int at)
{
    uint64_t value;
    memcpy(&value, header + at, sizeof value);
    return le64toh(value);
}

static uint32_t header_crc(const char *header)
{
    return tr_crc32c(0, header + AT_LENGTH, FRAME_HEADER_BYTES - AT_LENGTH);
}

size_t tr_spool_frame_begin(struct tr_buf *buf)
{
    static const char blank[FRAME_HEADER_BYTES];
    size_t begin = buf->size;
    tr_buf_append(buf, blank, sizeof blank);
    return begin;
}

void tr_spool_frame_end(struct tr_buf *buf, size_t begin, int64_t received_us, uint64_t tag,
                        uint32_t label)
{
    if (tr_buf_overflowed(buf))
        return;
    char *header = buf->data + begin;
    size_t length = buf->size - begin - FRAME_HEADER_BYTES;
    if (length > FRAME_MAX_BYTES)
        abort();
    memcpy(header + AT_MAGIC, FRAME_MAGIC, sizeof FRAME_MAGIC - 1);
    put32(header, AT_LENGTH, (uint32_t)length);
    put32(header, AT_PAYLOAD_CRC, tr_crc32c(0, header + FRAME_HEADER_BYTES, length));
    put64(header, AT_RECEIVED, (uint64_t)received_us);
    put64(header, AT_TAG, tag);
    put32(header, AT_LABEL, label);
}

void tr_frame_place(char *header, uint64_t position)
{
    put64(header, AT_POSITION, position);
    put32(header, AT_HEADER_CRC, header_crc(header));
}

uint32_t tr_frame_length(const char *header)
{
    return get32(header, AT_LENGTH);
}

bool tr_frame_decode(const char *header, uint64_t position, struct frame *frame_out)
{
    if (memcmp(header + AT_MAGIC, FRAME_MAGIC, strlen(FRAME_MAGIC)) != 0 ||
        get64(header, AT_POSITION) != position ||
        get32(header, AT_HEADER_CRC) != header_crc(header))
        return false;
    *frame_out = (struct frame){
        .length = get32(header, AT_LENGTH),
        .payload_crc = get32(header, AT_PAYLOAD_CRC),
        .position = position,
        .received_us = (int64_t)get64(header, AT_RECEIVED),
        .tag = get64(header, AT_TAG),
        .label = get32(header, AT_LABEL),
    };
    return frame_out->length <= FRAME_MAX_BYTES;
}

bool tr_frame_payload_good(const struct frame *frame, const char *payload)
{
    return tr_crc32c(0, payload, frame->length) == frame->payload_crc;
}
