/* SPDX-License-Identifier: MIT */
/*
 * GET /v1/pixel.gif: for pages without scripts, and e-mail. One event, its fields from
 * the query. Without name it is a page view; without url, the Referer field is the page.
 */
#include "intake_priv.h"

#include <string.h>

static void on_head(struct tr_http_request *request, void *context)
{
    tr_door_open(context, request, DOOR_KEY_IN_HEAD);
}

static const struct {
    const char *name;
    size_t offset; /* of a tr_slice in struct tr_event */
} fields[] = {
    {"id", offsetof(struct tr_event, id)},
    {"name", offsetof(struct tr_event, name)},
    {"kind", offsetof(struct tr_event, kind)},
    {"user", offsetof(struct tr_event, user)},
    {"anonymous", offsetof(struct tr_event, anonymous)},
    {"session", offsetof(struct tr_event, session)},
    {"value", offsetof(struct tr_event, value)},
    {"unit", offsetof(struct tr_event, unit)},
    {"url", offsetof(struct tr_event, url)},
    {"referrer", offsetof(struct tr_event, referrer)},
    {"title", offsetof(struct tr_event, title)},
};

static void read_query(struct tr_http_request *request, struct tr_event *event)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct tr_slice value = tr_http_query(request, fields[i].name, NULL);
        if (value.size > 0)
            memcpy((char *)event + fields[i].offset, &value, sizeof value);
    }
    if (event->name.data == NULL)
        event->name = TR_SLICE("page_view");
    if (event->url.data == NULL)
        event->url = tr_http_field(request, "referer");
}

/* The GIF of one transparent pixel. */
static const unsigned char pixel[] = {
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
    0x00, 0xff, 0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b};

static void reply(struct door *door, enum door_outcome outcome)
{
    if (tr_door_respond_refusal(door, outcome))
        return;
    if (tr_door_all_bad(door)) {
        const struct tr_reject *reject = &door->rejects->reject;
        tr_door_respond_error(door->request, 400, reject->code, reject->field, reject->message);
        return;
    }
    static const struct tr_http_field extra[] = {
        {TR_SLICE("Cache-Control"), TR_SLICE("no-store, no-cache, must-revalidate, private")},
    };
    tr_door_respond(door->request, 200, "image/gif", tr_slice((const char *)pixel, sizeof pixel),
                    extra, 1);
}

/* The query as it came, but for the key, which is nobody's business who reads refused events. */
static struct tr_slice without_key(struct tr_http_request *request)
{
    char *out = tr_arena_alloc(request->arena, request->query.size + 1);
    size_t size = 0;
    const char *at = request->query.data;
    const char *end = at + request->query.size;
    while (at < end) {
        const char *next = memchr(at, '&', (size_t)(end - at));
        size_t length = next != NULL ? (size_t)(next - at) + 1 : (size_t)(end - at);
        if (!tr_slice_starts(tr_slice(at, length), "key=")) {
            memcpy(out + size, at, length);
            size += length;
        }
        at += length;
    }
    return tr_slice(out, size);
}

static void on_request(struct tr_http_request *request, void *context)
{
    (void)context;
    struct door *door = tr_door_of(request);
    struct tr_event event = {0};
    tr_door_begin(door, TR_SLICE("/v1/pixel.gif"));
    read_query(request, &event);
    tr_door_event(door, &event, 0, without_key(request));
    tr_door_finish(door, reply);
}

const struct tr_http_route tr_pixel_routes[] = {
    {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/pixel.gif", on_head, on_request, NULL},
};
const size_t tr_pixel_route_count = sizeof tr_pixel_routes / sizeof *tr_pixel_routes;
