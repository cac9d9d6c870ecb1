/* SPDX-License-Identifier: MIT */
/* POST /v1/events: Traction's own protocol. */
#include "intake_priv.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static void on_head(struct tr_http_request *request, void *context)
{
    tr_door_open(context, request, DOOR_KEY_IN_HEAD);
}

static json_t *list_rejects(const struct door *door)
{
    json_t *list = json_array();
    for (const struct door_reject *at = door->rejects; at != NULL; at = at->next)
        json_array_append_new(list,
                              json_pack("{s:I, s:s, s:s, s:s}", "index",
                                        (json_int_t)at->reject.index, "field", at->reject.field,
                                        "code", at->reject.code, "message", at->reject.message));
    return list;
}

static void reply_in_full(struct door *door, int status, bool committed)
{
    json_t *answer = json_pack("{s:I, s:o}", "accepted", (json_int_t)door->accepted, "rejected",
                               list_rejects(door));
    if (door->ack == TR_INTAKE_ACK_COMMIT) {
        json_object_set_new(answer, "duplicates", json_integer(door->commit.duplicates));
        json_object_set_new(answer, "committed", json_boolean(committed));
    }
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    tr_door_respond(door->request, status, "application/json", tr_slice_of(text), NULL, 0);
    free(text);
}

static void reply(struct door *door, enum door_outcome outcome)
{
    if (tr_door_respond_refusal(door, outcome))
        return;
    if (door->rejected > 0 || door->ack == TR_INTAKE_ACK_COMMIT) {
        reply_in_full(door, tr_door_all_bad(door) ? 400 : 202, outcome == DOOR_DONE);
        return;
    }
    char text[64];
    int size = snprintf(text, sizeof text, "{\"accepted\":%zu,\"rejected\":[]}", door->accepted);
    tr_door_respond(door->request, 202, "application/json", tr_slice(text, (size_t)size), NULL, 0);
}

/* False: more events than a request may have. */
static bool read_events(struct door *door, struct tr_event_reader *reader)
{
    for (size_t index = 0;; index++) {
        struct tr_event event = {0};
        struct tr_reject reject = {0};
        struct tr_slice raw = TR_SLICE_NONE;
        int outcome = tr_event_reader_next(reader, &event, &raw, &reject);
        if (outcome == TR_EVENT_READ)
            tr_door_event(door, &event, index, raw);
        else if (outcome == TR_EVENT_REFUSED || outcome == TR_EVENT_BODY_BAD)
            tr_door_reject(door, &reject, raw);
        if (outcome != TR_EVENT_READ && outcome != TR_EVENT_REFUSED)
            return outcome != TR_EVENT_TOO_MANY;
    }
}

static void on_request(struct tr_http_request *request, void *context)
{
    struct tr_intake *intake = context;
    struct door *door = tr_door_of(request);
    struct tr_event_reader reader;
    tr_event_reader_init(&reader, request->body, request->received_us, &intake->options.limits,
                         request->arena);
    tr_door_begin(door, TR_SLICE("/v1/events"));
    if (read_events(door, &reader))
        tr_door_finish(door, reply);
    else
        tr_door_refuse(door, 413, "too_many_events",
                       tr_arena_printf(request->arena, "a request may have %zu events",
                                       intake->options.limits.events));
}

const struct tr_http_route tr_events_routes[] = {
    {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/events", on_head, on_request, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_OPTIONS), "/v1/events", NULL, tr_door_preflight, NULL},
};
const size_t tr_events_route_count = sizeof tr_events_routes / sizeof *tr_events_routes;
