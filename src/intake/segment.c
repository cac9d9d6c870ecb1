/* SPDX-License-Identifier: MIT */
/*
 * Segment's HTTP API: /v1/track and its kin, /v1/batch, and the settings that the browser SDK asks
 * for. The write key may be in the body, so a request without one, or with a wrong one, is let in
 * and judged when the body is there. docs/protocols/segment.md says what is the same as at Segment.
 */
#include "segment.h"
#include "intake_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { SINGLE_BYTES_MAX = 32 << 10, BATCH_BYTES_MAX = 500 << 10, BATCH_EVENTS_MAX = 2500 };

/* Answers ------------------------------------------------------------------------------------- */

static void respond_failure(struct tr_http_request *request, int status, const char *message)
{
    struct tr_buf body;
    tr_buf_init(&body, 4096);
    tr_buf_append_text(&body, "{\"success\":false,\"message\":");
    tr_json_append_string(&body, tr_slice_of(message));
    tr_buf_append_text(&body, "}");
    tr_door_respond(request, status, "application/json", tr_buf_slice(&body), NULL, 0);
    tr_buf_fini(&body);
}

static void respond_success(struct tr_http_request *request)
{
    tr_door_respond(request, 200, "application/json", TR_SLICE("{\"success\":true}"), NULL, 0);
}

/* A batch succeeds, whatever became of its items: the SDKs would throw all of it away. */
static void reply_to_batch(struct door *door, enum door_outcome outcome)
{
    if (!tr_door_respond_refusal(door, outcome))
        respond_success(door->request);
}

static void reply_to_single(struct door *door, enum door_outcome outcome)
{
    if (tr_door_respond_refusal(door, outcome))
        return;
    if (!tr_door_all_bad(door)) {
        respond_success(door->request);
        return;
    }
    const struct tr_reject *reject = &door->rejects->reject;
    respond_failure(door->request, 400,
                    tr_arena_printf(door->request->arena, "%s: %s (%s)", reject->field,
                                    reject->message, reject->code));
}

/* Requests ------------------------------------------------------------------------------------ */

enum body_member { BATCH, CONTEXT, SENT_AT, WRITE_KEY, BODY_MEMBER_COUNT };
static const char *const body_names[BODY_MEMBER_COUNT] = {"batch", "context", "sentAt", "writeKey"};

/* The type of a path, long or short; NULL: a batch. */
static const char *type_of(struct tr_slice path)
{
    static const char *const types[] = {"track", "page", "screen", "identify", "group", "alias"};
    const char *name = path.data + strlen("/v1/");
    if (tr_slice_starts(path, "/v1/import"))
        return NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (*name == *types[i])
            return types[i];
    return NULL;
}

static struct tr_slice key_in(const struct tr_json_value *value, struct tr_arena *arena)
{
    return value->type == TR_JSON_STRING ? tr_json_text(value, arena) : TR_SLICE_NONE;
}

/* The key of the head, else that of the body, else that of the first item. False: answered. */
static bool settle_key(struct door *door, const struct tr_json_value *body)
{
    struct tr_http_request *request = door->request;
    struct tr_json_value item = {.type = TR_JSON_NULL};
    struct tr_json_walk walk;
    if (door->has_key)
        return true;
    struct tr_slice key = key_in(&body[WRITE_KEY], request->arena);
    if (key.data == NULL && body[BATCH].type == TR_JSON_ARRAY) {
        tr_json_walk_init(&walk, body[BATCH].raw);
        if (tr_json_next_item(&walk) && tr_json_take(&walk, &item))
            tr_json_collect(item.raw, &body_names[WRITE_KEY], 1, &item);
        key = key_in(&item, request->arena);
    }
    int status = key.data != NULL ? tr_door_use_key(door, key) : 401;
    if (status == 0)
        return true;
    if (status == 503)
        tr_door_respond_error(request, status, "starting", NULL, "keys are not loaded yet");
    else
        respond_failure(request, status,
                        status == 403 ? "this key may not write, or not from this origin"
                                      : "no valid write key, in the head or as writeKey");
    return false;
}

/* Servers say for whom they send. A page cannot know its own address, and whoever says so from one
 * makes it up. */
static void add_event(struct door *door, const struct tr_event *event, size_t index,
                      struct tr_slice object, const struct segment_context *context)
{
    struct tr_slice own_agent = door->sender.user_agent;
    struct tr_address own_client = door->client;
    if (context->user_agent.data != NULL)
        door->sender.user_agent = context->user_agent;
    if (tr_http_field(door->request, "origin").data == NULL)
        tr_address_parse(context->ip, &door->client);
    tr_door_event(door, event, index, object);
    door->sender.user_agent = own_agent;
    door->client = own_client;
}

static void add_item(struct door *door, const char *type, struct tr_slice object, size_t index,
                     const struct segment_outer *outer)
{
    struct tr_event event;
    struct tr_reject reject;
    struct segment_context context;
    if (tr_segment_translate(type, object, outer, door->request->arena, &event, &context,
                             &reject)) {
        add_event(door, &event, index, object, &context);
    } else {
        reject.index = index;
        tr_door_reject(door, &reject, object);
    }
}

static size_t count_items(struct tr_slice batch)
{
    struct tr_json_walk walk;
    struct tr_json_value item;
    size_t count = 0;
    tr_json_walk_init(&walk, batch);
    while (tr_json_next_item(&walk) && tr_json_take(&walk, &item))
        count++;
    return count;
}

static void add_items(struct door *door, struct tr_slice batch, const struct segment_outer *outer)
{
    struct tr_json_walk walk;
    struct tr_json_value item;
    tr_json_walk_init(&walk, batch);
    for (size_t index = 0; tr_json_next_item(&walk) && tr_json_take(&walk, &item); index++)
        add_item(door, NULL, item.raw, index, outer);
}

static void take_batch(struct door *door, const struct tr_json_value *body)
{
    struct tr_http_request *request = door->request;
    struct segment_outer outer = {.received_us = request->received_us};
    if (count_items(body[BATCH].raw) > BATCH_EVENTS_MAX) {
        respond_failure(request, 400, "a batch may have 2,500 events");
        return;
    }
    if (!tr_segment_read_sent_at(&outer, &body[SENT_AT], request->arena)) {
        respond_failure(request, 400, "sentAt: ISO 8601 or Unix milliseconds");
        return;
    }
    if (body[CONTEXT].type == TR_JSON_OBJECT)
        tr_segment_read_context(&outer.context, body[CONTEXT].raw, request->arena);
    tr_door_begin(door, TR_SLICE("/v1/batch"));
    add_items(door, body[BATCH].raw, &outer);
    tr_door_finish(door, reply_to_batch);
}

static void take_single(struct door *door, const char *type)
{
    struct tr_http_request *request = door->request;
    struct segment_outer outer = {.received_us = request->received_us};
    struct tr_json_value object;
    tr_json_scan(request->body, &object);
    tr_door_begin(door, tr_slice_of(tr_arena_printf(request->arena, "/v1/%s", type)));
    add_item(door, type, object.raw, 0, &outer);
    tr_door_finish(door, reply_to_single);
}

static void on_head(struct tr_http_request *request, void *context)
{
    tr_door_open(context, request, DOOR_KEY_MAY_BE_IN_BODY);
}

static void on_request(struct tr_http_request *request, void *context)
{
    (void)context;
    struct door *door = tr_door_of(request);
    const char *type = type_of(request->path);
    struct tr_json_value object;
    struct tr_json_value body[BODY_MEMBER_COUNT];
    if (!tr_json_scan(request->body, &object) || object.type != TR_JSON_OBJECT) {
        respond_failure(request, 400, "the body is not a JSON object");
        return;
    }
    tr_json_collect(object.raw, body_names, BODY_MEMBER_COUNT, body);
    if (!settle_key(door, body))
        return;
    if (request->body.size > (size_t)(type != NULL ? SINGLE_BYTES_MAX : BATCH_BYTES_MAX))
        respond_failure(request, 400,
                        type != NULL ? "an event may have 32 KB" : "a batch may have 500 KB");
    else if (type != NULL)
        take_single(door, type);
    else if (body[BATCH].type == TR_JSON_ARRAY)
        take_batch(door, body);
    else
        respond_failure(request, 400, "batch: an array of events");
}

/* What the SDKs report about themselves is of no use here. */
static void take_metrics(struct tr_http_request *request, void *context)
{
    (void)context;
    respond_success(request);
}

/* Settings ------------------------------------------------------------------------------------ */

static bool came_by_tls(const struct tr_http_request *request)
{
    struct tr_slice protocol = tr_http_field(request, "x-forwarded-proto");
    if (protocol.data != NULL)
        return tr_slice_is_nocase(protocol, "https");
    struct tr_slice origin = tr_http_field(request, "origin");
    return origin.data != NULL && tr_slice_starts(origin, "https://");
}

static struct tr_slice key_of_path(struct tr_slice path)
{
    const char *begin = path.data + strlen("/v1/projects/");
    const char *end = memchr(begin, '/', path.size - strlen("/v1/projects/"));
    return tr_slice(begin, (size_t)(end - begin));
}

static void get_settings(struct tr_http_request *request, void *context)
{
    const struct tr_intake *intake = context;
    static const struct tr_http_field no_store = {TR_SLICE("Cache-Control"), TR_SLICE("no-store")};
    struct tr_slice key = key_of_path(request->path);
    struct tr_key found;
    if (tr_auth_find_key(intake->options.auth, key, &found) != 0 || found.scope != TR_SCOPE_WRITE) {
        respond_failure(request, 404, "there is no such write key");
        return;
    }
    struct tr_slice host = tr_http_field(request, "host");
    struct tr_buf body;
    tr_buf_init(&body, 32 << 10);
    tr_buf_append_text(&body, "{\"integrations\":{\"Segment.io\":{\"apiKey\":");
    tr_json_append_string(&body, key);
    tr_buf_append_text(&body, ",\"apiHost\":");
    tr_json_append_string(
        &body, tr_slice_of(tr_arena_printf(request->arena, "%.*s/v1", (int)host.size, host.data)));
    tr_buf_printf(&body, ",\"protocol\":\"%s\"", came_by_tls(request) ? "https" : "http");
    tr_buf_append_text(&body, ",\"addBundledMetadata\":true,\"unbundledIntegrations\":[],"
                              "\"maybeBundledConfigIds\":{}}},\"plan\":{\"track\":{\"__default\":"
                              "{\"enabled\":true,\"integrations\":{}}}},\"edgeFunction\":{},"
                              "\"analyticsNextEnabled\":true,\"middlewareSettings\":{},"
                              "\"enabledMiddleware\":{},\"metrics\":{\"sampleRate\":0},"
                              "\"legacyVideoPluginsEnabled\":false,\"remotePlugins\":[]}");
    tr_door_respond(request, 200, "application/json", tr_buf_slice(&body), &no_store, 1);
    tr_buf_fini(&body);
}

#define EVENTS(path)                                                             \
    {TR_HTTP_METHOD_BIT(TR_HTTP_POST), path, on_head, on_request, NULL},         \
    {                                                                            \
        TR_HTTP_METHOD_BIT(TR_HTTP_OPTIONS), path, NULL, tr_door_preflight, NULL \
    }
const struct tr_http_route tr_segment_routes[] = {
    EVENTS("/v1/track"),
    EVENTS("/v1/t"),
    EVENTS("/v1/page"),
    EVENTS("/v1/p"),
    EVENTS("/v1/screen"),
    EVENTS("/v1/s"),
    EVENTS("/v1/group"),
    EVENTS("/v1/g"),
    EVENTS("/v1/identify"),
    EVENTS("/v1/i"),
    EVENTS("/v1/alias"),
    EVENTS("/v1/a"),
    EVENTS("/v1/batch"),
    EVENTS("/v1/b"),
    EVENTS("/v1/import"),
    {TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/m", NULL, take_metrics, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_OPTIONS), "/v1/m", NULL, tr_door_preflight, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/projects/*/settings", NULL, get_settings, NULL},
    {TR_HTTP_METHOD_BIT(TR_HTTP_OPTIONS), "/v1/projects/*/settings", NULL, tr_door_preflight, NULL},
};
const size_t tr_segment_route_count = sizeof tr_segment_routes / sizeof *tr_segment_routes;
