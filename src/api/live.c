/* SPDX-License-Identifier: MIT */
/*
 * GET /v1/live, server-sent events (WHATWG HTML section 9.2). A room is one worker's listeners to
 * one project; it gets each frame once and passes it on, LISTENERS_A_TURN in a turn of the loop, so
 * that events that come in meanwhile do not wait for a thousand listeners. Whoever has not taken
 * the frame before skips this one, and after SKIPPED_MAX in a row is cut off.
 *
 * The list of rooms is shared by the workers and has a lock; a room, and who is in it, belongs to
 * its worker alone.
 */
#include "api_priv.h"

#include "traction/base/clock.h"
#include "traction/intake.h"
#include "traction/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
    LISTENERS_A_TURN = 32,
    SKIPPED_MAX = 30,
    KEY_CHECK_US = 5000000,
    OPENING_BYTES = 512 * 1024,
};

struct listener {
    TAILQ_ENTRY(listener) entry;
    struct room *room;
    struct tr_http_stream *stream;
    char key[TR_KEY_BYTES];
    uint64_t key_number;
    int64_t key_checked_us;
    int64_t frame;   /* the number of the last it was sent; 0: none */
    int64_t last_id; /* what it has seen already, it says */
    int skipped;     /* frames in a row */
    enum tr_live_text text;
};

struct room {
    struct tr_message message; /* posted while there is somebody left to pass the frame to */
    struct tr_api *api;
    struct tr_loop *loop;
    int32_t project_id;
    struct tr_live_subscription *subscription;
    struct tr_live_frame *frame;
    TAILQ_HEAD(listeners, listener) listeners;
    struct listener *cursor; /* who gets the frame next */
    bool posted;
    bool closed; /* freed when the message has come back */
    struct room *next;
};

/* How many listeners a key has. */
struct key_use {
    uint64_t number;
    int listeners;
    struct key_use *next;
};

/* Keys ----------------------------------------------------------------------------------------- */

enum admission { ADMITTED, KEY_FULL, ALL_FULL };

static struct key_use **use_of(struct listening *listening, uint64_t number)
{
    struct key_use **at = &listening->keys;
    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static enum admission admit(struct tr_api *api, uint64_t number)
{
    struct listening *listening = &api->listening;
    enum admission admission = ADMITTED;
    pthread_mutex_lock(&listening->lock);
    struct key_use **use = use_of(listening, number);
    if ((*use != NULL ? (*use)->listeners : 0) >= api->options.live_listeners_per_key)
        admission = KEY_FULL;
    else if (atomic_load(&listening->listeners) >= api->options.live_listeners)
        admission = ALL_FULL;
    if (admission == ADMITTED) {
        if (*use == NULL) {
            *use = tr_calloc(1, sizeof **use);
            (*use)->number = number;
        }
        (*use)->listeners++;
        atomic_fetch_add(&listening->listeners, 1);
    }
    pthread_mutex_unlock(&listening->lock);
    return admission;
}

static void dismiss(struct tr_api *api, uint64_t number)
{
    struct listening *listening = &api->listening;
    pthread_mutex_lock(&listening->lock);
    struct key_use **at = use_of(listening, number);
    struct key_use *use = *at;
    if (use != NULL && --use->listeners == 0) {
        *at = use->next;
        free(use);
    }
    pthread_mutex_unlock(&listening->lock);
    atomic_fetch_sub(&listening->listeners, 1);
}

int tr_api_live_listeners(const struct tr_api *api)
{
    return atomic_load(&api->listening.listeners);
}

/* Listeners ------------------------------------------------------------------------------------ */

static void close_room(struct room *room);

/* Its stream is gone, or about to be. */
static void remove_listener(struct listener *listener)
{
    struct room *room = listener->room;
    if (room->cursor == listener)
        room->cursor = TAILQ_NEXT(listener, entry);
    TAILQ_REMOVE(&room->listeners, listener, entry);
    dismiss(room->api, listener->key_number);
    free(listener);
    if (TAILQ_EMPTY(&room->listeners))
        close_room(room);
}

static void on_end(void *context)
{
    remove_listener(context);
}

static void cut(struct listener *listener)
{
    tr_metric_add(TR_METRIC_LIVE_CUT, 1);
    tr_http_stream_end(listener->stream);
    remove_listener(listener);
}

/* Also of a key that was revoked while it listened. */
static bool is_key_good(struct listener *listener)
{
    struct tr_auth *auth = listener->room->api->options.auth;
    int64_t now_us = tr_clock_mono_us();
    struct tr_key key;
    if (now_us - listener->key_checked_us < KEY_CHECK_US)
        return true;
    listener->key_checked_us = now_us;
    struct tr_slice text = tr_slice_of(listener->key);
    if (tr_auth_find_session(auth, text, tr_clock_wall_us(), &key) == 0)
        return true;
    return tr_auth_find_key(auth, text, &key) == 0 &&
           key.project_id == listener->room->project_id && key.scope != TR_SCOPE_WRITE;
}

/* What somebody new gets: the newest events that it has not had yet, then the stats. */
static void append_opening(struct tr_buf *out, const struct tr_live_frame *frame,
                           const struct listener *listener)
{
    for (size_t i = 0; i < frame->event_count; i++)
        if (frame->events[i].run > listener->last_id)
            tr_buf_append_slice(out, frame->events[i].text[listener->text]);
    tr_buf_append_slice(out, frame->stats);
}

static bool send_frame(struct listener *listener, const struct tr_live_frame *frame)
{
    if (listener->frame > 0)
        return tr_http_stream_send(listener->stream, frame->next[listener->text]);
    struct tr_buf opening;
    tr_buf_init(&opening, OPENING_BYTES);
    append_opening(&opening, frame, listener);
    bool sent = tr_http_stream_send(listener->stream, tr_buf_slice(&opening));
    tr_buf_fini(&opening);
    return sent;
}

static void pass_on(struct listener *listener, const struct tr_live_frame *frame)
{
    if (listener->frame == frame->number)
        return;
    if (!is_key_good(listener)) {
        cut(listener);
    } else if (send_frame(listener, frame)) {
        tr_metric_add(TR_METRIC_LIVE_FRAMES, 1);
        listener->frame = frame->number;
        listener->skipped = 0;
    } else {
        tr_metric_add(TR_METRIC_LIVE_SKIPPED, 1);
        if (++listener->skipped >= SKIPPED_MAX)
            cut(listener);
    }
}

/* Rooms ---------------------------------------------------------------------------------------- */

static void free_room(struct room *room)
{
    tr_live_frame_free(room->frame);
    free(room);
}

static void close_room(struct room *room)
{
    struct listening *listening = &room->api->listening;
    tr_live_unsubscribe(room->subscription);
    pthread_mutex_lock(&listening->lock);
    struct room **at = &listening->rooms;
    while (*at != room)
        at = &(*at)->next;
    *at = room->next;
    pthread_mutex_unlock(&listening->lock);
    room->closed = true;
    if (!room->posted)
        free_room(room);
}

static void spread(struct room *room)
{
    room->posted = true; /* so that it stays while its listeners leave */
    for (int i = 0; i < LISTENERS_A_TURN && room->cursor != NULL; i++) {
        struct listener *listener = room->cursor;
        room->cursor = TAILQ_NEXT(listener, entry);
        pass_on(listener, room->frame);
    }
    if (room->cursor != NULL) {
        tr_loop_post(room->loop, &room->message);
        return;
    }
    room->posted = false;
    if (room->closed)
        free_room(room);
}

static void on_turn(struct tr_message *message)
{
    spread((struct room *)message);
}

static void on_frame(struct tr_live_frame *take_frame, void *context)
{
    struct room *room = context;
    tr_live_frame_free(room->frame);
    room->frame = take_frame;
    room->cursor = TAILQ_FIRST(&room->listeners);
    if (!room->posted)
        spread(room);
}

static struct room *find_room(struct tr_api *api, struct tr_loop *loop, int32_t project_id)
{
    struct listening *listening = &api->listening;
    pthread_mutex_lock(&listening->lock);
    struct room *room = listening->rooms;
    while (room != NULL && (room->loop != loop || room->project_id != project_id))
        room = room->next;
    pthread_mutex_unlock(&listening->lock);
    return room;
}

/* NULL: too many projects are listened to. */
static struct room *open_room(struct tr_api *api, struct tr_loop *loop, int32_t project_id)
{
    struct listening *listening = &api->listening;
    struct room *room = tr_calloc(1, sizeof *room);
    room->message.run = on_turn;
    room->api = api;
    room->loop = loop;
    room->project_id = project_id;
    TAILQ_INIT(&room->listeners);
    const struct tr_live_subscriber subscriber = {project_id, loop, on_frame, room};
    room->subscription = tr_live_subscribe(listening->live, &subscriber);
    if (room->subscription == NULL) {
        free(room);
        return NULL;
    }
    pthread_mutex_lock(&listening->lock);
    room->next = listening->rooms;
    listening->rooms = room;
    pthread_mutex_unlock(&listening->lock);
    return room;
}

/* Requests ------------------------------------------------------------------------------------- */

static void refuse(struct tr_http_request *request, int status, const char *parameter,
                   const char *message, const char *hint)
{
    tr_api_respond_problem(request, NULL,
                           &(struct tr_kpi_problem){status, parameter, message, hint});
}

struct naming {
    struct tr_slice given;
    bool fits;
};

static void compare_project(const struct tr_project *project, void *context)
{
    struct naming *naming = context;
    naming->fits = naming->given.data == NULL || tr_slice_is(naming->given, project->name) ||
                   tr_slice_is_nocase(naming->given, project->uuid);
}

static bool read_flag(struct tr_slice text, bool *flag_out)
{
    *flag_out = tr_slice_is(text, "1") || tr_slice_is(text, "true");
    return *flag_out || tr_slice_is(text, "0") || tr_slice_is(text, "false");
}

/* False: refused and answered. */
static bool read_parameters(struct tr_http_request *request, bool *properties_out)
{
    size_t next = 0;
    struct tr_slice name;
    struct tr_slice value;
    *properties_out = false;
    while (tr_http_query_next(request, &next, &name, &value)) {
        if (tr_slice_is(name, "key") || tr_slice_is(name, "project"))
            continue;
        if (!tr_slice_is(name, "properties")) {
            refuse(request, 400, tr_arena_printf(request->arena, "%.*s", (int)name.size, name.data),
                   "there is no such parameter", "There are properties, project and key.");
            return false;
        }
        if (!read_flag(value, properties_out)) {
            refuse(request, 400, "properties", "expected 1 or 0", NULL);
            return false;
        }
    }
    return true;
}

static bool is_own_project(struct tr_api *api, struct tr_http_request *request)
{
    const struct tr_key *key = request->user;
    struct naming naming = {.given = tr_http_query(request, "project", NULL)};
    if (key->role != TR_ROLE_NONE && key->project_id < 0)
        refuse(request, 400, "project", "say which project: ?project=NAME or its UUID", NULL);
    else if (!tr_auth_with_project(api->options.auth, key->project_id, compare_project, &naming))
        refuse(request, 401, NULL, "the key's project is gone", NULL);
    else if (!naming.fits)
        refuse(request, 403, "project", "the key belongs to another project",
               "Leave project out: the key decides it.");
    else
        return true;
    return false;
}

/* What the browser says when it comes back; anything else than a number of ours is none. */
static int64_t last_event_id(const struct tr_http_request *request)
{
    struct tr_slice text = tr_http_field(request, "last-event-id");
    int64_t id = 0;
    if (text.size > 18)
        return 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
        id = id * 10 + (text.data[i] - '0');
    }
    return id;
}

static void begin_stream(struct tr_http_request *request, struct listener *listener)
{
    static const struct tr_http_field fields[] = {
        {TR_SLICE("Cache-Control"), TR_SLICE("no-store")},
        {TR_SLICE("X-Content-Type-Options"), TR_SLICE("nosniff")},
        {TR_SLICE("X-Accel-Buffering"), TR_SLICE("no")}, /* nginx passes on at once */
    };
    struct tr_buf opening;
    tr_buf_init(&opening, OPENING_BYTES);
    tr_buf_append_text(&opening, "retry: 2000\n\n");
    if (listener->room->frame != NULL) {
        append_opening(&opening, listener->room->frame, listener);
        listener->frame = listener->room->frame->number;
    }
    const struct tr_http_stream_start start = {
        .response = {.status = 200,
                     .content_type = "text/event-stream",
                     .body = tr_buf_slice(&opening),
                     .fields = fields,
                     .field_count = sizeof fields / sizeof *fields},
        .heartbeat = TR_SLICE(": still here\n\n"),
        .on_end = on_end,
        .context = listener,
    };
    listener->stream = tr_http_stream_begin(request, &start);
    tr_buf_fini(&opening);
    if (listener->stream == NULL)
        remove_listener(listener);
}

static void add_listener(struct tr_http_request *request, struct room *room, bool properties)
{
    const struct tr_key *key = request->user;
    struct tr_slice text = tr_api_credentials(request);
    struct listener *listener = tr_calloc(1, sizeof *listener);
    listener->room = room;
    listener->key_number = key->number;
    listener->key_checked_us = tr_clock_mono_us();
    listener->last_id = last_event_id(request);
    listener->text = properties ? TR_LIVE_WITH_PROPERTIES : TR_LIVE_PLAIN;
    if (text.size < sizeof listener->key)
        memcpy(listener->key, text.data, text.size);
    TAILQ_INSERT_TAIL(&room->listeners, listener, entry);
    begin_stream(request, listener);
}

void tr_api_on_live(struct tr_http_request *request, void *context)
{
    struct tr_api *api = context;
    const struct tr_key *key = request->user;
    bool properties = false;
    if (!read_parameters(request, &properties) || !is_own_project(api, request))
        return;
    enum admission admission = admit(api, key->number);
    if (admission == KEY_FULL) {
        refuse(request, 429, NULL, "this key has as many listeners as it may",
               "[limits] live_listeners_per_key says how many.");
        return;
    }
    if (admission == ALL_FULL) {
        refuse(request, 503, NULL, "there are as many listeners as this server takes", NULL);
        return;
    }
    struct room *room = find_room(api, request->loop, key->project_id);
    if (room == NULL)
        room = open_room(api, request->loop, key->project_id);
    if (room != NULL) {
        add_listener(request, room, properties);
        return;
    }
    dismiss(api, key->number);
    refuse(request, 503, NULL, "as many projects are listened to as this server takes", NULL);
}

/* Beginning and end ---------------------------------------------------------------------------- */

int tr_api_live_start(struct tr_api *api, struct tr_error *error)
{
    struct tr_live_options options;
    tr_live_options_init(&options);
    options.database_url = api->options.database_url;
    options.projects = api->options.live_projects;
    return tr_live_start(&api->listening.live, &options, error);
}

void tr_api_live_stop(struct tr_api *api)
{
    struct listening *listening = &api->listening;
    tr_live_stop(TR_TAKE(listening->live)); /* and all subscriptions with it */
    while (listening->rooms != NULL) {
        struct room *room = listening->rooms;
        listening->rooms = room->next;
        struct listener *listener;
        while ((listener = TAILQ_FIRST(&room->listeners)) != NULL) {
            TAILQ_REMOVE(&room->listeners, listener, entry);
            free(listener);
        }
        free_room(room);
    }
    while (listening->keys != NULL) {
        struct key_use *use = listening->keys;
        listening->keys = use->next;
        free(use);
    }
    pthread_mutex_destroy(&listening->lock);
}
