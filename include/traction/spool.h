/* SPDX-License-Identifier: MIT */
/*
 * The spool: a durable log of opaque records, the truth about what was acknowledged. Appenders hand
 * records to the spool's thread, which writes them together, flushes once, and then releases every
 * ticket that waited (group commit, without a timer). Readers read what is durable. A position is
 * a byte offset since the spool began and only grows. src/spool/README.md describes the files.
 */
#pragma once

#include "traction/base/buf.h"
#include "traction/base/error.h"
#include "traction/base/loop.h"
#include "traction/base/slice.h"

#include <stdint.h>

struct tr_spool;

struct tr_spool_options {
    const char *directory;  /* made if absent; borrowed */
    uint64_t limit_bytes;   /* 10 GiB not yet landed; beyond: TR_SPOOL_FULL */
    uint64_t segment_bytes; /* 64 MiB */
    uint64_t free_bytes;    /* leave at least this much of the disk, 0 … */
    double free_fraction;   /* … or this share of it, 0.05, whichever is more */
    uint64_t pending_bytes; /* handed over and not yet written, 64 MiB; beyond: TR_SPOOL_FULL */
    uint64_t keep_bytes;    /* landed segments are kept for refilling a failed-over database */
    int keep_seconds;       /* 1 GiB, 3600 s */
};
void tr_spool_options_init(struct tr_spool_options *options);

/* Recovers: cuts a torn tail, sets damaged stretches aside, says so in the log. Another process
 * holding the spool is -EBUSY. Appending and waiting work after tr_spool_start(). */
int tr_spool_open(struct tr_spool **spool_out, const struct tr_spool_options *options,
                  struct tr_error *error);
int tr_spool_start(struct tr_spool *spool, struct tr_error *error);
/* Writes what was handed over, releases all tickets, ends the thread. Appending is refused from the
 * moment this is called. */
void tr_spool_stop(struct tr_spool *spool);
void tr_spool_close(struct tr_spool *spool);

/* This spool's identity, made when the directory was. */
const uint8_t *tr_spool_uuid(const struct tr_spool *spool);

/* Appending -------------------------------------------------------------------------------------
 */

enum tr_spool_ack { TR_SPOOL_ACK_DISK, TR_SPOOL_ACK_MEMORY };
enum { TR_SPOOL_FULL = 1, TR_SPOOL_CLOSED = 2 };

/* Embedded in whatever waits; posted to loop when the records are durable (status 0) or will never
 * be (status < 0: answer 503). */
struct tr_spool_ticket {
    struct tr_message message; /* the appender sets message.run */
    struct tr_loop *loop;      /* where to post */
    int status;
};

/* Frames being built: begin, append the record's bytes to buf, end; repeat. tag and label are
 * handed to the reader as they are; records can be counted by label. */
size_t tr_spool_frame_begin(struct tr_buf *buf);
void tr_spool_frame_end(struct tr_buf *buf, size_t begin, int64_t received_us, uint64_t tag,
                        uint32_t label);

/* Any thread. frames is copied. Disk: the ticket comes back once. Memory: ticket is NULL, and the
 * records become durable soon. Refusals: TR_SPOOL_FULL, TR_SPOOL_CLOSED; the ticket is then not
 * taken. */
int tr_spool_append(struct tr_spool *spool, struct tr_slice frames, enum tr_spool_ack ack,
                    struct tr_spool_ticket *ticket);

/* Reading: one reader, on the writer's thread ----------------------------------------------------
 */

struct tr_spool_record {
    struct tr_slice payload; /* in the buffer given to tr_spool_reader_read() */
    uint64_t position;       /* of its first byte */
    uint64_t end;            /* of the byte after it: what to pass to tr_spool_landed() */
    int64_t received_us;
    uint64_t tag;
    uint32_t label;
};

struct tr_spool_reader;
int tr_spool_reader_open(struct tr_spool_reader **reader_out, struct tr_spool *spool,
                         uint64_t position, struct tr_error *error);
void tr_spool_reader_close(struct tr_spool_reader *reader);
/* Fills up to max records, and at most max_bytes of payload, that are durable; *count_out 0: none
 * yet. Damaged stretches are skipped and counted. The records' payloads are in the caller's buffer,
 * whose maximum must be max_bytes and 16 MiB at least, and valid until it is used again. */
int tr_spool_reader_read(struct tr_spool_reader *reader, struct tr_buf *payloads,
                         struct tr_spool_record *records, size_t max, size_t max_bytes,
                         size_t *count_out, struct tr_error *error);
/* Where it will read next: past what was skipped, too. */
uint64_t tr_spool_reader_position(const struct tr_spool_reader *reader);
/* Waits until there is something durable beyond position; false at the timeout or a wake. */
bool tr_spool_wait(struct tr_spool *spool, uint64_t position, int timeout_ms);
void tr_spool_wake(struct tr_spool *spool);
/* Everything before position is in PostgreSQL; segments may go once they are old enough. */
void tr_spool_landed(struct tr_spool *spool, uint64_t position);
/* PostgreSQL says that this spool had landed up to position, which it no longer reaches (files were
 * lost): appends continue from there, or they would be taken for landed. */
void tr_spool_advance(struct tr_spool *spool, uint64_t position);
/* How many durable records of this label lie at or after position. Any thread that may block. */
int tr_spool_count(struct tr_spool *spool, uint64_t position, uint32_t label, uint64_t *count_out,
                   struct tr_error *error);

/* State; any thread ------------------------------------------------------------------------------
 */

struct tr_spool_state {
    uint64_t first; /* oldest byte still kept */
    uint64_t landed;
    uint64_t durable;        /* everything before has been flushed */
    uint64_t appended;       /* everything before has been handed over */
    bool full;               /* appending is refused at present */
    const char *full_reason; /* static: "spool limit", "disk space", "write failed" */
    int failed;              /* < 0: a write or flush failed; the process has to end */
    uint64_t damaged;        /* stretches set aside since this process began */
};
void tr_spool_get_state(struct tr_spool *spool, struct tr_spool_state *state_out);
