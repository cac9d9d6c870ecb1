/* SPDX-License-Identifier: MIT */
/*
 * A thread is a loop with a mailbox. There are two kinds of loop:
 *
 *   tr_mailbox  for threads that block (on the disk, on PostgreSQL): post and wait;
 *   tr_loop     for threads that block on nothing: libevent's base, woken by its mailbox.
 *
 * A message is embedded in whatever it is about. Posting hands the object over: the poster must
 * not touch it again until it comes back as a message of its own.
 */
#pragma once

#include "traction/base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Starts a thread that top and ps show by this name (at most 15 characters). */
int tr_thread_start(pthread_t *thread_out, const char *name, void *(*run)(void *context),
                    void *context, struct tr_error *error);

struct tr_message {
    struct tr_message *next;
    void (*run)(struct tr_message *message); /* called once, on the receiving thread */
};

struct tr_mailbox;
struct tr_mailbox *tr_mailbox_new(void);
void tr_mailbox_free(struct tr_mailbox *mailbox); /* messages still in it must be gone */
/* Any thread; never blocks for long. */
void tr_mailbox_post(struct tr_mailbox *mailbox, struct tr_message *message);
/* Wakes the waiter without a message. Any thread. */
void tr_mailbox_wake(struct tr_mailbox *mailbox);
/* Takes all messages in the order they were posted; waits at most timeout_ms (< 0: for ever) for
 * the first. Returns NULL at the timeout or after a wake. One thread. */
struct tr_message *tr_mailbox_wait(struct tr_mailbox *mailbox, int timeout_ms);
/* Takes the oldest message only. For several threads sharing a mailbox. */
struct tr_message *tr_mailbox_wait_one(struct tr_mailbox *mailbox, int timeout_ms);

struct event_base;
struct tr_loop;
int tr_loop_new(struct tr_loop **loop_out, struct tr_error *error);
void tr_loop_free(struct tr_loop *loop);
/* For those who add events of their own: http, cluster, server, cli. Loop's thread or before it. */
struct event_base *tr_loop_base(struct tr_loop *loop);
/* Runs until tr_loop_stop(). */
void tr_loop_run(struct tr_loop *loop);
/* Any thread. */
void tr_loop_stop(struct tr_loop *loop);
/* Any thread. message->run is called on the loop's thread, never inside this call. */
void tr_loop_post(struct tr_loop *loop, struct tr_message *message);
/* Posts a chain of messages, linked by next, with a single wake. */
void tr_loop_post_chain(struct tr_loop *loop, struct tr_message *first, struct tr_message *last);
