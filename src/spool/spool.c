/* SPDX-License-Identifier: MIT */
/*
 * Appending. Whoever appends places frames into `pending` under the lock; the spool's thread takes
 * all of it, writes, flushes once and releases the tickets. While it flushes, the next group
 * gathers: the slower the disk, the larger the groups.
 *
 * Invariants, under the lock:
 *   landed <= durable <= next; next - durable = bytes in pending and writing
 *   positions only grow, but for a group that failed: what was placed after durable is withdrawn,
 *   every ticket of it fails, and the same positions are given again, in a new segment.
 */
#include "spool_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/clock.h"
#include "traction/base/file.h"
#include "traction/base/hash.h"
#include "traction/base/log.h"
#include "traction/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TICK_MS = 200, /* how soon free space is noticed, and segments are removed */
    KEEP_BUFFER_BYTES = 4 << 20,
    LOOPS_MAX = 64,
};

void tr_spool_options_init(struct tr_spool_options *options)
{
    *options = (struct tr_spool_options){
        .limit_bytes = UINT64_C(10) << 30,
        .segment_bytes = UINT64_C(64) << 20,
        .free_bytes = 0,
        .free_fraction = 0.05,
        .pending_bytes = UINT64_C(64) << 20,
        .keep_bytes = UINT64_C(1) << 30,
        .keep_seconds = 3600,
    };
}

/* Identity: 32 hexadecimal digits in a file, so that a copied data folder stays the same spool. */
static int load_identity(struct tr_spool *spool, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *path = tr_printf("%s/identity", spool->directory);
    char text[33];
    if (access(path, F_OK) != 0) {
        tr_random(spool->uuid, sizeof spool->uuid);
        tr_hex(spool->uuid, sizeof spool->uuid, text);
        return tr_file_replace(path, text, 32, 0600, error);
    }
    TR_CLEANUP(tr_freep) char *data = NULL;
    size_t size = 0;
    int result = tr_file_read_all(path, 64, &data, &size, error);
    if (result < 0)
        return result;
    unsigned byte = 0;
    for (size_t i = 0; i < 16; i++) {
        if (size < 32 || sscanf(data + 2 * i, "%2x", &byte) != 1) {
            tr_error_set(error, -EBADMSG, "%s does not hold 32 hexadecimal digits", path);
            return tr_error_hint(error, "Restore the file from a backup of the spool's folder.");
        }
        spool->uuid[i] = (uint8_t)byte;
    }
    return 0;
}

static int lock_directory(struct tr_spool *spool, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *path = tr_printf("%s/lock", spool->directory);
    int result = tr_file_lock(path, &spool->lock_fd, error);
    if (result == TR_FILE_LOCKED) {
        tr_error_set(error, -EBUSY, "the spool %s is in use by another process", spool->directory);
        return tr_error_hint(error, "Stop the other server, or give this one its own folder.");
    }
    return result;
}

int tr_spool_open(struct tr_spool **spool_out, const struct tr_spool_options *options,
                  struct tr_error *error)
{
    struct tr_spool *spool = tr_calloc(1, sizeof *spool);
    spool->options = *options;
    spool->directory = tr_strdup(options->directory);
    spool->options.directory = spool->directory;
    spool->lock_fd = -1;
    spool->fd = -1;
    pthread_mutex_init(&spool->lock, NULL);
    pthread_mutex_init(&spool->counted.lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&spool->work, &attributes);
    pthread_cond_init(&spool->durable, &attributes);
    pthread_condattr_destroy(&attributes);
    tr_buf_init(&spool->pending, options->pending_bytes);
    tr_buf_init(&spool->writing, options->pending_bytes);

    int result = tr_file_make_directory(spool->directory, 0700, error);
    if (result == 0)
        result = lock_directory(spool, error);
    if (result == 0)
        result = load_identity(spool, error);
    if (result == 0)
        result = tr_segments_recover(spool, error);
    if (result < 0) {
        tr_spool_close(spool);
        return result;
    }
    *spool_out = spool;
    return 0;
}

void tr_spool_close(struct tr_spool *spool)
{
    if (spool == NULL)
        return;
    while (spool->segments != NULL) {
        struct segment *next = spool->segments->next;
        free(spool->segments);
        spool->segments = next;
    }
    if (spool->fd >= 0)
        close(spool->fd);
    if (spool->lock_fd >= 0)
        close(spool->lock_fd);
    tr_buf_fini(&spool->pending);
    tr_buf_fini(&spool->writing);
    pthread_cond_destroy(&spool->work);
    pthread_cond_destroy(&spool->durable);
    pthread_mutex_destroy(&spool->lock);
    pthread_mutex_destroy(&spool->counted.lock);
    free(spool->directory);
    free(spool);
}

const uint8_t *tr_spool_uuid(const struct tr_spool *spool)
{
    return spool->uuid;
}

/* Appending -------------------------------------------------------------------------------------
 */

/* Under the lock: why appending is refused now, or NULL. */
static const char *full_reason(const struct tr_spool *spool, size_t size)
{
    if (spool->disk_full != NULL)
        return spool->disk_full;
    if (spool->next_position + size - spool->landed_position > spool->options.limit_bytes)
        return "spool limit";
    if (spool->pending.size + size > spool->options.pending_bytes)
        return "the disk is slower than the events";
    return NULL;
}

static void place_frames(struct tr_spool *spool, struct tr_slice frames)
{
    char *at = spool->pending.data + spool->pending.size;
    memcpy(at, frames.data, frames.size);
    spool->pending.size += frames.size;
    for (char *end = at + frames.size; at < end;) {
        tr_frame_place(at, spool->next_position);
        size_t size = FRAME_HEADER_BYTES + (size_t)tr_frame_length(at);
        spool->next_position += size;
        at += size;
    }
}

static void add_ticket(struct ticket_list *list, struct tr_spool_ticket *ticket)
{
    ticket->message.next = NULL;
    if (list->last != NULL)
        list->last->message.next = &ticket->message;
    else
        list->first = ticket;
    list->last = ticket;
}

int tr_spool_append(struct tr_spool *spool, struct tr_slice frames, enum tr_spool_ack ack,
                    struct tr_spool_ticket *ticket)
{
    pthread_mutex_lock(&spool->lock);
    int outcome = 0;
    if (!spool->running || spool->stopping || spool->failed < 0)
        outcome = TR_SPOOL_CLOSED;
    else if (full_reason(spool, frames.size) != NULL)
        outcome = TR_SPOOL_FULL;
    if (outcome == 0) {
        bool was_empty = spool->pending.size == 0;
        if (tr_buf_reserve(&spool->pending, frames.size) == NULL)
            abort(); /* full_reason() has looked */
        place_frames(spool, frames);
        if (ack == TR_SPOOL_ACK_DISK)
            add_ticket(&spool->tickets, ticket);
        if (was_empty)
            pthread_cond_signal(&spool->work);
    }
    pthread_mutex_unlock(&spool->lock);
    if (outcome != 0)
        tr_metric_add(TR_METRIC_SPOOL_REFUSED, 1);
    return outcome;
}

/* Posts every ticket to its loop, waking each loop once. */
static void release(struct ticket_list *list, int status)
{
    struct {
        struct tr_loop *loop;
        struct tr_message *first;
        struct tr_message *last;
    } chains[LOOPS_MAX];
    size_t count = 0;
    struct tr_message *message = list->first != NULL ? &list->first->message : NULL;
    *list = (struct ticket_list){0};
    while (message != NULL) {
        struct tr_spool_ticket *ticket = (struct tr_spool_ticket *)message;
        message = message->next;
        ticket->status = status;
        size_t i = 0;
        while (i < count && chains[i].loop != ticket->loop)
            i++;
        if (i == count && count == LOOPS_MAX) {
            tr_loop_post(ticket->loop, &ticket->message);
            continue;
        }
        if (i == count)
            chains[count++].first = NULL;
        if (chains[i].first == NULL)
            chains[i].first = &ticket->message;
        else
            chains[i].last->next = &ticket->message;
        chains[i].last = &ticket->message;
        chains[i].loop = ticket->loop;
    }
    for (size_t i = 0; i < count; i++)
        tr_loop_post_chain(chains[i].loop, chains[i].first, chains[i].last);
}

/* The spool's thread ------------------------------------------------------------------------------
 */

static int sync_file(struct tr_spool *spool, struct tr_error *error)
{
    if (fdatasync(spool->fd) == 0)
        return 0;
    int code = -errno;
    return tr_error_set(error, code, "could not flush %s: %s", spool->current->name,
                        strerror(-code));
}

/* Ends the current segment where the durable bytes end; space reserved beyond is given back. */
static int seal(struct tr_spool *spool, struct tr_error *error)
{
    if (spool->current == NULL)
        return 0;
    struct segment *segment = spool->current;
    uint64_t size = SEGMENT_HEADER_BYTES + segment->end - segment->start;
    int result = 0;
    if (ftruncate(spool->fd, (off_t)size) < 0 || fsync(spool->fd) < 0) {
        int code = -errno;
        result = tr_error_set(error, code, "could not seal %s: %s", segment->name, strerror(-code));
    }
    close(spool->fd);
    spool->fd = -1;
    pthread_mutex_lock(&spool->lock);
    segment->sealed = true;
    segment->sealed_at = (time_t)(tr_clock_wall_us() / 1000000);
    spool->current = NULL;
    pthread_mutex_unlock(&spool->lock);
    return result;
}

static int open_segment(struct tr_spool *spool, uint64_t start, struct tr_error *error)
{
    struct segment *segment = NULL;
    int result = tr_segment_create(spool, start, &segment, &spool->fd, error);
    if (result < 0)
        return result;
    pthread_mutex_lock(&spool->lock);
    struct segment **link = &spool->segments;
    /* A segment that never got a byte has the new one's name, and its file was replaced. */
    while (*link != NULL && (*link)->start != start)
        link = &(*link)->next;
    free(*link);
    *link = segment;
    spool->current = segment;
    pthread_mutex_unlock(&spool->lock);
    return 0;
}

/* Whether the disk has room for another segment beyond what is to be left free. */
static const char *disk_reason(struct tr_spool *spool)
{
    uint64_t free_bytes = 0;
    uint64_t total = 0;
    if (tr_file_free_space(spool->directory, &free_bytes, &total, NULL) < 0)
        return "the disk does not answer";
    uint64_t leave = (uint64_t)((double)total * spool->options.free_fraction);
    if (leave < spool->options.free_bytes)
        leave = spool->options.free_bytes;
    return free_bytes < leave ? "disk space" : NULL;
}

static void set_disk_full(struct tr_spool *spool, const char *reason)
{
    pthread_mutex_lock(&spool->lock);
    const char *before = spool->disk_full;
    spool->disk_full = reason;
    pthread_mutex_unlock(&spool->lock);
    if (reason != NULL && before == NULL)
        tr_log(TR_LOG_ERROR, "spool: refusing events (%s); free some space on %s", reason,
               spool->directory);
    if (reason == NULL && before != NULL)
        tr_log(TR_LOG_INFO, "spool: accepting events again");
}

/* Every TICK_MS: is there space, and, after it had run out, a segment to write to? */
static void check_space(struct tr_spool *spool)
{
    int64_t now_us = tr_clock_mono_us();
    if (spool->space_checked_us != 0 && now_us - spool->space_checked_us < TICK_MS * INT64_C(1000))
        return;
    spool->space_checked_us = now_us;
    const char *reason = disk_reason(spool);
    if (reason == NULL && spool->current == NULL &&
        open_segment(spool, spool->durable_position, NULL))
        reason = "disk space";
    set_disk_full(spool, reason);
}

/* Under the lock: nothing that was placed after the durable bytes will be written. */
static struct ticket_list withdraw(struct tr_spool *spool, struct ticket_list *group)
{
    struct ticket_list all = *group;
    if (spool->tickets.first != NULL) {
        if (all.last != NULL)
            all.last->message.next = &spool->tickets.first->message;
        else
            all.first = spool->tickets.first;
        all.last = spool->tickets.last;
    }
    spool->tickets = (struct ticket_list){0};
    spool->pending.size = 0;
    spool->next_position = spool->durable_position;
    return all;
}

/* A group that could not be written. No space: the file is sealed before it, and writing goes on
 * in a new one once there is space. Anything else: what the disk holds is unknown (the pages of a
 * failed flush are marked clean), so nothing more is written and the process has to end. */
static void fail_group(struct tr_spool *spool, struct ticket_list *group,
                       const struct tr_error *error)
{
    bool space = error->code == -ENOSPC || error->code == -EDQUOT || error->code == -EFBIG;
    tr_log(TR_LOG_ERROR, "spool: %s", error->message);
    struct tr_error sealing = TR_ERROR_INIT;
    if (space && seal(spool, &sealing) < 0) {
        tr_log(TR_LOG_ERROR, "spool: %s", sealing.message);
        space = false;
    }
    pthread_mutex_lock(&spool->lock);
    struct ticket_list failed = withdraw(spool, group);
    if (!space)
        spool->failed = error->code;
    else
        spool->disk_full = "disk space";
    pthread_cond_broadcast(&spool->durable);
    pthread_mutex_unlock(&spool->lock);
    release(&failed, error->code);
}

static int write_group(struct tr_spool *spool, struct tr_error *error)
{
    struct segment *segment = spool->current;
    int result = 0;
    if (segment != NULL &&
        segment->end - segment->start + spool->writing.size > spool->options.segment_bytes &&
        segment->end > segment->start)
        result = seal(spool, error);
    if (result == 0 && spool->current == NULL)
        result = open_segment(spool, spool->durable_position, error);
    if (result == 0)
        result = tr_file_write(spool->fd, spool->writing.data, spool->writing.size,
                               SEGMENT_HEADER_BYTES + spool->current->end - spool->current->start,
                               spool->current->name, error);
    if (result == 0)
        result = sync_file(spool, error);
    return result;
}

static void commit_group(struct tr_spool *spool, struct ticket_list *group)
{
    struct tr_error error = TR_ERROR_INIT;
    if (write_group(spool, &error) < 0) {
        fail_group(spool, group, &error);
        return;
    }
    tr_metric_add(TR_METRIC_SPOOL_SYNCS, 1);
    tr_metric_add(TR_METRIC_SPOOL_BYTES, spool->writing.size);
    pthread_mutex_lock(&spool->lock);
    spool->durable_position += spool->writing.size;
    spool->current->end = spool->durable_position;
    pthread_cond_broadcast(&spool->durable);
    pthread_mutex_unlock(&spool->lock);
    release(group, 0);
}

/* Under the lock: takes the oldest segment out if it may go. */
static struct segment *take_old_segment(struct tr_spool *spool, time_t now)
{
    struct segment *oldest = spool->segments;
    if (oldest == NULL || !oldest->sealed || oldest->end > spool->landed_position ||
        spool->readers > 0)
        return NULL;
    bool old = now - oldest->sealed_at >= spool->options.keep_seconds;
    bool many = spool->landed_position - oldest->start > spool->options.keep_bytes;
    if (!old && !many && spool->disk_full == NULL)
        return NULL;
    spool->segments = oldest->next;
    return oldest;
}

static void remove_old_segments(struct tr_spool *spool)
{
    time_t now = (time_t)(tr_clock_wall_us() / 1000000);
    for (;;) {
        pthread_mutex_lock(&spool->lock);
        struct segment *segment = take_old_segment(spool, now);
        pthread_mutex_unlock(&spool->lock);
        if (segment == NULL)
            return;
        TR_CLEANUP(tr_freep) char *path = tr_segment_path(spool, segment);
        if (unlink(path) < 0)
            tr_log(TR_LOG_WARNING, "spool: could not remove %s: %s", path, strerror(errno));
        free(segment);
    }
}

static void wait_for_work(struct tr_spool *spool)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (spool->pending.size == 0 && !spool->stopping && spool->advance_position == 0)
        if (pthread_cond_timedwait(&spool->work, &spool->lock, &until) == ETIMEDOUT)
            break;
}

/* Takes what was handed over; true if there is anything. */
static bool take_group(struct tr_spool *spool, struct ticket_list *group_out)
{
    tr_buf_clear(&spool->writing, KEEP_BUFFER_BYTES);
    struct tr_buf empty = spool->writing;
    spool->writing = spool->pending;
    spool->pending = empty;
    *group_out = spool->tickets;
    spool->tickets = (struct ticket_list){0};
    return spool->writing.size > 0;
}

/* Positions move forward past what PostgreSQL says has landed; between groups only. */
static void follow_advance(struct tr_spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    uint64_t target = spool->advance_position;
    bool go = target > spool->next_position && spool->pending.size == 0;
    pthread_mutex_unlock(&spool->lock);
    if (!go)
        return;
    struct tr_error error = TR_ERROR_INIT;
    if (seal(spool, &error) < 0)
        tr_log(TR_LOG_ERROR, "spool: %s", error.message);
    pthread_mutex_lock(&spool->lock);
    if (spool->pending.size == 0) {
        spool->next_position = target;
        spool->durable_position = target;
        spool->advance_position = 0;
        pthread_cond_broadcast(&spool->durable);
    }
    pthread_mutex_unlock(&spool->lock);
}

static void *run(void *context)
{
    struct tr_spool *spool = context;
    for (;;) {
        struct ticket_list group;
        pthread_mutex_lock(&spool->lock);
        wait_for_work(spool);
        bool something = take_group(spool, &group);
        bool stop = spool->stopping && !something;
        pthread_mutex_unlock(&spool->lock);
        if (something && spool->failed == 0)
            commit_group(spool, &group);
        if (stop)
            break;
        if (spool->failed == 0) {
            follow_advance(spool);
            check_space(spool);
            remove_old_segments(spool);
        }
    }
    return NULL;
}

int tr_spool_start(struct tr_spool *spool, struct tr_error *error)
{
    check_space(spool);
    spool->running = true;
    int result = tr_thread_start(&spool->thread, "spool", run, spool, error);
    if (result < 0)
        spool->running = false;
    return result;
}

void tr_spool_stop(struct tr_spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    bool running = spool->running;
    spool->stopping = true;
    pthread_cond_broadcast(&spool->work);
    pthread_cond_broadcast(&spool->durable);
    pthread_mutex_unlock(&spool->lock);
    if (!running)
        return;
    pthread_join(spool->thread, NULL);
    struct tr_error error = TR_ERROR_INIT;
    if (spool->failed == 0 && seal(spool, &error) < 0)
        tr_log(TR_LOG_ERROR, "spool: %s", error.message);
    spool->running = false;
}

/* What the writer tells, and what anybody may know
 * -------------------------------------------------- */

void tr_spool_landed(struct tr_spool *spool, uint64_t position)
{
    pthread_mutex_lock(&spool->lock);
    spool->landed_position =
        position < spool->durable_position ? position : spool->durable_position;
    pthread_mutex_unlock(&spool->lock);
}

void tr_spool_advance(struct tr_spool *spool, uint64_t position)
{
    pthread_mutex_lock(&spool->lock);
    spool->advance_position = position;
    pthread_cond_broadcast(&spool->work);
    pthread_mutex_unlock(&spool->lock);
}

bool tr_spool_wait(struct tr_spool *spool, uint64_t position, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&spool->lock);
    while (spool->durable_position <= position && !spool->woken && !spool->stopping)
        if (pthread_cond_timedwait(&spool->durable, &spool->lock, &until) == ETIMEDOUT)
            break;
    spool->woken = false;
    bool more = spool->durable_position > position;
    pthread_mutex_unlock(&spool->lock);
    return more;
}

void tr_spool_wake(struct tr_spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    spool->woken = true;
    pthread_cond_broadcast(&spool->durable);
    pthread_mutex_unlock(&spool->lock);
}

void tr_spool_get_state(struct tr_spool *spool, struct tr_spool_state *state_out)
{
    pthread_mutex_lock(&spool->lock);
    const char *reason = full_reason(spool, 0);
    *state_out = (struct tr_spool_state){
        .first = spool->segments != NULL ? spool->segments->start : spool->next_position,
        .landed = spool->landed_position,
        .durable = spool->durable_position,
        .appended = spool->next_position,
        .full = reason != NULL,
        .full_reason = reason,
        .failed = spool->failed,
        .damaged = spool->damaged,
    };
    pthread_mutex_unlock(&spool->lock);
}
