/* SPDX-License-Identifier: MIT */
/*
 * Reading what is durable, across segments. The reader holds one segment open; as long as it does,
 * no file is removed. Payloads are copied into the reader's own buffer, because a scan's window
 * moves.
 */
#include "spool_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/file.h"
#include "traction/base/log.h"
#include "traction/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAMAGED_COPY_MAX_BYTES = 16 << 20 };

struct tr_spool_reader {
    struct tr_spool *spool;
    uint64_t position; /* of the next frame to look for */
    int fd;            /* of the segment that position lies in; -1: none */
    uint64_t start;
    char *name;
    struct scan scan;
};

int tr_spool_reader_open(struct tr_spool_reader **reader_out, struct tr_spool *spool,
                         uint64_t position, struct tr_error *error)
{
    struct tr_spool_state state;
    tr_spool_get_state(spool, &state);
    if (position > state.durable)
        return tr_error_set(error, -ERANGE,
                            "the spool ends at %" PRIu64 ", but %" PRIu64 " has landed",
                            state.durable, position);
    struct tr_spool_reader *reader = tr_calloc(1, sizeof *reader);
    reader->spool = spool;
    reader->position = position;
    reader->fd = -1;
    *reader_out = reader;
    return 0;
}

static void leave_segment(struct tr_spool_reader *reader)
{
    if (reader->fd < 0)
        return;
    tr_scan_fini(&reader->scan);
    close(reader->fd);
    reader->fd = -1;
    free(reader->name);
    reader->name = NULL;
    pthread_mutex_lock(&reader->spool->lock);
    reader->spool->readers--;
    pthread_mutex_unlock(&reader->spool->lock);
}

void tr_spool_reader_close(struct tr_spool_reader *reader)
{
    if (reader == NULL)
        return;
    leave_segment(reader);
    free(reader);
}

static void count_damage(struct tr_spool *spool, uint64_t stretches)
{
    pthread_mutex_lock(&spool->lock);
    spool->damaged += stretches;
    pthread_mutex_unlock(&spool->lock);
    tr_metric_add(TR_METRIC_SPOOL_DAMAGED, stretches);
}

/* Damaged bytes are copied aside, for whoever may want to look, before their segment goes. */
static void set_aside(struct tr_spool_reader *reader, uint64_t from, uint64_t to)
{
    struct tr_spool *spool = reader->spool;
    count_damage(spool, 1);
    TR_CLEANUP(tr_freep) char *path = tr_printf("%s/damaged-%020" PRIu64, spool->directory, from);
    size_t size = to - from < DAMAGED_COPY_MAX_BYTES ? (size_t)(to - from) : DAMAGED_COPY_MAX_BYTES;
    TR_CLEANUP(tr_freep) char *bytes = tr_malloc(size);
    size_t got = 0;
    struct tr_error error = TR_ERROR_INIT;
    int result = tr_file_read(reader->fd, bytes, size, SEGMENT_HEADER_BYTES + from - reader->start,
                              &got, path, &error);
    if (result == 0)
        result = tr_file_replace(path, bytes, got, 0600, &error);
    tr_log(TR_LOG_ERROR, "spool: %" PRIu64 " damaged bytes at %" PRIu64 " skipped; %s%s", to - from,
           from, result == 0 ? "a copy is in " : "", result == 0 ? path : error.message);
}

/* The segment that holds position, or the first one after it. Under the lock; NULL: none yet. */
static const struct segment *find_segment(const struct tr_spool *spool, uint64_t position)
{
    for (const struct segment *segment = spool->segments; segment != NULL; segment = segment->next)
        if (position < segment->end)
            return segment;
    return NULL;
}

/* Opens the segment of position and moves there; 0 with fd < 0: nothing durable beyond. */
static int enter_segment(struct tr_spool_reader *reader, struct tr_error *error)
{
    struct tr_spool *spool = reader->spool;
    pthread_mutex_lock(&spool->lock);
    const struct segment *segment = find_segment(spool, reader->position);
    char *path = NULL;
    uint64_t missing = 0;
    if (segment != NULL) {
        path = tr_segment_path(spool, segment);
        reader->start = segment->start;
        if (reader->position < segment->start) {
            missing = segment->start - reader->position;
            reader->position = segment->start;
        }
        spool->readers++;
    }
    pthread_mutex_unlock(&spool->lock);
    if (segment == NULL)
        return 0;
    if (missing > 0) {
        count_damage(spool, 1);
        tr_log(TR_LOG_ERROR, "spool: %" PRIu64 " bytes before %" PRIu64 " are missing", missing,
               reader->position);
    }
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0) {
        int code = -errno;
        tr_error_set(error, code, "could not open %s: %s", path, strerror(-code));
        free(path);
        pthread_mutex_lock(&spool->lock);
        spool->readers--;
        pthread_mutex_unlock(&spool->lock);
        return code;
    }
    reader->name = path;
    tr_scan_init(&reader->scan, reader->fd, reader->name, reader->start, reader->position,
                 reader->position);
    return 0;
}

/* How far this segment may be read now, and whether it will not grow any more. */
static uint64_t readable_end(struct tr_spool_reader *reader, bool *sealed_out)
{
    struct tr_spool *spool = reader->spool;
    uint64_t end = reader->position;
    *sealed_out = true;
    pthread_mutex_lock(&spool->lock);
    for (const struct segment *segment = spool->segments; segment != NULL;
         segment = segment->next) {
        if (segment->start != reader->start)
            continue;
        end = segment->end;
        *sealed_out = segment->sealed;
    }
    pthread_mutex_unlock(&spool->lock);
    return end;
}

/* Where records go: the caller's arrays, and what is in them so far. */
struct filling {
    struct tr_buf *payloads;
    struct tr_spool_record *records;
    size_t max;
    size_t max_bytes;
    size_t count;
};

static bool is_filled(const struct filling *filling)
{
    return filling->count == filling->max || filling->payloads->size >= filling->max_bytes;
}

static void take_record(struct filling *filling, const struct frame *frame, struct tr_slice payload)
{
    struct tr_buf *payloads = filling->payloads;
    struct tr_slice copy = tr_slice(payloads->data + payloads->size, payload.size);
    tr_buf_append_slice(payloads, payload);
    filling->records[filling->count++] = (struct tr_spool_record){
        .payload = copy,
        .position = frame->position,
        .end = frame->position + FRAME_HEADER_BYTES + frame->length,
        .received_us = frame->received_us,
        .tag = frame->tag,
        .label = frame->label,
    };
}

/* Reads on in the segment that is open. */
static int read_segment(struct tr_spool_reader *reader, struct filling *filling,
                        struct tr_error *error)
{
    int result = SCAN_FRAME;
    while (!is_filled(filling)) {
        struct frame frame;
        struct tr_slice payload;
        result = tr_scan_next(&reader->scan, &frame, &payload, error);
        if (result != SCAN_FRAME)
            break;
        if (frame.position != reader->position)
            set_aside(reader, reader->position, frame.position);
        take_record(filling, &frame, payload);
        reader->position = frame.position + FRAME_HEADER_BYTES + frame.length;
    }
    return result < 0 ? result : 0;
}

/* Reads what the segment has; *end_out: nothing durable is left anywhere. */
static int read_one_segment(struct tr_spool_reader *reader, struct filling *filling, bool *end_out,
                            struct tr_error *error)
{
    int result = reader->fd < 0 ? enter_segment(reader, error) : 0;
    *end_out = reader->fd < 0;
    if (result < 0 || *end_out)
        return result;
    bool sealed = false;
    uint64_t end = readable_end(reader, &sealed);
    reader->scan.end = end;
    result = read_segment(reader, filling, error);
    if (result < 0 || is_filled(filling))
        return result;
    if (reader->position < end && sealed) {
        set_aside(reader, reader->position, end);
        reader->position = end;
    }
    *end_out = !sealed || reader->position < end;
    if (!*end_out)
        leave_segment(reader);
    return 0;
}

int tr_spool_reader_read(struct tr_spool_reader *reader, struct tr_buf *payloads,
                         struct tr_spool_record *records, size_t max, size_t max_bytes,
                         size_t *count_out, struct tr_error *error)
{
    struct filling filling = {payloads, records, max, max_bytes, 0};
    tr_buf_clear(payloads, SIZE_MAX);
    /* All the room there may be need of, so that nothing moves once it is pointed at. */
    if (tr_buf_reserve(payloads, max_bytes + FRAME_MAX_BYTES) == NULL)
        abort();
    bool end = false;
    while (!end && !is_filled(&filling)) {
        int result = read_one_segment(reader, &filling, &end, error);
        if (result < 0)
            return result;
    }
    *count_out = filling.count;
    return 0;
}

uint64_t tr_spool_reader_position(const struct tr_spool_reader *reader)
{
    return reader->position;
}

/* Counting ----------------------------------------------------------------------------------------
 */

static int count_segment(struct tr_spool_reader *reader, uint64_t to, uint32_t label,
                         uint64_t *count, struct tr_error *error)
{
    bool sealed = false;
    uint64_t end = readable_end(reader, &sealed);
    reader->scan.end = end < to ? end : to;
    reader->scan.check_payload = false;
    int result = SCAN_FRAME;
    while (result == SCAN_FRAME) {
        struct frame frame;
        struct tr_slice payload;
        result = tr_scan_next(&reader->scan, &frame, &payload, error);
        if (result == SCAN_FRAME && frame.label == label)
            (*count)++;
    }
    reader->position = reader->scan.end;
    leave_segment(reader);
    return result;
}

/* Records of the label in [from, to). */
static int count_range(struct tr_spool *spool, uint64_t from, uint64_t to, uint32_t label,
                       uint64_t *count_out, struct tr_error *error)
{
    struct tr_spool_reader *reader = NULL;
    uint64_t count = 0;
    int result = tr_spool_reader_open(&reader, spool, from, error);
    if (reader == NULL)
        return result;
    while (result == 0 && reader->position < to) {
        result = enter_segment(reader, error);
        if (result < 0 || reader->fd < 0)
            break;
        result = count_segment(reader, to, label, &count, error);
    }
    tr_spool_reader_close(reader);
    if (result == 0)
        *count_out = count;
    return result;
}

/* Under counted's lock. */
static int count_on(struct tr_spool *spool, struct counted *counted, uint64_t from, uint64_t to,
                    struct tr_error *error)
{
    uint64_t gone = 0;
    uint64_t come = 0;
    int result = count_range(spool, counted->from, from, counted->label, &gone, error);
    if (result == 0)
        result = count_range(spool, counted->to, to, counted->label, &come, error);
    if (result == 0) {
        counted->from = from;
        counted->to = to;
        counted->count += come - gone;
    }
    return result;
}

int tr_spool_count(struct tr_spool *spool, uint64_t position, uint32_t label, uint64_t *count_out,
                   struct tr_error *error)
{
    struct tr_spool_state state;
    tr_spool_get_state(spool, &state);
    struct counted *counted = &spool->counted;
    pthread_mutex_lock(&counted->lock);
    if (counted->label != label || position < counted->from || position > counted->to) {
        counted->label = label;
        counted->from = position;
        counted->to = position;
        counted->count = 0;
    }
    uint64_t to = state.durable > counted->to ? state.durable : counted->to;
    int result = count_on(spool, counted, position, to, error);
    if (result == 0)
        *count_out = counted->count;
    pthread_mutex_unlock(&counted->lock);
    return result;
}
