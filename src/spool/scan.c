/* SPDX-License-Identifier: MIT */
/*
 * Walking frames. A window of the file slides forward. Where no valid frame stands, every following
 * byte is tried that begins like one, until one does: a frame knows its own position, so nothing
 * inside a payload can be taken for one, and a stretch that was skipped is exactly what is damaged.
 */
#include "spool_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/file.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW_BYTES = 1 << 20 };

void tr_scan_init(struct scan *scan, int fd, const char *name, uint64_t start, uint64_t from,
                  uint64_t end)
{
    *scan = (struct scan){
        .fd = fd,
        .name = name,
        .start = start,
        .position = from,
        .end = end,
        .loaded = from,
        .check_payload = true,
    };
}

void tr_scan_fini(struct scan *scan)
{
    free(scan->data);
    scan->data = NULL;
}

/* Makes at least size bytes from position available, if the file and end allow; *got_out says how
 * many there are. */
static int load(struct scan *scan, uint64_t position, size_t size, const char **at_out,
                size_t *got_out, struct tr_error *error)
{
    if (position > scan->end)
        position = scan->end;
    if (size > scan->end - position)
        size = (size_t)(scan->end - position);
    if (position < scan->loaded || position + size > scan->loaded + scan->size) {
        size_t wanted = size > WINDOW_BYTES ? size : WINDOW_BYTES;
        if (wanted > scan->end - position)
            wanted = (size_t)(scan->end - position);
        if (wanted > scan->capacity) {
            scan->data = tr_realloc(scan->data, wanted);
            scan->capacity = wanted;
        }
        int result = tr_file_read(scan->fd, scan->data, wanted,
                                  SEGMENT_HEADER_BYTES + position - scan->start, &scan->size,
                                  scan->name, error);
        if (result < 0)
            return result;
        scan->loaded = position;
    }
    size_t have = (size_t)(scan->loaded + scan->size - position);
    *at_out = scan->data + (position - scan->loaded);
    *got_out = have < size ? have : size;
    return 0;
}

/* SCAN_FRAME if a whole, good frame stands at position; 0 if not. */
static int frame_at(struct scan *scan, uint64_t position, struct frame *frame_out,
                    struct tr_slice *payload_out, struct tr_error *error)
{
    const char *at = NULL;
    size_t got = 0;
    int result = load(scan, position, FRAME_HEADER_BYTES, &at, &got, error);
    if (result < 0 || got < FRAME_HEADER_BYTES || !tr_frame_decode(at, position, frame_out))
        return result;
    size_t size = FRAME_HEADER_BYTES + frame_out->length;
    if (size > scan->end - position)
        return 0;
    *payload_out = TR_SLICE_NONE;
    if (!scan->check_payload)
        return SCAN_FRAME;
    result = load(scan, position, size, &at, &got, error);
    if (result < 0 || got < size)
        return result;
    *payload_out = tr_slice(at + FRAME_HEADER_BYTES, frame_out->length);
    return tr_frame_payload_good(frame_out, payload_out->data) ? SCAN_FRAME : 0;
}

/* The first place from position on where a frame may begin, or the end. Every start passes the
 * zeros that were reserved behind the last frame, so this goes at the speed of memory. */
static int find_magic(struct scan *scan, uint64_t position, uint64_t *at_out,
                      struct tr_error *error)
{
    while (position + FRAME_HEADER_BYTES <= scan->end) {
        const char *at = NULL;
        size_t got = 0;
        int result = load(scan, position, FRAME_HEADER_BYTES, &at, &got, error);
        if (result < 0)
            return result;
        if (got < FRAME_HEADER_BYTES)
            break;
        size_t have = (size_t)(scan->loaded + scan->size - position);
        const char *found = memmem(at, have, FRAME_MAGIC, strlen(FRAME_MAGIC));
        if (found != NULL) {
            *at_out = position + (uint64_t)(found - at);
            return 0;
        }
        position += have - strlen(FRAME_MAGIC) + 1;
    }
    *at_out = scan->end;
    return 0;
}

int tr_scan_next(struct scan *scan, struct frame *frame_out, struct tr_slice *payload_out,
                 struct tr_error *error)
{
    uint64_t position = scan->position;
    int result = 0;
    while (position + FRAME_HEADER_BYTES <= scan->end) {
        result = frame_at(scan, position, frame_out, payload_out, error);
        if (result == 0)
            result = find_magic(scan, position + 1, &position, error);
        if (result != 0)
            break;
    }
    if (result != SCAN_FRAME)
        return result;
    if (position != scan->position)
        scan->damaged++;
    scan->position = position + FRAME_HEADER_BYTES + frame_out->length;
    return SCAN_FRAME;
}
