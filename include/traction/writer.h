/* SPDX-License-Identifier: MIT */
/*
 * From the spool to the tables, exactly once: a thread that reads durable records, and per batch,
 * in one transaction, leaves out ids already committed, copies the rows, adds the rollups of just
 * those rows and moves the spool's position. src/writer/README.md holds the rules.
 */
#pragma once

#include "traction/base/error.h"
#include "traction/base/loop.h"
#include "traction/pg.h"
#include "traction/spool.h"

#include <stdbool.h>
#include <stdint.h>

struct tr_writer;

struct tr_writer_options {
    const char *database_url;    /* borrowed */
    struct tr_spool *spool;      /* borrowed, open */
    const char *spool_directory; /* borrowed; for unnamed files of known ids */
    size_t batch_events;         /* 32,768 */
    int batch_wait_ms;           /* how long a batch may wait to grow: 200 */
    int64_t dedupe_window_us;    /* 24 h from first receipt */
    int partitions_ahead_days;   /* 14; events may be a day ahead */
};
void tr_writer_options_init(struct tr_writer_options *options);

int tr_writer_start(struct tr_writer **writer_out, const struct tr_writer_options *options,
                    struct tr_error *error);
/* Lands what is durable for up to drain_ms, then ends the thread, also when it waits for
 * PostgreSQL: what it was landing is rolled back, or is found to have landed by whoever connects
 * next. */
void tr_writer_stop(struct tr_writer *writer, int drain_ms);

/* Waiting for the commit (ack=commit). Embedded in whatever waits; posted to loop once all its
 * records are committed, or with committed = false when timeout_ms have passed. */
struct tr_commit_ticket {
    struct tr_message message; /* the waiter sets message.run */
    struct tr_loop *loop;
    uint32_t records; /* how many carry the tag */
    uint32_t done;
    uint32_t duplicates;
    bool committed;
    int64_t deadline_us; /* monotonic */
    uint64_t tag;        /* set by tr_writer_expect() */
    struct tr_commit_ticket *next;
};
/* Any thread, before the append: sets ticket->tag, which the frames must carry. */
void tr_writer_expect(struct tr_writer *writer, struct tr_commit_ticket *ticket);
/* After the append: from now on the ticket also comes back when timeout_ms have passed. */
void tr_writer_set_deadline(struct tr_writer *writer, struct tr_commit_ticket *ticket,
                            int timeout_ms);
/* Posts the tickets whose deadline has passed. Any thread, a few times a second. */
void tr_writer_expire(struct tr_writer *writer);
/* The records will never be durable: the ticket need not come back. False: it is on its way already
 * and has to be waited for. Any thread. */
bool tr_writer_forget(struct tr_writer *writer, struct tr_commit_ticket *ticket);

struct tr_writer_state {
    bool connected;            /* the last attempt to reach PostgreSQL succeeded */
    int64_t landed_through_us; /* everything received before is in PostgreSQL; "as_of" */
    uint64_t landed;           /* spool position */
    char last_error[256];
};
/* Any thread. */
void tr_writer_get_state(struct tr_writer *writer, struct tr_writer_state *state_out);

/* What went with a person. */
struct tr_erased {
    int64_t events;
    int64_t sessions;
    int64_t visitors; /* anonymous ids that had become this user */
    int64_t rejects;  /* refused events that named the user */
    bool landed;      /* false: what was received just before may still land */
};
/* Deletes a user of a project, and the visitors that became this user, as if nothing had ever been
 * sent of them; what has expired stays counted. One transaction on this connection, which may block
 * the landing of batches for as long as reading every event of the project takes; waits at most 5 s
 * for what was received before. Any thread. */
int tr_writer_erase(struct tr_pg *pg, int32_t project_id, struct tr_slice user,
                    struct tr_erased *erased_out, struct tr_error *error);
