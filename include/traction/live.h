/* SPDX-License-Identifier: MIT */
/*
 * The last minutes of a project, every second: a thread of its own, with a PostgreSQL connection as
 * long as somebody listens, reads the notes that the writers of all servers leave
 * (traction.live_note, traction.live_minute) and hands each subscribed loop one frame per project
 * and second, the same for all. src/live/README.md has the rules. Nothing here knows of HTTP.
 */
#pragma once

#include "traction/base/error.h"
#include "traction/base/loop.h"
#include "traction/base/slice.h"

#include <stdint.h>

struct tr_live;

struct tr_live_options {
    const char *database_url; /* borrowed */
    int projects;             /* 100 watched at the same time */
};
void tr_live_options_init(struct tr_live_options *options);
int tr_live_start(struct tr_live **live_out, const struct tr_live_options *options,
                  struct tr_error *error);
/* After the subscribers' loops have ended and before they are freed. */
void tr_live_stop(struct tr_live *live);

/* Text as a listener gets it: server-sent events (WHATWG HTML section 9.2). */
enum tr_live_text { TR_LIVE_PLAIN, TR_LIVE_WITH_PROPERTIES, TR_LIVE_TEXTS };
enum { TR_LIVE_EVENTS = 10 }; /* a frame's at most */

struct tr_live_event {
    int64_t run; /* its id */
    struct tr_slice text[TR_LIVE_TEXTS];
};

/* Immutable. */
struct tr_live_frame {
    int64_t number; /* from 1, growing; of this project on this server */
    struct tr_slice stats;
    /* What is new since the frame before, then the stats. */
    struct tr_slice next[TR_LIVE_TEXTS];
    /* The newest there are, oldest first: for those who come new. */
    struct tr_live_event events[TR_LIVE_EVENTS];
    size_t event_count;
};
/* Any thread. */
struct tr_live_frame *tr_live_frame_keep(struct tr_live_frame *frame);
void tr_live_frame_free(struct tr_live_frame *frame); /* when the last who kept it lets go */

struct tr_live_subscription;
struct tr_live_subscriber {
    int32_t project_id;
    struct tr_loop *loop;
    /* On the loop's thread, about once a second, the first soon. A loop that is late gets the
     * newest frame only. take_frame is its own. */
    void (*on_frame)(struct tr_live_frame *take_frame, void *context);
    void *context;
};
/* Any thread. NULL: too many projects are watched already. */
struct tr_live_subscription *tr_live_subscribe(struct tr_live *live,
                                               const struct tr_live_subscriber *subscriber);
/* Loop's thread: on_frame() is not called any more. */
void tr_live_unsubscribe(struct tr_live_subscription *subscription);
