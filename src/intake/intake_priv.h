/* SPDX-License-Identifier: MIT */
/*
 * The door: what all protocols share. A protocol's handlers do this:
 *
 *   on_head     tr_door_open(): key, origin and ack are checked; it answers by itself when they are
 *               not good. Returns NULL then.
 *   on_request  tr_door_of(); tr_door_begin(); for each event tr_door_event() or, when the protocol
 *               itself finds fault, tr_door_reject(); at last tr_door_finish() with the function
 *               that replies, which is called once everything is as durable as ack says.
 */
#pragma once

#include "traction/intake.h"

#include <pthread.h>
#include <stdatomic.h>

enum { RATE_SLOTS = 1024, SALT_BYTES = 16 };

struct tr_intake {
    struct tr_intake_options options;
    /* Events of the current second, by key: second << 32 | count. */
    _Atomic uint64_t rates[RATE_SLOTS];
    pthread_mutex_t salt_lock;
    int64_t salt_day; /* guarded by salt_lock, as the next */
    uint8_t salt[SALT_BYTES];
    char *salt_path;

    struct tr_agent_rules *agent_rules;
    pthread_key_t reader_key; /* of each worker's tr_agent_reader */
    struct tr_geo *geo;       /* NULL: countries are not known */
    int64_t refresh_us;       /* when to look at its file next */
};

/* enrich.c: the last part of struct tr_intake. */
int tr_intake_enrich_init(struct tr_intake *intake, struct tr_error *error);
void tr_intake_enrich_fini(struct tr_intake *intake);

/* The salt of the day. Any worker. */
void tr_intake_salt(struct tr_intake *intake, int64_t now_us, uint8_t salt_out[SALT_BYTES]);
/* False: the key has sent more than it may in this second. */
bool tr_intake_take_rate(struct tr_intake *intake, const struct tr_key *key, size_t events);

/* How the request ended. */
enum door_outcome {
    DOOR_DONE,     /* as durable as was asked */
    DOOR_PENDING,  /* ack=commit: durable, but not in PostgreSQL in time */
    DOOR_FULL,     /* 503: nothing was kept */
    DOOR_CLOSED,   /* 503: draining */
    DOOR_TOO_FAST, /* 429 */
};

struct door_reject {
    struct door_reject *next;
    struct tr_reject reject;
};

struct door {
    struct tr_intake *intake;
    struct tr_http_request *request;
    struct tr_key key;
    bool has_key; /* false: the protocol has to find it in the body */
    enum tr_intake_ack ack;
    struct tr_slice source; /* the endpoint, for rejects; set by the protocol */

    /* Protocols may set sender.user_agent and client for the next event; agent, address, country
     * and what is kept of it follow by themselves. */
    struct tr_event_sender sender;
    struct tr_address client;
    bool enriched; /* as of these two */
    struct tr_slice enriched_agent;
    struct tr_address enriched_address;
    struct tr_agent agent;
    char country[3];
    bool do_not_track; /* the project does not want this sender's events */
    uint8_t salt[SALT_BYTES];
    struct tr_buf frames;
    size_t accepted;
    size_t rejected;
    size_t untracked;            /* of them, with code do_not_track: nobody's fault */
    struct door_reject *rejects; /* in order */
    struct door_reject **last_reject;

    void (*reply)(struct door *door, enum door_outcome outcome);
    struct tr_spool_ticket disk;
    struct tr_commit_ticket commit;
    int waiting; /* tickets that have not come back */
    bool failed; /* of the disk ticket */
};

/* Whether a key must be known when the head has been read. */
enum door_key { DOOR_KEY_IN_HEAD, DOOR_KEY_MAY_BE_IN_BODY };

struct door *tr_door_open(struct tr_intake *intake, struct tr_http_request *request,
                          enum door_key where);
struct door *tr_door_of(struct tr_http_request *request);
/* The key found in the body: 0, or the status to answer with (401, 403). */
int tr_door_use_key(struct door *door, struct tr_slice key);

void tr_door_begin(struct door *door, struct tr_slice source);
/* Brings what sender says of device and country up to date. tr_door_event() does it. */
void tr_door_enrich(struct door *door);
/* Whether there were events, and each was refused for a fault of its own. */
bool tr_door_all_bad(const struct door *door);
/* Checks, encodes and adds an event; a refused one is added as such, with raw. */
void tr_door_event(struct door *door, const struct tr_event *event, size_t index,
                   struct tr_slice raw);
void tr_door_reject(struct door *door, const struct tr_reject *reject, struct tr_slice raw);
void tr_door_finish(struct door *door, void (*reply)(struct door *door, enum door_outcome outcome));
/* Instead of finishing: keeps nothing of the request. */
void tr_door_refuse(struct door *door, int status, const char *code, const char *message);

/* Answers with CORS headers where the origin may have them; type NULL: no body. */
void tr_door_respond(struct tr_http_request *request, int status, const char *type,
                     struct tr_slice body, const struct tr_http_field *extra, size_t extra_count);
/* {"error":{…}} with CORS headers; parameter may be NULL. */
void tr_door_respond_error(struct tr_http_request *request, int status, const char *code,
                           const char *parameter, const char *message);
/* The reply of DOOR_FULL, DOOR_CLOSED and DOOR_TOO_FAST; true if it was one of them. */
bool tr_door_respond_refusal(struct door *door, enum door_outcome outcome);
/* OPTIONS of every ingest endpoint. */
void tr_door_preflight(struct tr_http_request *request, void *context);

/* Routes of each protocol. */
extern const struct tr_http_route tr_events_routes[];
extern const size_t tr_events_route_count;
extern const struct tr_http_route tr_pixel_routes[];
extern const size_t tr_pixel_route_count;
extern const struct tr_http_route tr_segment_routes[];
extern const size_t tr_segment_route_count;
