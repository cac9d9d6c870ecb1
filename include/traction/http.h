/* SPDX-License-Identifier: MIT */
/*
 * A small, strict HTTP/1.1 server (RFC 9110, RFC 9112) on libevent's core: what the grammar allows
 * and nothing else, everything bounded, deadlines from accept, one request at a time per
 * connection, answers that may come later.
 *
 * The life of a request: the head is read and checked; on_head() may answer at once (401, 404,
 * 413: the body is then not buffered); else the body is read, dechunked and inflated against
 * body_limit; on_request() is called with all of it. Exactly one tr_http_respond() ends every
 * request, in either callback or, after on_request(), any time later on the same loop's thread;
 * until then the request and everything it points to stay valid, even when the client has gone,
 * which nobody needs to notice: the answer is then dropped. Between on_head() and on_request() the
 * server may end the request by itself (the client gone, the body refused), so that what on_head()
 * keeps must live in the request's arena.
 *
 * A request that is not taken is answered by the server, with what was wrong as
 * {"error":{"code":…,"message":…}}, and its connection is closed.
 */
#pragma once

#include "traction/base/address.h"
#include "traction/base/arena.h"
#include "traction/base/error.h"
#include "traction/base/loop.h"
#include "traction/base/slice.h"

#include <stdint.h>
#include <sys/socket.h>

enum tr_http_method {
    TR_HTTP_GET,
    TR_HTTP_HEAD,
    TR_HTTP_POST,
    TR_HTTP_PUT,
    TR_HTTP_DELETE,
    TR_HTTP_OPTIONS,
    TR_HTTP_OTHER
};

struct tr_http_field {
    struct tr_slice name;
    struct tr_slice value;
};

struct tr_http_connection;

struct tr_http_request {
    enum tr_http_method method;
    struct tr_slice target;             /* as sent */
    struct tr_slice path;               /* percent-decoded, without the query */
    struct tr_slice query;              /* raw, after "?" */
    const struct tr_http_field *fields; /* names as sent */
    size_t field_count;
    struct tr_slice body; /* whole and inflated, in on_request() */
    size_t body_limit;    /* on_head() may lower or raise it; default from options */
    struct sockaddr_storage peer;
    int64_t received_us;    /* wall clock, when the head was complete */
    struct tr_loop *loop;   /* whose thread this is */
    struct tr_arena *arena; /* dies with the request */
    void *user;             /* the handlers' own; NULL at first */
    struct tr_http_connection *connection;
};

struct tr_http_response {
    int status;
    const char *content_type;           /* NULL: none */
    struct tr_slice body;               /* copied */
    const struct tr_http_field *fields; /* extra; copied; left out if malformed, as with CR or LF */
    size_t field_count;
    bool close; /* end the connection after this answer */
};

struct tr_http_handler {
    void (*on_head)(struct tr_http_request *request, void *context); /* may be NULL */
    void (*on_request)(struct tr_http_request *request, void *context);
    void *context;
};

/* Loop's thread. Everything is copied; request is gone afterwards. No handler is called from
 * within. The answer to HEAD is the one GET would get; its body is left out here. */
void tr_http_respond(struct tr_http_request *request, const struct tr_http_response *response);
/* The same for JSON text. */
void tr_http_respond_json(struct tr_http_request *request, int status, struct tr_slice json);
/* {"error":{"code":…,"message":…}}, with Retry-After: 1 for 429 and 503. code may be NULL: one that
 * goes with the status. Bytes of the message that JSON must not have are escaped. */
void tr_http_respond_error(struct tr_http_request *request, int status, const char *code,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Answers that go on: a head, then pieces for as long as both sides like, chunked, or up to the
 * connection's end for HTTP/1.0. A stream costs a few hundred bytes while nothing is on its way,
 * and never keeps more than one piece for a client: the next is not taken before that one has gone.
 * A client that does not take what is on its way within write_timeout_ms, or at less than
 * body_rate_bytes, is cut off, and what it sends is dropped, 64 KiB at most. */
enum { TR_HTTP_HEARTBEAT_MS = 10000 };
struct tr_http_stream;
struct tr_http_stream_start {
    struct tr_http_response response; /* its body is the first piece; close is implied */
    struct tr_slice heartbeat; /* a piece for every TR_HTTP_HEARTBEAT_MS; static; may be empty */
    /* The client has gone, was cut off, or the server drains. At the end of a loop's turn, never
     * from within another call; the stream is gone. Not called after tr_http_stream_end(), nor by
     * tr_http_server_free(). */
    void (*on_end)(void *context);
    void *context;
};
/* In on_request() or after it, in place of tr_http_respond(). NULL: there is nobody to send to (the
 * client has gone, the server drains, or only the head was asked for); on_end() is not called. */
struct tr_http_stream *tr_http_stream_begin(struct tr_http_request *request,
                                            const struct tr_http_stream_start *start);
/* Loop's thread. False: nothing of the piece was taken, the one before is still on its way, or the
 * client has gone. Pieces of at most TR_HTTP_PIECE_BYTES; an empty one is nothing. */
enum { TR_HTTP_PIECE_BYTES = 512 * 1024 };
bool tr_http_stream_send(struct tr_http_stream *stream, struct tr_slice piece);
/* Loop's thread. Ends the answer and its connection; what is still on its way is dropped. */
void tr_http_stream_end(struct tr_http_stream *stream);

/* The value of a field, by name in any case; absent: data NULL. Borrowed from the request. */
struct tr_slice tr_http_field(const struct tr_http_request *request, const char *name);
/* The decoded value of a query parameter ("+" is a space), from the request's arena; the first if
 * it is repeated. Absent: data NULL. *next (may be NULL) starts at 0 and walks repeated ones. */
struct tr_slice tr_http_query(struct tr_http_request *request, const char *name, size_t *next);
/* Walks all query parameters, decoded; *next starts at 0. False at the end. */
bool tr_http_query_next(struct tr_http_request *request, size_t *next, struct tr_slice *name_out,
                        struct tr_slice *value_out);

/* Who sent the request: the peer, or whom trusted proxies had it from. Behind no trusted proxy the
 * fields that name somebody are not looked at. Loop's thread. */
struct tr_address tr_http_client(const struct tr_http_request *request);

/* A table of routes. Paths are exact, one slash more at the end is let pass; a star stands for one
 * segment, at the end of a path for everything below it. */
#define TR_HTTP_METHOD_BIT(method) (1u << (method))
struct tr_http_route {
    unsigned methods; /* TR_HTTP_METHOD_BIT()s; GET answers HEAD too */
    const char *path; /* without a slash at the end, but for "/" */
    void (*on_head)(struct tr_http_request *request, void *context);
    void (*on_request)(struct tr_http_request *request, void *context);
    const void *data; /* the table's own: what may call it, say */
};
/* NULL: none, and *allowed_out (may be NULL) has the methods the path knows, 0 if it is unknown. */
const struct tr_http_route *tr_http_route_find(const struct tr_http_route *routes, size_t count,
                                               const struct tr_http_request *request,
                                               unsigned *allowed_out);
/* 404, or 405 with Allow. */
void tr_http_respond_no_route(struct tr_http_request *request, unsigned allowed);

/* Which field proxies add the address to; the other is not looked at, because a proxy that does not
 * know it passes on whatever the client wrote there. */
enum tr_http_proxy_field { TR_HTTP_X_FORWARDED_FOR, TR_HTTP_FORWARDED };

struct tr_http_options {
    const char *host; /* borrowed */
    int port;         /* 0: any free one */
    int workers;
    size_t request_line_bytes;   /* 8 KiB */
    size_t head_bytes;           /* 16 KiB */
    size_t fields;               /* 64 */
    size_t body_bytes;           /* 1 MiB, raw and inflated */
    size_t body_memory_bytes;    /* all bodies until answered, whole server: 96 MiB; beyond: 503;
                                    those that fit in two heads are not counted */
    size_t arena_bytes;          /* 64 MiB; a handler that asks for more aborts, so it must not */
    int connections;             /* 10,000 */
    int connections_per_address; /* 100; loopback addresses and trusted proxies are not counted */
    const char *trusted_proxies; /* networks, as tr_networks_parse() reads them; NULL: none */
    int proxy_field;             /* enum tr_http_proxy_field */
    int requests_per_connection; /* 1,000 */
    int head_timeout_ms;         /* 10 s, from accept or the first byte of the next request */
    int body_timeout_ms;         /* 30 s */
    int body_rate_bytes;         /* 1 KiB/s after 5 s, averaged since the body began; answers too */
    int idle_timeout_ms;         /* 30 s between requests */
    int write_timeout_ms;        /* 30 s without the client taking a byte */
};
/* All defaults, as in the comments above. */
void tr_http_options_init(struct tr_http_options *options);

struct tr_http_server;
/* Binds and listens, one SO_REUSEPORT socket per worker, so that errors show at once and the port
 * is known; accepts nothing before tr_http_server_start(). */
int tr_http_server_new(struct tr_http_server **server_out, const struct tr_http_options *options,
                       struct tr_http_handler handler, struct tr_error *error);
int tr_http_server_port(const struct tr_http_server *server);
/* Makes the given loop serve worker number index. Before the loop runs, or on its thread. */
void tr_http_server_start(struct tr_http_server *server, int index, struct tr_loop *loop);
/* Loop's thread: stops accepting, closes idle connections and ends streams; connections with a
 * request end with its answer. */
void tr_http_server_drain(struct tr_http_server *server, int index);
/* Open connections of all workers, and requests whose client has gone but which are not answered
 * yet; any thread. 0 after a drain means nothing is left to answer. */
int tr_http_server_connections(const struct tr_http_server *server);
/* After all loops have ended, before they are freed. Frees the requests nobody answered too. */
void tr_http_server_free(struct tr_http_server *server);
TR_DEFINE_CLEANUP(struct tr_http_server, tr_http_server_free)
