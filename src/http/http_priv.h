/* SPDX-License-Identifier: MIT */
/*
 * The half with sockets. A server has workers; a worker belongs to one loop and owns connections
 * and exchanges. An exchange is a request being read, answered or waited for, with all its memory;
 * a connection has one only while there is a request, so that an idle connection costs a few
 * hundred bytes.
 *
 * A connection's state is the list it is on, and moving it is the only way to change state:
 *
 *   IDLE      between two requests                     idle_timeout_ms
 *   HEAD      accepted, or part of a head is here      head_timeout_ms, from accept or first byte
 *   BODY      the head was fine, the body is coming    body_timeout_ms and body_rate_bytes
 *   BUSY      the handlers have the request            theirs
 *   WRITING   the client is slow to take the answer    write_timeout_ms and body_rate_bytes
 *   READY     the next request is here already         the end of the loop's turn
 *   STREAMING its answer goes on, all of it is sent    TR_HTTP_HEARTBEAT_MS, to say so
 *   LINGERING all said; reads until the client ends    LINGER_MS and LINGER_BYTES
 *   CLOSED    the descriptor is closed; freed after the loop's turn
 *
 *   HEAD → BUSY (on_head) → BODY → BUSY (on_request) → [WRITING] → IDLE, HEAD, READY or LINGERING;
 *   BUSY → STREAMING ⇄ WRITING, for streams; any → CLOSED.
 */
#pragma once

#include "traction/base/buf.h"
#include "wire_priv.h"

#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <sys/uio.h>

enum {
    LINGER_MS = 1000,
    LINGER_BYTES = 65536,
    GRACE_MS = 5000,          /* before a rate is asked for */
    READ_EXTRA_BYTES = 4096,  /* room in an input buffer beyond two heads */
    BODY_FIRST_BYTES = 32768, /* of a body buffer; then doubling */
    SPARE_EXCHANGES = 128,    /* kept by a worker */
    ADDRESS_SLOTS = 65536
};

enum tr_http_state {
    TR_HTTP_STATE_IDLE,
    TR_HTTP_STATE_HEAD,
    TR_HTTP_STATE_BODY,
    TR_HTTP_STATE_BUSY,
    TR_HTTP_STATE_WRITING,
    TR_HTTP_STATE_READY,
    TR_HTTP_STATE_STREAMING,
    TR_HTTP_STATE_LINGERING,
    TR_HTTP_STATE_CLOSED,
    TR_HTTP_STATE_COUNT
};

/* What the client has not taken yet of an answer. */
struct tr_http_output {
    struct event event;
    size_t size;
    size_t sent;
    char data[];
};

union tr_http_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct tr_http_exchange;

struct tr_http_stream {
    struct tr_http_connection *connection;
    void (*on_end)(void *context);
    void *context;
    struct tr_slice heartbeat;
    size_t dropped; /* bytes that the client sent all the same */
    bool chunked;
};

struct tr_http_connection {
    struct event event; /* readable; always added but while paused */
    struct tr_http_worker *worker;
    struct tr_http_exchange *exchange;     /* NULL while there is no byte of a request */
    struct tr_http_output *output;         /* while WRITING */
    struct tr_http_stream *stream;         /* once its answer is one */
    TAILQ_ENTRY(tr_http_connection) entry; /* of the state's list */
    int64_t deadline_us;
    int64_t phase_us;     /* when the body or the answer began */
    uint64_t phase_bytes; /* of it so far; or read while lingering */
    union tr_http_address peer;
    int requests;
    uint16_t address_slot;
    enum tr_http_state state : 8;
    bool counted : 1;  /* against connections_per_address */
    bool paused : 1;   /* event is not added: the client sent more than was asked for */
    bool eof : 1;      /* it will send nothing more */
    bool closing : 1;  /* after this answer */
    bool polite : 1;   /* the client itself wanted the end, no need to linger */
    bool driving : 1;  /* a drive() is on the stack and goes on by itself */
    bool answered : 1; /* the request given to a handler has been answered meanwhile */
};

TAILQ_HEAD(tr_http_connections, tr_http_connection);

enum tr_http_body_kind {
    TR_HTTP_BODY_NONE,
    TR_HTTP_BODY_IN_PLACE, /* it fits behind the head in the input buffer */
    TR_HTTP_BODY_DIRECT,   /* read into a buffer of its own */
    TR_HTTP_BODY_DECODED   /* chunked or compressed: through the input buffer into its own */
};

struct tr_http_exchange {
    struct tr_http_request request; /* first, so that one is the other */
    struct tr_http_worker *worker;
    LIST_ENTRY(tr_http_exchange) entry; /* worker's exchanges or spare */
    bool in_on_head;

    struct tr_http_head head;
    struct tr_http_problem problem;

    char *in;        /* worker's input_bytes of room; [start, size) is filled */
    size_t start;    /* where this request begins */
    size_t size;     /* end of what was read */
    size_t consumed; /* end of what belongs to this request and was dealt with */

    enum tr_http_body_kind body_kind;
    struct tr_http_chunked chunked;
    struct tr_http_inflate *inflate; /* TR_HTTP_INFLATE_BYTES in server->body_memory */
    uint64_t raw_bytes;              /* of the body, without chunk framing, so far */
    char *body;
    size_t body_size;
    size_t body_capacity; /* counted in server->body_memory */

    struct tr_http_field fields[];
};

LIST_HEAD(tr_http_exchanges, tr_http_exchange);

struct tr_http_worker {
    struct tr_http_server *server;
    struct tr_loop *loop;
    struct event_base *base;
    int listener; /* -1 once draining */
    int spare_fd; /* given up for a moment when there is no other */
    struct event accept_event;
    struct event resume_event; /* accepting again */
    struct event tick_event;
    struct event turn_event; /* what is to be done when the callbacks of this turn are through */
    bool started;
    bool draining;
    bool freeing; /* nobody is told any more */
    int connection_count;
    struct tr_http_connections states[TR_HTTP_STATE_COUNT];
    struct tr_http_exchanges exchanges;
    struct tr_http_exchanges spare;
    int spare_count;
    struct tr_http_inflate *spare_inflate; /* one is enough for bodies that come in one piece */
    int64_t now_us;                        /* monotonic, as of this callback */
    int64_t rate_checked_us;
    int64_t date_second;
    char date[48]; /* the whole field line */
    struct tr_buf out;
};

struct tr_http_server {
    struct tr_http_options options;
    struct tr_http_limits limits;
    struct tr_http_handler handler;
    size_t input_bytes; /* of every input buffer */
    int port;
    int worker_count;
    struct tr_http_worker *workers;
    atomic_int connections; /* and orphaned exchanges */
    atomic_size_t body_memory;
    atomic_llong complained_us;  /* when the log last heard of missing descriptors */
    struct tr_networks *trusted; /* proxies */
    uint8_t address_key[16];
    _Atomic uint16_t address_counts[ADDRESS_SLOTS]; /* by keyed hash of the address */
};

/* forwarded.c: the client behind the peer. */
struct tr_address tr_http_forwarded(const struct tr_http_request *request, struct tr_address peer,
                                    const struct tr_networks *trusted,
                                    enum tr_http_proxy_field which);

/* exchange.c */
struct tr_http_exchange *tr_http_exchange_take(struct tr_http_worker *worker);
/* The end of a request and the beginning of the next, whose first bytes may be here already. */
void tr_http_exchange_next(struct tr_http_exchange *exchange);
void tr_http_exchange_release(struct tr_http_exchange *exchange);
void tr_http_exchange_trim(struct tr_http_worker *worker, int keep);
/* Fills the public part from the head. */
void tr_http_exchange_open(struct tr_http_exchange *exchange,
                           struct tr_http_connection *connection);

/* body.c: begin and more return enum tr_http_progress, with exchange->problem. */
int tr_http_body_begin(struct tr_http_exchange *exchange);
/* Where the next bytes of the body go. */
struct iovec tr_http_body_room(struct tr_http_exchange *exchange);
/* Takes in size bytes that were read to there; 0 for those that came along with the head. */
int tr_http_body_more(struct tr_http_exchange *exchange, size_t size);
/* For a body nobody wants: true if all of it is here, and is then dropped. */
bool tr_http_body_skip(struct tr_http_exchange *exchange);
/* Frees what the body took. */
void tr_http_body_drop(struct tr_http_exchange *exchange);

/* connection.c */
void tr_http_connection_open(struct tr_http_worker *worker, int fd,
                             const union tr_http_address *peer, int address_slot);
void tr_http_connection_close(struct tr_http_connection *connection);
/* An answer has been handed to send(); goes on to whatever comes next. */
void tr_http_connection_answered(struct tr_http_connection *connection);
void tr_http_connection_drain(struct tr_http_worker *worker);
void tr_http_connection_expire(struct tr_http_connection *connection);
/* The end of a loop's turn: goes on with the ready ones, frees the closed ones. */
void tr_http_connection_turn(struct tr_http_worker *worker);
/* Bytes read; 0 when there are none now; -1 when the client has ended or is gone. */
ssize_t tr_http_connection_receive(struct tr_http_connection *connection, struct iovec room,
                                   int flags);
/* Waits for the client to take what is on its way. */
void tr_http_connection_await(struct tr_http_connection *connection);
void tr_http_connection_move(struct tr_http_connection *connection, enum tr_http_state state,
                             int timeout_ms);

/* stream.c */
/* A piece as it goes over the wire. */
void tr_http_stream_append(struct tr_buf *out, struct tr_slice piece, bool chunked);
/* What was on its way has gone out. */
void tr_http_stream_sent(struct tr_http_stream *stream);
void tr_http_stream_readable(struct tr_http_stream *stream);
void tr_http_stream_beat(struct tr_http_stream *stream);
void tr_http_stream_drain(struct tr_http_worker *worker);
/* Its connection has been closed, and will be freed: tells the owner. */
void tr_http_stream_closed(struct tr_http_stream *stream);

/* output.c: 0, or -1 when the client is gone. What it does not take now is sent later. */
int tr_http_output_send(struct tr_http_connection *connection, struct tr_slice head,
                        struct tr_slice body);
void tr_http_output_drop(struct tr_http_connection *connection);

/* respond.c: writes status line, fields and body. */
struct tr_http_answer {
    const struct tr_http_response *response;
    bool head_only; /* the answer to HEAD */
    bool close;
    bool keep_alive; /* to be said, to HTTP/1.0 */
    bool stream;     /* there is no length; the body is its first piece */
    bool chunked;
};
int tr_http_answer(struct tr_http_connection *connection, const struct tr_http_answer *answer);
/* The server's own answer to what it does not take; ends the connection. */
void tr_http_refuse(struct tr_http_connection *connection, const struct tr_http_problem *problem);

/* deadline.c */
void tr_http_deadline_init(struct tr_http_worker *worker);
/* When there is something to watch, and when there is not. */
void tr_http_deadline_watch(struct tr_http_worker *worker, bool watch);

/* address.c: the slot for tr_http_connection_open(), -1 for a loopback address, which is not
 * counted, or -2 beyond connections_per_address. */
int tr_http_address_take(struct tr_http_server *server, const union tr_http_address *peer);
void tr_http_address_give(struct tr_http_server *server, int slot);

static inline bool tr_http_memory_take(struct tr_http_server *server, size_t bytes)
{
    if (atomic_fetch_add(&server->body_memory, bytes) + bytes <= server->options.body_memory_bytes)
        return true;
    atomic_fetch_sub(&server->body_memory, bytes);
    return false;
}

static inline void tr_http_memory_give(struct tr_http_server *server, size_t bytes)
{
    atomic_fetch_sub(&server->body_memory, bytes);
}
