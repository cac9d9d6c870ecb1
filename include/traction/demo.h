/* SPDX-License-Identifier: MIT */
/*
 * The demo: 90 days of Planboard, a small product that does not exist, as the events it would have
 * sent. docs/demo.md tells its story. A generator of text: no I/O, no clock, one thread at a time.
 * Equal options give equal bytes, so a load that was cut off is repeated and each event counts
 * once.
 */
#pragma once

#include "traction/base/alloc.h"
#include "traction/base/slice.h"

#include <stdint.h>

struct tr_demo;

enum { TR_DEMO_DAYS = 90 };

struct tr_demo_options {
    uint64_t seed;
    /* Nothing happens at or after it. The story begins at midnight UTC, 89 days before its day. */
    int64_t end_us;
    int64_t events;   /* about how many; the product is as large as that takes */
    int batch_events; /* at most, in a batch */
    size_t batch_bytes;
};

/* Seed 1, a million events, batches as POST /v1/events takes them; end_us is the caller's. */
void tr_demo_options_init(struct tr_demo_options *options);

/* Events that one User-Agent sends within a day, in the order they are sent: NDJSON. A few were
 * held back by a device without a connection, so their timestamps are older than those before. */
struct tr_demo_batch {
    const char *user_agent;
    struct tr_slice body;
    int events;
};

struct tr_demo *tr_demo_new(const struct tr_demo_options *options);
void tr_demo_free(struct tr_demo *demo);
TR_DEFINE_CLEANUP(struct tr_demo, tr_demo_free)
/* False at the end. What it returns is borrowed until the next call. */
bool tr_demo_next(struct tr_demo *demo, struct tr_demo_batch *batch_out);

/* What was done to the product and when, to be marked in charts; in the order of time. Marks at or
 * after end_us are not there. */
struct tr_demo_mark {
    int64_t at_us;
    const char *kind; /* release, campaign */
    const char *title;
};
const struct tr_demo_mark *tr_demo_marks(const struct tr_demo *demo, size_t *count_out);

/* What has been generated so far, bots included: what KPIs can be held against. */
enum { TR_DEMO_NAMES = 19 };
struct tr_demo_facts {
    int64_t from_us;
    int64_t to_us;
    int64_t events;
    int64_t by_name[TR_DEMO_NAMES];
    int64_t bot_events;
    /* The release that was taken back, and what it did. */
    int64_t broken_from_us;
    int64_t broken_to_us;
    int64_t broken_saves;     /* api_request to /api/boards meanwhile … */
    int64_t failed_saves;     /* … and those of them with status 500 */
    int64_t people_hit;       /* by at least one of these */
    int64_t outage_tickets;   /* ticket_opened about it */
    int64_t outage_cancelled; /* subscription_cancelled that name it … */
    int64_t outage_monthly;   /* … and the monthly amount that went with them, any currency */
};
void tr_demo_get_facts(const struct tr_demo *demo, struct tr_demo_facts *facts_out);
/* The names that by_name counts, in its order. Static. */
const char *tr_demo_name(int index);
