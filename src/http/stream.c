/* SPDX-License-Identifier: MIT */
/*
 * Answers that go on (RFC 9112 section 7.1: chunked; for HTTP/1.0 up to the connection's end). The
 * request's exchange is given back when the stream begins, so that what remains is the connection
 * and a struct tr_http_stream. What the client has not taken of a piece is kept as for any other
 * answer, under the same deadlines; the system's own buffer is made small, so that a client that
 * does not read is noticed soon and costs the system little.
 */
#include "http_priv.h"
#include "traction/base/alloc.h"
#include "traction/base/clock.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { SOCKET_BYTES = 65536, DROPPED_BYTES_MAX = 65536, OUT_KEEP_BYTES = 16384 };

void tr_http_stream_append(struct tr_buf *out, struct tr_slice piece, bool chunked)
{
    if (piece.size == 0)
        return; /* an empty chunk would be the end */
    if (chunked)
        tr_buf_printf(out, "%zx\r\n", piece.size);
    tr_buf_append_slice(out, piece);
    if (chunked)
        tr_buf_append_slice(out, TR_SLICE("\r\n"));
}

static void await_piece(struct tr_http_connection *connection)
{
    tr_http_connection_move(connection, TR_HTTP_STATE_STREAMING, TR_HTTP_HEARTBEAT_MS);
}

static void free_stream(struct tr_http_stream *stream)
{
    stream->connection->stream = NULL;
    free(stream);
}

/* Makes the request's answer one without an end, and its connection one without another request. */
static bool answer(struct tr_http_request *request, const struct tr_http_stream_start *start)
{
    struct tr_http_exchange *exchange = (struct tr_http_exchange *)request;
    struct tr_http_connection *connection = request->connection;
    const struct tr_http_head *head = &exchange->head;
    const int size = SOCKET_BYTES;
    connection->answered = true;
    connection->closing = true;
    connection->polite = true;
    if (!connection->driving)
        connection->worker->now_us = tr_clock_mono_us();
    setsockopt(event_get_fd(&connection->event), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    struct tr_http_answer answer = {.response = &start->response,
                                    .head_only = head->method == TR_HTTP_HEAD,
                                    .close = true,
                                    .stream = true,
                                    .chunked = head->minor > 0};
    return tr_http_answer(connection, &answer) == 0;
}

static struct tr_http_stream *attach(struct tr_http_connection *connection,
                                     const struct tr_http_stream_start *start, bool chunked)
{
    struct tr_http_stream *stream = tr_calloc(1, sizeof *stream);
    *stream = (struct tr_http_stream){.connection = connection,
                                      .on_end = start->on_end,
                                      .context = start->context,
                                      .heartbeat = start->heartbeat,
                                      .chunked = chunked};
    connection->stream = stream;
    return stream;
}

struct tr_http_stream *tr_http_stream_begin(struct tr_http_request *request,
                                            const struct tr_http_stream_start *start)
{
    struct tr_http_exchange *exchange = (struct tr_http_exchange *)request;
    struct tr_http_connection *connection = request->connection;
    if (connection == NULL) {
        tr_http_respond(request, &start->response); /* gives back what the client left behind */
        return NULL;
    }
    assert(connection->state == TR_HTTP_STATE_BUSY && !exchange->in_on_head);
    bool only_head = exchange->head.method == TR_HTTP_HEAD;
    bool chunked = exchange->head.minor > 0;
    if (!answer(request, start)) {
        tr_http_connection_close(connection);
        return NULL;
    }
    struct tr_http_stream *stream = only_head ? NULL : attach(connection, start, chunked);
    tr_http_connection_answered(connection);
    if (stream != NULL && connection->paused) {
        event_add(&connection->event, NULL); /* or its end would not be seen */
        connection->paused = false;
    }
    if (stream == NULL || !connection->worker->draining)
        return stream;
    tr_http_stream_end(stream);
    return NULL;
}

bool tr_http_stream_send(struct tr_http_stream *stream, struct tr_slice piece)
{
    struct tr_http_connection *connection = stream->connection;
    struct tr_http_worker *worker = connection->worker;
    if (connection->state != TR_HTTP_STATE_STREAMING)
        return false;
    assert(piece.size <= TR_HTTP_PIECE_BYTES);
    if (piece.size == 0)
        return true;
    worker->now_us = tr_clock_mono_us();
    tr_buf_clear(&worker->out, OUT_KEEP_BYTES);
    tr_http_stream_append(&worker->out, piece, stream->chunked);
    if (tr_http_output_send(connection, tr_buf_slice(&worker->out), TR_SLICE_NONE) < 0) {
        tr_http_connection_close(connection);
        return false;
    }
    if (connection->output != NULL)
        tr_http_connection_await(connection);
    return true;
}

/* Says that this is all, if there is room for it, and hangs up. */
static void finish(struct tr_http_connection *connection, bool chunked)
{
    int status = 0;
    if (connection->state == TR_HTTP_STATE_STREAMING && chunked)
        status = tr_http_output_send(connection, TR_SLICE("0\r\n\r\n"), TR_SLICE_NONE);
    if (status == 0 && connection->output == NULL)
        shutdown(event_get_fd(&connection->event), SHUT_WR);
    tr_http_connection_close(connection);
}

void tr_http_stream_end(struct tr_http_stream *stream)
{
    struct tr_http_connection *connection = stream->connection;
    bool chunked = stream->chunked;
    free_stream(stream);
    connection->worker->now_us = tr_clock_mono_us();
    if (connection->state != TR_HTTP_STATE_CLOSED)
        finish(connection, chunked);
}

void tr_http_stream_sent(struct tr_http_stream *stream)
{
    await_piece(stream->connection);
}

/* There is nothing to say any more for a client; its end is all that is of interest. */
void tr_http_stream_readable(struct tr_http_stream *stream)
{
    struct tr_http_connection *connection = stream->connection;
    char dropped[4096];
    ssize_t got =
        tr_http_connection_receive(connection, (struct iovec){dropped, sizeof dropped}, 0);
    if (got > 0)
        stream->dropped += (size_t)got;
    if (got < 0 || stream->dropped > DROPPED_BYTES_MAX)
        tr_http_connection_close(connection);
}

void tr_http_stream_beat(struct tr_http_stream *stream)
{
    struct tr_http_connection *connection = stream->connection;
    await_piece(connection);
    tr_http_stream_send(stream, stream->heartbeat);
}

static void drain_state(struct tr_http_worker *worker, enum tr_http_state state)
{
    struct tr_http_connection *next = TAILQ_FIRST(&worker->states[state]);
    while (next != NULL) {
        struct tr_http_connection *connection = next;
        next = TAILQ_NEXT(connection, entry);
        if (connection->stream != NULL)
            finish(connection, connection->stream->chunked);
    }
}

void tr_http_stream_drain(struct tr_http_worker *worker)
{
    drain_state(worker, TR_HTTP_STATE_STREAMING);
    drain_state(worker, TR_HTTP_STATE_WRITING);
}

void tr_http_stream_closed(struct tr_http_stream *stream)
{
    bool tell = !stream->connection->worker->freeing;
    void (*on_end)(void *context) = stream->on_end;
    void *context = stream->context;
    free_stream(stream);
    if (tell)
        on_end(context);
}
