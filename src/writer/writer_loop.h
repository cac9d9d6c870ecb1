/* SPDX-License-Identifier: MIT */
/* The writer itself, shared by writer.c, connect.c, land.c and tickets.c. */
#pragma once

#include "writer_priv.h"

#include <pthread.h>

enum { TICKET_BUCKETS = 1024 };

/* Those who wait for a commit, by tag; any thread. */
struct tickets {
    pthread_mutex_t lock;
    struct tr_commit_ticket *buckets[TICKET_BUCKETS];
    size_t count;
    uint64_t next_tag;
};

struct tr_helper;

/* What was read and prepared, before it lands. There are two: one lands while the next is read. */
struct batch {
    struct tr_spool_record *records;
    struct item *items;
    size_t count;
    struct tr_buf payloads; /* what the records' and items' texts point into */
    struct tr_arena *arena;
};

struct tr_writer {
    struct tr_writer_options options;
    pthread_t thread;
    struct tr_mailbox *mailbox; /* only ever woken */
    struct tr_pg_interrupt *interrupt;
    struct tickets tickets;

    pthread_mutex_t lock;
    struct tr_writer_state state; /* guarded by lock */
    bool stopping;                /* guarded by lock */
    int64_t stop_by_us;           /* guarded by lock */
    bool ended;                   /* guarded by lock */
    pthread_cond_t has_ended;     /* of the monotonic clock */

    /* the thread's own; valid while connected */
    struct tr_pg *pg;
    struct tr_spool_reader *reader;
    int server_id;
    uint64_t position; /* as PostgreSQL has it */
    int64_t last_run;  /* the ids of all runs up to this one are in ids */
    int64_t erasures;  /* how often somebody had been erased when last looked; -1: unknown */
    int64_t newest_us; /* no event that has landed was received later */
    int64_t maintained_us;
    int64_t retention_us; /* when it is due */
    bool retention_failed;
    int64_t heartbeat_us;
    int retry_ms;

    struct tr_helper *copier;   /* sends rows */
    struct tr_helper *prefetch; /* reads the next batch */
    bool prefetching;
    struct batch batches[2];
    struct batch *batch; /* the one that lands */
    struct id_index *ids;
    struct calendars *calendars;
    struct partitions *partitions;
    struct members *members;
    struct people *people;
    struct aliases *aliases;
    struct visits *visits; /* of the landing under way; in its arena */
    struct tr_pg_params *params;
    struct tr_arena *attempt_arena; /* of one transaction */
};

/* prepare.c */
void tr_item_prepare(struct item *item, const struct tr_spool_record *from, struct tr_arena *arena);
void tr_item_quarantine(struct item *item, const char *sqlstate, const char *message,
                        struct tr_arena *arena);
int tr_items_mark_duplicates(struct item *items, size_t count, struct id_index *index,
                             struct tr_arena *arena, struct tr_error *error);

/* connect.c: connecting finds out, from PostgreSQL alone, what has landed. */
int tr_writer_connect(struct tr_writer *writer, struct tr_error *error);
void tr_writer_disconnect(struct tr_writer *writer);
/* Reads the ids of other servers' runs up to this one. */
int tr_writer_catch_up(struct tr_writer *writer, int64_t run, int64_t since_us,
                       struct tr_error *error);
/* Prunes ids and refused events, makes partitions ahead. */
int tr_writer_maintain(struct tr_writer *writer, struct tr_error *error);

/* retention.c: deletes a piece of what is older than its project keeps, if that is due. */
int tr_retention_step(struct tr_writer *writer, struct tr_error *error);
/* Under the lock of the head: what is stored on a day that has expired will be deleted as well. */
int tr_retention_note_late(struct tr_writer *writer, const struct landing *landing,
                           struct tr_error *error);

/* land.c: all items, in one transaction or, when PostgreSQL refuses one of them, in several. */
int tr_writer_land(struct tr_writer *writer, struct item *items, size_t count,
                   struct tr_error *error);

/* batch.c: reads the next batch into writer->batch; while it lands, tr_batches_prefetch() lets
 * the one after it be read. */
void tr_batches_init(struct tr_writer *writer);
void tr_batches_fini(struct tr_writer *writer);
int tr_batches_next(struct tr_writer *writer, struct tr_error *error);
void tr_batches_prefetch(struct tr_writer *writer);
/* Before the reader is closed. */
void tr_batches_abandon(struct tr_writer *writer);

/* helper.c: start, then finish, in turn. */
int tr_helper_new(struct tr_helper **helper_out, const char *name, struct tr_error *error);
void tr_helper_free(struct tr_helper *helper);
void tr_helper_start(struct tr_helper *helper, int (*task)(void *context, struct tr_error *error),
                     void *context);
int tr_helper_finish(struct tr_helper *helper, struct tr_error *error);

/* copy.c: a helper's task; the context is the landing. */
int tr_copy_rows(void *context, struct tr_error *error);

/* tickets.c */
void tr_tickets_init(struct tickets *tickets);
void tr_tickets_fini(struct tickets *tickets);
bool tr_tickets_waiting(struct tickets *tickets);
void tr_tickets_committed(struct tickets *tickets, const struct item *items, size_t count);
