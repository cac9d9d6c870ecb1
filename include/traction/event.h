/* SPDX-License-Identifier: MIT */
/*
 * The event: found in a body, checked field by field, encoded once as the record that the spool
 * keeps and the row that PostgreSQL gets. No I/O here; any thread.
 *
 * A bad event is data, not an error: it becomes a struct tr_reject.
 */
#pragma once

#include "traction/base/address.h"
#include "traction/base/arena.h"
#include "traction/base/buf.h"
#include "traction/base/error.h"
#include "traction/base/slice.h"
#include "traction/enrich.h"
#include "traction/json.h"

#include <stdint.h>

/* The one-letter kinds that are stored. */
enum tr_event_kind {
    TR_EVENT_ENGAGEMENT = 'e',
    TR_EVENT_PERFORMANCE = 'p',
    TR_EVENT_BUSINESS = 'b',
    TR_EVENT_FEEDBACK = 'f',
};

/* The properties that have columns of their own. */
enum tr_property {
    TR_PROPERTY_ROUTE,
    TR_PROPERTY_STATUS,
    TR_PROPERTY_FEATURE,
    TR_PROPERTY_GOAL,
    TR_PROPERTY_PLAN,
    TR_PROPERTY_METRIC,
    TR_PROPERTY_CHANNEL,
    TR_PROPERTY_COUNTRY,
    TR_PROPERTY_COUNT
};

/* What one pass over the properties found. */
struct tr_event_properties {
    struct tr_slice raw;
    unsigned flags; /* enum tr_json_flag */
    int depth;
    bool empty;
    struct tr_json_value promoted[TR_PROPERTY_COUNT]; /* raw.data NULL: absent */
};

/* An event as a protocol found it: texts are unescaped UTF-8, absent ones have data NULL. What
 * every protocol fills before tr_event_check(). Borrowed from the request's arena or body. */
struct tr_event {
    struct tr_slice id;
    struct tr_slice name;
    struct tr_slice kind; /* "engagement" …; absent: derived */
    bool has_timestamp;
    int64_t timestamp_us; /* Unix µs, already corrected for the client's clock */
    struct tr_slice user;
    struct tr_slice anonymous;
    struct tr_slice session;
    struct tr_slice value; /* the number as JSON wrote it */
    struct tr_slice unit;
    struct tr_slice url;
    struct tr_slice referrer;
    struct tr_slice title;
    struct tr_slice properties; /* a JSON object, verbatim; absent: none */
    struct tr_slice channel;    /* where a protocol says so itself; else derived */
    /* Set by the reader of native bodies, which has seen them already; NULL: not scanned yet. */
    const struct tr_event_properties *scanned;
};

struct tr_reject {
    size_t index;        /* which event of the request; the caller of tr_event_encode() knows */
    const char *field;   /* static, or in the arena */
    const char *code;    /* static: not_finite, too_long, required, … */
    const char *message; /* what was expected; in the arena or static */
};

struct tr_event_limits {
    size_t events;                /* 1,000 a request */
    size_t properties_bytes;      /* 32 KiB */
    int depth;                    /* 16, of properties */
    int64_t past_us;              /* a year: older timestamps become the time of receipt */
    int64_t future_us;            /* a day */
    const char *query_parameters; /* of URLs, those that are kept: names and spaces, "*" or "-" */
};
void tr_event_limits_init(struct tr_event_limits *limits);

/* What the door knows about the sender; the same for all events of a request. */
struct tr_event_sender {
    int32_t project_id;
    int64_t received_us;
    struct tr_slice user_agent;
    struct tr_slice address;      /* bytes of the client's address, only ever hashed */
    const uint8_t *salt;          /* 16 bytes, changing daily; for events without any identity */
    const struct tr_agent *agent; /* what the User-Agent stands for; NULL: nothing */
    struct tr_slice country;      /* of the address, two capital letters; absent: not known */
    struct tr_address kept;       /* what is to be stored of the address; size 0: nothing */
    int kept_bits;                /* of it, the first; the others are 0 */
};

/* Native bodies ---------------------------------------------------------------------------------
 * One event, an array, {"events":[…],"sent_at":…}, or NDJSON; a byte order mark is skipped. Walks
 * the body once, the wrapped form twice (sent_at may stand behind the events). A reader is embedded
 * and needs no cleaning up. */

enum tr_event_form { TR_EVENT_FORM_ARRAY, TR_EVENT_FORM_LINES, TR_EVENT_FORM_NONE };

struct tr_event_reader {
    enum tr_event_form form;
    struct tr_json_walk walk; /* of the array; at: where the next event of NDJSON begins */
    size_t count;             /* events returned so far */
    const char *body;
    struct tr_reject body_reject; /* of a wrapper that is refused whole; code NULL: none */
    const char *tail;             /* of a wrapper: what was found behind it, if tail_bad */
    bool tail_bad;
    bool ended;
    int64_t skew_us; /* receipt minus sent_at, added to every timestamp; 0 if none */
    const struct tr_event_limits *limits;
    struct tr_arena *arena;
    struct tr_event_properties properties; /* of the event returned last */
};

enum {
    TR_EVENT_READ = 1,     /* *event_out is filled until the next call, *raw_out is its text */
    TR_EVENT_REFUSED = 2,  /* *reject_out is filled, *raw_out is its text */
    TR_EVENT_BODY_BAD = 3, /* *reject_out says what is wrong with the body, *raw_out is what was
                              not read; no more */
    TR_EVENT_TOO_MANY = 4, /* more than limits->events; no more */
};

void tr_event_reader_init(struct tr_event_reader *reader, struct tr_slice body, int64_t received_us,
                          const struct tr_event_limits *limits, struct tr_arena *arena);
/* 0 at the end, else one of the outcomes above. */
int tr_event_reader_next(struct tr_event_reader *reader, struct tr_event *event_out,
                         struct tr_slice *raw_out, struct tr_reject *reject_out);

/* A time as clients write it: RFC 3339 or Unix milliseconds, in a string or as a number. False: it
 * is none. Absurd ones are read, and clamped later. */
bool tr_event_read_time(const struct tr_json_value *value, struct tr_arena *arena, int64_t *us_out);

/* Checking and encoding ------------------------------------------------------------------------ */

/* The most that a record is larger than the properties in it. */
enum { TR_RECORD_OVERHEAD_MAX = 16384 };

/* Checks the event and appends its record to out, whose maximum must have room for it. false:
 * *reject_out says which field and why, nothing was appended. docs/events.md has the rules, and
 * nothing that passes them is refused by PostgreSQL. Derives kind, person, host, path, channel, and
 * what the standard properties promise (route, status, feature, goal, plan, metric). */
bool tr_event_encode(const struct tr_event *event, const struct tr_event_sender *sender,
                     const struct tr_event_limits *limits, struct tr_arena *arena,
                     struct tr_buf *out, struct tr_reject *reject_out);

/* The channel that a campaign (utm_source, utm_medium) stands for; NULL without one. Static. */
const char *tr_channel_of_campaign(struct tr_slice source, struct tr_slice medium);

/* Appends the record of a refused event. source is the endpoint; raw the bytes as they came, absent
 * if they are not to be kept. The texts may be anything: what is not UTF-8 is replaced. */
void tr_reject_encode(const struct tr_reject *reject, const struct tr_event_sender *sender,
                      struct tr_slice source, struct tr_slice raw, struct tr_buf *out);

/* Records, as the writer reads them -------------------------------------------------------------
 */

enum tr_record_type { TR_RECORD_EVENT = 1, TR_RECORD_REJECT = 2 };

/* Everything borrowed from the record's bytes. Absent texts have data NULL. */
struct tr_record {
    enum tr_record_type type;
    int32_t project_id;
    int64_t received_us;
    /* events */
    int64_t timestamp_us;
    enum tr_event_kind kind;
    int32_t status; /* 0: absent */
    bool bot;
    bool has_client_id; /* false: the id was made here and cannot repeat */
    bool has_value;
    uint8_t id_digest[16]; /* of project and id; the key of dedupe */
    uint8_t person[16];
    struct tr_slice row; /* binary COPY form, as written: see tr_record_append_row() */
    struct tr_slice id;
    struct tr_slice name;
    struct tr_slice user;
    struct tr_slice anonymous;
    struct tr_slice session;
    struct tr_slice channel;
    struct tr_slice path;
    struct tr_slice country;
    struct tr_slice properties; /* JSON */
    double value;               /* durations: milliseconds, whatever the unit said */
    struct tr_slice value_text; /* exact decimal, for money */
    struct tr_slice unit;
    struct tr_slice route;
    struct tr_slice feature;
    struct tr_slice goal;
    struct tr_slice metric;
    bool has_sentiment;
    int32_t sentiment; /* millionths */
    struct tr_slice plan;
    /* rejects */
    int32_t index;
    struct tr_slice source;
    struct tr_slice field;
    struct tr_slice code;
    struct tr_slice message;
    struct tr_slice raw; /* absent: the event is counted and not kept */
};

/* -EBADMSG for bytes that are not a record of a version this program knows. */
int tr_record_decode(struct tr_slice bytes, struct tr_record *record_out, struct tr_error *error);
/* Appends an event's row as copy_events.sql takes it, whichever release wrote the record. */
void tr_record_append_row(const struct tr_record *record, struct tr_buf *out);
/* The digest of a user's ('u') or an anonymous ('a') id: the column person. */
void tr_person_digest(int32_t project_id, char which, struct tr_slice id, uint8_t digest_out[16]);
/* The digest of a client's event id, the key of dedupe. */
void tr_id_digest(int32_t project_id, struct tr_slice id, uint8_t digest_out[16]);
/* The digest of a session id, the member of sets about sessions. */
void tr_session_digest(int32_t project_id, struct tr_slice session, uint8_t digest_out[16]);
