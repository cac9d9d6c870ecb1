/* SPDX-License-Identifier: MIT */
/*
 * The protocols that events come in: one file each, a request in, events out, and the reply that
 * the protocol's own server would give. Shared read-only by all workers.
 */
#pragma once

#include "traction/auth.h"
#include "traction/event.h"
#include "traction/http.h"
#include "traction/spool.h"
#include "traction/writer.h"

struct tr_intake;

/* What a request waits for before its 2xx, unless ?ack= says otherwise. */
enum tr_intake_ack { TR_INTAKE_ACK_DISK, TR_INTAKE_ACK_MEMORY, TR_INTAKE_ACK_COMMIT };

/* What becomes of the client's address, once it was used. */
enum tr_privacy_address {
    TR_PRIVACY_ADDRESS_DROP,
    TR_PRIVACY_ADDRESS_TRUNCATE, /* to /24 or /48 */
    TR_PRIVACY_ADDRESS_KEEP,
};

struct tr_intake_options {
    struct tr_auth *auth; /* borrowed, as the next two */
    struct tr_spool *spool;
    struct tr_writer *writer;
    struct tr_event_limits limits;
    enum tr_intake_ack ack;
    int commit_timeout_ms;           /* 10,000: how long ack=commit waits */
    int events_per_second;           /* a key may send; 0: any number. Beyond: 429 */
    enum tr_privacy_address address; /* what is stored of it: nothing */
    const char *geoip_path;          /* a database of countries; NULL: none; copied */
    const char *salt_path;           /* keeps the day's salt over a restart; NULL: it is not
                                                 kept; copied */
};
void tr_intake_options_init(struct tr_intake_options *options);

int tr_intake_new(struct tr_intake **intake_out, const struct tr_intake_options *options,
                  struct tr_error *error);
/* Now and then, on one thread: reads the database of countries again if it has changed. */
void tr_intake_refresh(struct tr_intake *intake);
/* After the workers have ended. */
void tr_intake_free(struct tr_intake *intake);

/* The routes of all protocols; their handlers' context is the tr_intake. */
const struct tr_http_route *tr_intake_routes(size_t *count_out);

/* The key a request carries in its head, whatever it is worth; data NULL: none. */
struct tr_slice tr_credentials_find(struct tr_http_request *request);
/* The session of the cookie by which the dashboard's pages ask (RFC 6265); data NULL: none. */
#define TR_SESSION_COOKIE "traction_session"
struct tr_slice tr_credentials_session(const struct tr_http_request *request);
/* Whether no other origin's page can have sent it, as far as it might change something: such pages
 * cannot set the field Traction-Request without being asked first. */
bool tr_credentials_same_site(const struct tr_http_request *request);
