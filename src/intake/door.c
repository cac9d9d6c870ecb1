/* SPDX-License-Identifier: MIT */
#include "intake_priv.h"

#include "credentials.h"
#include "traction/metrics.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A body's events with headers, derived columns and refused originals; far above what 1 MiB makes.
 */
enum { FRAMES_MAX_BYTES = 32 << 20, FIELDS_MAX = 12 };

/* Answers
 * ------------------------------------------------------------------------------------------- */

/* The origin is echoed, never "*": browsers send cookies with sendBeacon. */
static size_t cors_fields(struct tr_http_request *request, struct tr_http_field *fields)
{
    struct tr_slice origin = tr_http_field(request, "origin");
    if (origin.data == NULL)
        return 0;
    fields[0] = (struct tr_http_field){TR_SLICE("Access-Control-Allow-Origin"), origin};
    fields[1] =
        (struct tr_http_field){TR_SLICE("Access-Control-Allow-Credentials"), TR_SLICE("true")};
    fields[2] = (struct tr_http_field){TR_SLICE("Vary"), TR_SLICE("Origin")};
    return 3;
}

void tr_door_respond(struct tr_http_request *request, int status, const char *type,
                     struct tr_slice body, const struct tr_http_field *extra, size_t extra_count)
{
    struct tr_http_field fields[FIELDS_MAX];
    size_t count = cors_fields(request, fields);
    for (size_t i = 0; i < extra_count && count < FIELDS_MAX; i++)
        fields[count++] = extra[i];
    /* The frames are not the arena's. */
    struct door *door = request->user;
    if (door != NULL)
        tr_buf_fini(&door->frames);
    tr_http_respond(request, &(struct tr_http_response){
                                 .status = status,
                                 .content_type = type,
                                 .body = body,
                                 .fields = fields,
                                 .field_count = count,
                             });
}

void tr_door_respond_error(struct tr_http_request *request, int status, const char *code,
                           const char *parameter, const char *message)
{
    static const struct tr_http_field retry = {TR_SLICE("Retry-After"), TR_SLICE("1")};
    json_t *answer = json_pack("{s:{s:s, s:s*, s:s}}", "error", "code", code, "parameter",
                               parameter, "message", message);
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    bool again = status == 429 || status == 503;
    tr_door_respond(request, status, "application/json", tr_slice_of(text), &retry, again);
    free(text);
}

bool tr_door_respond_refusal(struct door *door, enum door_outcome outcome)
{
    static const struct {
        enum door_outcome outcome;
        int status;
        const char *code;
        const char *message;
    } refusals[] = {
        {DOOR_FULL, 503, "full", "the server can keep no more events at present; send them again"},
        {DOOR_CLOSED, 503, "draining", "the server is stopping; send the events again"},
        {DOOR_TOO_FAST, 429, "too_many_events",
         "this key sends more events than it may (limits.events_per_second); send them later"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        if (refusals[i].outcome != outcome)
            continue;
        tr_door_respond_error(door->request, refusals[i].status, refusals[i].code, NULL,
                              refusals[i].message);
        return true;
    }
    return false;
}

void tr_door_preflight(struct tr_http_request *request, void *context)
{
    (void)context;
    struct tr_slice headers = tr_http_field(request, "access-control-request-headers");
    struct tr_http_field fields[] = {
        {TR_SLICE("Access-Control-Allow-Methods"), TR_SLICE("GET, POST, OPTIONS")},
        {TR_SLICE("Access-Control-Max-Age"), TR_SLICE("86400")},
        {TR_SLICE("Access-Control-Allow-Headers"), headers},
    };
    tr_door_respond(request, 204, NULL, TR_SLICE_NONE, fields, headers.data != NULL ? 3 : 2);
}

/* Opening
 * ------------------------------------------------------------------------------------------- */

static bool asks_not_to_track(const struct tr_http_request *request)
{
    return tr_slice_is(tr_http_field(request, "dnt"), "1") ||
           tr_slice_is(tr_http_field(request, "sec-gpc"), "1");
}

/* 0: the key may send from this origin; else the status, with code and message. */
static int check_key(struct door *door, struct tr_slice key, const char **code,
                     const char **message)
{
    struct tr_auth *auth = door->intake->options.auth;
    if (!tr_auth_ready(auth)) {
        *code = "starting";
        *message = "keys are not loaded yet; send the events again";
        return 503;
    }
    if (tr_auth_find_key(auth, key, &door->key) != 0) {
        *code = "unknown_key";
        *message = "this key is not known here; `traction key list` shows which are";
        return 401;
    }
    if (door->key.scope == TR_SCOPE_READ) {
        *code = "wrong_scope";
        *message = "a read key may not send events; use a write key (tw_…)";
        return 403;
    }
    struct tr_slice origin = tr_http_field(door->request, "origin");
    if (origin.data != NULL && !tr_auth_origin_allowed(auth, door->key.project_id, origin)) {
        *code = "origin_not_allowed";
        *message = "the project does not take events from this origin; see `traction project set`";
        return 403;
    }
    door->has_key = true;
    door->do_not_track = door->key.respect_dnt && asks_not_to_track(door->request);
    door->sender.project_id = door->key.project_id;
    return 0;
}

/* Members send events from the dashboard: to try it, or again what was refused. */
static bool has_session(struct door *door)
{
    struct tr_auth *auth = door->intake->options.auth;
    struct tr_http_request *request = door->request;
    struct tr_slice project = tr_http_query(request, "project", NULL);
    if (project.data == NULL || !tr_credentials_same_site(request) ||
        tr_auth_find_session(auth, tr_credentials_session(request), request->received_us,
                             &door->key) != 0 ||
        door->key.scope != TR_SCOPE_ADMIN)
        return false;
    door->key.project_id = tr_auth_find_project(auth, project);
    door->has_key = door->key.project_id >= 0;
    door->sender.project_id = door->key.project_id;
    return door->has_key;
}

int tr_door_use_key(struct door *door, struct tr_slice key)
{
    const char *code = NULL;
    const char *message = NULL;
    return check_key(door, key, &code, &message);
}

static bool parse_ack(struct door *door)
{
    static const char *const names[] = {
        [TR_INTAKE_ACK_DISK] = "disk",
        [TR_INTAKE_ACK_MEMORY] = "memory",
        [TR_INTAKE_ACK_COMMIT] = "commit",
    };
    struct tr_slice value = tr_http_query(door->request, "ack", NULL);
    door->ack = door->intake->options.ack;
    if (value.data == NULL)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!tr_slice_is(value, names[i]))
            continue;
        door->ack = (enum tr_intake_ack)i;
        return true;
    }
    return false;
}

static struct door *new_door(struct tr_intake *intake, struct tr_http_request *request)
{
    struct door *door = tr_arena_calloc(request->arena, sizeof *door);
    door->intake = intake;
    door->request = request;
    door->last_reject = &door->rejects;
    door->sender = (struct tr_event_sender){
        .received_us = request->received_us,
        .user_agent = tr_http_field(request, "user-agent"),
        .salt = door->salt,
    };
    door->client = tr_http_client(request);
    tr_intake_salt(intake, request->received_us, door->salt);
    return door;
}

struct door *tr_door_open(struct tr_intake *intake, struct tr_http_request *request,
                          enum door_key where)
{
    struct door *door = new_door(intake, request);
    struct tr_slice key = tr_credentials_find(request);
    const char *code = "no_key";
    const char *message = "send a write key: Authorization: Bearer tw_…, or ?key=tw_…";
    int status = key.data != NULL    ? check_key(door, key, &code, &message)
                 : has_session(door) ? 0
                                     : 401;
    if (status != 0 && (where == DOOR_KEY_IN_HEAD || status != 401)) {
        tr_door_respond_error(request, status, code, NULL, message);
        return NULL;
    }
    if (!parse_ack(door)) {
        tr_door_respond_error(request, 400, "bad_parameter", "ack",
                              "ack: expected disk, memory or commit");
        return NULL;
    }
    request->user = door;
    return door;
}

struct door *tr_door_of(struct tr_http_request *request)
{
    return request->user;
}

/* Events
 * -------------------------------------------------------------------------------------------- */

void tr_door_begin(struct door *door, struct tr_slice source)
{
    door->source = source;
    tr_buf_init(&door->frames, FRAMES_MAX_BYTES);
    if (door->ack == TR_INTAKE_ACK_COMMIT) {
        door->commit.loop = door->request->loop;
        door->commit.records = UINT32_MAX; /* until all have been added */
        tr_writer_expect(door->intake->options.writer, &door->commit);
    }
}

static void end_frame(struct door *door, size_t begin)
{
    tr_spool_frame_end(&door->frames, begin, door->sender.received_us, door->commit.tag,
                       (uint32_t)door->sender.project_id);
}

void tr_door_reject(struct door *door, const struct tr_reject *reject, struct tr_slice raw)
{
    struct door_reject *entry = tr_arena_calloc(door->request->arena, sizeof *entry);
    entry->reject = *reject;
    *door->last_reject = entry;
    door->last_reject = &entry->next;
    door->rejected++;
    if (door->do_not_track)
        raw = TR_SLICE_NONE; /* counted, and nothing of it kept */
    else if (raw.data == NULL)
        raw = TR_SLICE("");
    size_t begin = tr_spool_frame_begin(&door->frames);
    tr_reject_encode(reject, &door->sender, door->source, raw, &door->frames);
    end_frame(door, begin);
}

static void refuse_untracked(struct door *door, size_t index)
{
    struct tr_reject reject = {
        .index = index,
        .field = "event",
        .code = "do_not_track",
        .message = "the project takes no events of those who send DNT: 1 or Sec-GPC: 1",
    };
    tr_door_reject(door, &reject, TR_SLICE_NONE);
    door->untracked++;
}

bool tr_door_all_bad(const struct door *door)
{
    return door->accepted == 0 && door->rejected > door->untracked;
}

void tr_door_event(struct door *door, const struct tr_event *event, size_t index,
                   struct tr_slice raw)
{
    struct tr_reject reject = {0};
    if (door->do_not_track) {
        refuse_untracked(door, index);
        return;
    }
    tr_door_enrich(door);
    /* The events of a request were received in their order, a microsecond apart: so one without a
     * timestamp happened after the one before it, and who was joined to whom first is known. */
    struct tr_event_sender sender = door->sender;
    sender.received_us += (int64_t)index;
    size_t begin = tr_spool_frame_begin(&door->frames);
    if (!tr_event_encode(event, &sender, &door->intake->options.limits, door->request->arena,
                         &door->frames, &reject)) {
        door->frames.size = begin;
        reject.index = index;
        tr_door_reject(door, &reject, raw);
        return;
    }
    end_frame(door, begin);
    door->accepted++;
}

/* Finishing
 * ----------------------------------------------------------------------------------------- */

static void answer(struct door *door, enum door_outcome outcome)
{
    if (outcome == DOOR_DONE || outcome == DOOR_PENDING) {
        tr_metric_add(TR_METRIC_EVENTS_ACCEPTED, door->accepted);
        tr_metric_add(TR_METRIC_EVENTS_REJECTED, door->rejected);
    }
    door->reply(door, outcome);
}

/* A ticket came back; the last one answers. */
static void count_down(struct door *door)
{
    if (--door->waiting > 0)
        return;
    enum door_outcome outcome = DOOR_DONE;
    if (door->failed)
        outcome = DOOR_FULL;
    else if (door->ack == TR_INTAKE_ACK_COMMIT && !door->commit.committed)
        outcome = DOOR_PENDING;
    answer(door, outcome);
}

static void on_durable(struct tr_message *message)
{
    struct door *door = (struct door *)((char *)message - offsetof(struct door, disk.message));
    door->failed = door->disk.status < 0;
    if (door->failed && door->ack == TR_INTAKE_ACK_COMMIT &&
        tr_writer_forget(door->intake->options.writer, &door->commit))
        door->waiting--;
    count_down(door);
}

static void on_committed(struct tr_message *message)
{
    count_down((struct door *)((char *)message - offsetof(struct door, commit.message)));
}

/* Before the records can land: how many there are. Nothing to land: nothing to wait for. */
static void set_expected(struct door *door)
{
    if (door->ack != TR_INTAKE_ACK_COMMIT)
        return;
    door->commit.message.run = on_committed;
    door->commit.records = (uint32_t)(door->accepted + door->rejected);
}

static enum door_outcome append(struct door *door)
{
    if (tr_buf_overflowed(&door->frames))
        return DOOR_FULL;
    if (!tr_intake_take_rate(door->intake, &door->key, door->accepted + door->rejected))
        return DOOR_TOO_FAST;
    bool memory = door->ack == TR_INTAKE_ACK_MEMORY;
    door->disk.message.run = on_durable;
    door->disk.loop = door->request->loop;
    door->waiting = memory ? 0 : door->ack == TR_INTAKE_ACK_COMMIT ? 2 : 1;
    switch (tr_spool_append(door->intake->options.spool, tr_buf_slice(&door->frames),
                            memory ? TR_SPOOL_ACK_MEMORY : TR_SPOOL_ACK_DISK,
                            memory ? NULL : &door->disk)) {
    case 0:
        return DOOR_DONE;
    case TR_SPOOL_CLOSED:
        return DOOR_CLOSED;
    default:
        return DOOR_FULL;
    }
}

void tr_door_refuse(struct door *door, int status, const char *code, const char *message)
{
    if (door->ack == TR_INTAKE_ACK_COMMIT)
        tr_writer_forget(door->intake->options.writer, &door->commit);
    tr_door_respond_error(door->request, status, code, NULL, message);
}

void tr_door_finish(struct door *door, void (*reply)(struct door *door, enum door_outcome outcome))
{
    door->reply = reply;
    set_expected(door);
    enum door_outcome outcome = DOOR_DONE;
    if (door->frames.size > 0)
        outcome = append(door);
    tr_buf_fini(&door->frames); /* the spool has its copy */
    bool commit = door->ack == TR_INTAKE_ACK_COMMIT;
    if (outcome == DOOR_DONE && door->waiting > 0) {
        if (commit)
            tr_writer_set_deadline(door->intake->options.writer, &door->commit,
                                   door->intake->options.commit_timeout_ms);
        return;
    }
    /* Refused, in memory, or nothing to keep. */
    if (commit)
        tr_writer_forget(door->intake->options.writer, &door->commit);
    door->commit.committed = true;
    answer(door, outcome);
}
