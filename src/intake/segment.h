/* SPDX-License-Identifier: MIT */
/* One call of Segment's API, made an event. See segment_map.c. */
#pragma once

#include "traction/event.h"

/* What an item says about its surroundings; absent texts have data NULL. */
struct segment_context {
    struct tr_slice url;
    struct tr_slice referrer;
    struct tr_slice title;
    struct tr_slice campaign_source;
    struct tr_slice campaign_medium;
    struct tr_slice user_agent;
    struct tr_slice ip;
};

/* What a batch says for all of its items. */
struct segment_outer {
    int64_t received_us;
    bool has_sent_at;
    int64_t sent_us;
    struct segment_context context;
};

void tr_segment_read_context(struct segment_context *context_out, struct tr_slice object,
                             struct tr_arena *arena);
/* False: it is no time. */
bool tr_segment_read_sent_at(struct segment_outer *outer, const struct tr_json_value *value,
                             struct tr_arena *arena);

/* Translates an object that was scanned before. type NULL: the item names it. *context_out says
 * what the item, else its batch, says. False: *reject_out says why. */
bool tr_segment_translate(const char *type, struct tr_slice object,
                          const struct segment_outer *outer, struct tr_arena *arena,
                          struct tr_event *event_out, struct segment_context *context_out,
                          struct tr_reject *reject_out);
