/* SPDX-License-Identifier: MIT */
/*
 * The life of a connection; its states are in http_priv.h. Two rules keep it simple: whoever calls
 * a handler looks at connection->answered before anything else afterwards, and nothing is freed
 * before the end of the loop's turn. A client that sends on while its request is with the
 * handlers is not read from: the event is taken out only then, so that the usual request costs no
 * epoll_ctl.
 */
#include "http_priv.h"
#include "traction/base/alloc.h"
#include "traction/base/clock.h"
#include "traction/metrics.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void drive(struct tr_http_connection *connection);

void tr_http_connection_move(struct tr_http_connection *connection, enum tr_http_state state,
                             int timeout_ms)
{
    struct tr_http_worker *worker = connection->worker;
    TAILQ_REMOVE(&worker->states[connection->state], connection, entry);
    connection->state = state;
    connection->deadline_us = worker->now_us + (int64_t)timeout_ms * 1000;
    TAILQ_INSERT_TAIL(&worker->states[state], connection, entry);
}

static const struct tr_http_options *options_of(const struct tr_http_connection *connection)
{
    return &connection->worker->server->options;
}

static void run_at_end_of_turn(struct tr_http_worker *worker)
{
    event_active(&worker->turn_event, EV_TIMEOUT, 0);
}

void tr_http_connection_close(struct tr_http_connection *connection)
{
    struct tr_http_worker *worker = connection->worker;
    struct tr_http_exchange *exchange = connection->exchange;
    bool orphaned =
        exchange != NULL && connection->state == TR_HTTP_STATE_BUSY && !connection->answered;
    tr_http_output_drop(connection);
    event_del(&connection->event);
    close(event_get_fd(&connection->event));
    if (connection->counted)
        tr_http_address_give(worker->server, connection->address_slot);
    connection->exchange = NULL;
    connection->answered = true;
    if (orphaned)
        exchange->request.connection = NULL; /* counts as a connection until it is answered */
    else
        atomic_fetch_sub(&worker->server->connections, 1);
    if (exchange != NULL && !orphaned)
        tr_http_exchange_release(exchange);
    if (--worker->connection_count == 0)
        tr_http_deadline_watch(worker, false);
    tr_http_connection_move(connection, TR_HTTP_STATE_CLOSED, 0);
    run_at_end_of_turn(worker);
}

static void pause_reading(struct tr_http_connection *connection)
{
    event_del(&connection->event);
    connection->paused = true;
}

static void resume_reading(struct tr_http_connection *connection)
{
    if (connection->paused)
        event_add(&connection->event, NULL);
    connection->paused = false;
}

/* ---- the end of an answer ---- */

static void linger(struct tr_http_connection *connection)
{
    bool done = connection->polite || connection->eof ||
                shutdown(event_get_fd(&connection->event), SHUT_WR) < 0;
    if (done) {
        tr_http_connection_close(connection);
        return;
    }
    connection->phase_bytes = 0;
    resume_reading(connection);
    tr_http_connection_move(connection, TR_HTTP_STATE_LINGERING, LINGER_MS);
}

static void await_request(struct tr_http_connection *connection)
{
    if (connection->eof) {
        tr_http_connection_close(connection);
        return;
    }
    resume_reading(connection);
    tr_http_connection_move(connection, TR_HTTP_STATE_IDLE,
                            options_of(connection)->idle_timeout_ms);
}

/* The request is over, whether or not its answer is out; what follows it may be here already. */
static void end_request(struct tr_http_connection *connection)
{
    struct tr_http_exchange *exchange = connection->exchange;
    if (exchange == NULL)
        return;
    if (!connection->closing && exchange->consumed < exchange->size) {
        tr_http_exchange_next(exchange);
        return;
    }
    tr_http_exchange_release(exchange);
    connection->exchange = NULL;
}

/* The next request, or a part of it, is here. */
static void begin_next(struct tr_http_connection *connection)
{
    if (connection->driving) {
        tr_http_connection_move(connection, TR_HTTP_STATE_HEAD,
                                options_of(connection)->head_timeout_ms);
        return;
    }
    tr_http_connection_move(connection, TR_HTTP_STATE_READY, 0);
    run_at_end_of_turn(connection->worker);
}

void tr_http_connection_await(struct tr_http_connection *connection)
{
    connection->phase_us = connection->worker->now_us;
    connection->phase_bytes = 0;
    tr_http_connection_move(connection, TR_HTTP_STATE_WRITING,
                            options_of(connection)->write_timeout_ms);
}

void tr_http_connection_answered(struct tr_http_connection *connection)
{
    end_request(connection);
    if (connection->output != NULL)
        tr_http_connection_await(connection);
    else if (connection->stream != NULL)
        tr_http_stream_sent(connection->stream);
    else if (connection->closing)
        linger(connection);
    else if (connection->exchange == NULL)
        await_request(connection);
    else
        begin_next(connection);
}

void tr_http_respond(struct tr_http_request *request, const struct tr_http_response *response)
{
    struct tr_http_exchange *exchange = (struct tr_http_exchange *)request;
    struct tr_http_connection *connection = request->connection;
    if (connection == NULL) {
        atomic_fetch_sub(&exchange->worker->server->connections, 1);
        tr_http_exchange_release(exchange);
        return;
    }
    assert(connection->state == TR_HTTP_STATE_BUSY && connection->exchange == exchange);
    const struct tr_http_head *head = &exchange->head;
    bool skipped = !exchange->in_on_head || tr_http_body_skip(exchange);
    connection->answered = true;
    connection->closing = response->close || !skipped || !tr_http_head_keeps_alive(head) ||
                          connection->worker->draining ||
                          connection->requests >= options_of(connection)->requests_per_connection;
    connection->polite = skipped && !tr_http_head_keeps_alive(head);
    if (!connection->driving)
        connection->worker->now_us = tr_clock_mono_us();
    struct tr_http_answer answer = {.response = response,
                                    .head_only = head->method == TR_HTTP_HEAD,
                                    .close = connection->closing,
                                    .keep_alive = head->minor == 0};
    if (tr_http_answer(connection, &answer) < 0)
        tr_http_connection_close(connection);
    else
        tr_http_connection_answered(connection);
}

/* ---- from bytes to handlers ---- */

static void refuse(struct tr_http_connection *connection, const struct tr_http_problem *problem)
{
    connection->answered = true;
    connection->closing = true;
    connection->polite = false;
    tr_http_refuse(connection, problem);
}

/* True if there may be more to do. */
static bool call_request(struct tr_http_connection *connection)
{
    struct tr_http_handler *handler = &connection->worker->server->handler;
    if (connection->state != TR_HTTP_STATE_BUSY)
        tr_http_connection_move(connection, TR_HTTP_STATE_BUSY, 0);
    connection->answered = false;
    handler->on_request(&connection->exchange->request, handler->context);
    return connection->answered;
}

static bool take_body(struct tr_http_connection *connection, size_t size)
{
    struct tr_http_exchange *exchange = connection->exchange;
    int status = tr_http_body_more(exchange, size);
    if (status == TR_HTTP_DONE)
        return call_request(connection);
    if (status < 0)
        refuse(connection, &exchange->problem);
    return false;
}

static void say_continue(struct tr_http_connection *connection)
{
    int status =
        tr_http_output_send(connection, TR_SLICE("HTTP/1.1 100 Continue\r\n\r\n"), TR_SLICE_NONE);
    /* A client that leaves no room for this reads none of its answers. */
    if (status < 0 || connection->output != NULL)
        tr_http_connection_close(connection);
}

static void await_body(struct tr_http_connection *connection, size_t here)
{
    connection->phase_us = connection->worker->now_us;
    connection->phase_bytes = here;
    tr_http_connection_move(connection, TR_HTTP_STATE_BODY,
                            options_of(connection)->body_timeout_ms);
    if (connection->exchange->head.expects_continue && here == 0)
        say_continue(connection);
}

static bool begin_body(struct tr_http_connection *connection)
{
    struct tr_http_exchange *exchange = connection->exchange;
    size_t here = exchange->size - exchange->consumed;
    int status = tr_http_body_begin(exchange);
    if (status == TR_HTTP_DONE)
        status = tr_http_body_more(exchange, 0);
    if (status == TR_HTTP_DONE)
        return call_request(connection);
    if (status < 0)
        refuse(connection, &exchange->problem);
    else
        await_body(connection, here);
    return false;
}

static bool call_head(struct tr_http_connection *connection)
{
    struct tr_http_handler *handler = &connection->worker->server->handler;
    struct tr_http_exchange *exchange = connection->exchange;
    tr_http_connection_move(connection, TR_HTTP_STATE_BUSY, 0);
    connection->requests++;
    tr_http_exchange_open(exchange, connection);
    if (handler->on_head != NULL) {
        connection->answered = false;
        exchange->in_on_head = true;
        handler->on_head(&exchange->request, handler->context);
        if (connection->answered)
            return true;
        exchange->in_on_head = false;
    }
    return begin_body(connection);
}

static bool take_head(struct tr_http_connection *connection)
{
    struct tr_http_exchange *exchange = connection->exchange;
    int status = tr_http_head_parse(&exchange->head, exchange->in + exchange->start,
                                    exchange->size - exchange->start);
    if (status == TR_HTTP_DONE)
        return call_head(connection);
    if (status < 0)
        refuse(connection, &exchange->head.problem);
    return false;
}

/* Takes the requests that are here already, one after the other, as long as each is answered
 * before its handler returns. */
static void drive(struct tr_http_connection *connection)
{
    connection->driving = true;
    while (connection->state == TR_HTTP_STATE_HEAD && connection->exchange != NULL)
        if (!take_head(connection))
            break;
    connection->driving = false;
    bool wants_more =
        connection->state == TR_HTTP_STATE_HEAD || connection->state == TR_HTTP_STATE_BODY;
    if (wants_more && connection->eof)
        tr_http_connection_close(connection);
    else if (wants_more)
        resume_reading(connection);
}

/* ---- reading ---- */

ssize_t tr_http_connection_receive(struct tr_http_connection *connection, struct iovec room,
                                   int flags)
{
    for (;;) {
        ssize_t got = recv(event_get_fd(&connection->event), room.iov_base, room.iov_len, flags);
        if (got > 0)
            return got;
        if (got == 0)
            connection->eof = true;
        if (got == 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK))
            return -1;
        if (errno != EINTR)
            return 0;
    }
}

static void read_head(struct tr_http_connection *connection)
{
    struct tr_http_worker *worker = connection->worker;
    bool first = connection->exchange == NULL;
    if (first)
        connection->exchange = tr_http_exchange_take(worker);
    struct tr_http_exchange *exchange = connection->exchange;
    struct iovec room = {exchange->in + exchange->size,
                         worker->server->input_bytes - exchange->size};
    ssize_t got = tr_http_connection_receive(connection, room, 0);
    if (got < 0) {
        tr_http_connection_close(connection);
        return;
    }
    if (got == 0) {
        if (first) {
            tr_http_exchange_release(exchange);
            connection->exchange = NULL;
        }
        return;
    }
    exchange->size += (size_t)got;
    if (connection->state == TR_HTTP_STATE_IDLE)
        tr_http_connection_move(connection, TR_HTTP_STATE_HEAD,
                                worker->server->options.head_timeout_ms);
    drive(connection);
}

static void read_body(struct tr_http_connection *connection)
{
    ssize_t got =
        tr_http_connection_receive(connection, tr_http_body_room(connection->exchange), 0);
    if (got < 0)
        tr_http_connection_close(connection);
    if (got <= 0)
        return;
    connection->phase_bytes += (uint64_t)got;
    connection->driving = true;
    bool more = take_body(connection, (size_t)got);
    connection->driving = false;
    if (more)
        drive(connection);
}

/* Something came while it was not asked for: more requests, which can wait, or the end. */
static void read_early(struct tr_http_connection *connection)
{
    char byte;
    ssize_t got = tr_http_connection_receive(connection, (struct iovec){&byte, 1}, MSG_PEEK);
    if (got < 0 && !connection->eof)
        tr_http_connection_close(connection);
    else if (got != 0)
        pause_reading(connection);
}

static void read_lingering(struct tr_http_connection *connection)
{
    char dropped[4096];
    ssize_t got =
        tr_http_connection_receive(connection, (struct iovec){dropped, sizeof dropped}, 0);
    if (got < 0) {
        tr_http_connection_close(connection);
        return;
    }
    connection->phase_bytes += (uint64_t)got;
    if (connection->phase_bytes >= LINGER_BYTES)
        pause_reading(connection); /* time for the client to see the answer; then it ends */
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct tr_http_connection *connection = context;
    connection->worker->now_us = tr_clock_mono_us();
    if (connection->stream != NULL && connection->state != TR_HTTP_STATE_CLOSED) {
        tr_http_stream_readable(connection->stream);
        return;
    }
    switch (connection->state) {
    case TR_HTTP_STATE_IDLE:
    case TR_HTTP_STATE_HEAD:
        read_head(connection);
        break;
    case TR_HTTP_STATE_BODY:
        read_body(connection);
        break;
    case TR_HTTP_STATE_BUSY:
    case TR_HTTP_STATE_WRITING:
        read_early(connection);
        break;
    case TR_HTTP_STATE_LINGERING:
        read_lingering(connection);
        break;
    default:
        break;
    }
}

/* ---- beginning, deadlines, end ---- */

void tr_http_connection_open(struct tr_http_worker *worker, int fd,
                             const union tr_http_address *peer, int address_slot)
{
    struct tr_http_connection *connection = tr_calloc(1, sizeof *connection);
    connection->worker = worker;
    connection->peer = *peer;
    connection->counted = address_slot >= 0;
    connection->address_slot = address_slot >= 0 ? (uint16_t)address_slot : 0;
    connection->state = TR_HTTP_STATE_HEAD;
    connection->deadline_us =
        worker->now_us + (int64_t)worker->server->options.head_timeout_ms * 1000;
    TAILQ_INSERT_TAIL(&worker->states[TR_HTTP_STATE_HEAD], connection, entry);
    event_assign(&connection->event, worker->base, fd, EV_READ | EV_PERSIST, on_readable,
                 connection);
    event_add(&connection->event, NULL);
    if (worker->connection_count++ == 0)
        tr_http_deadline_watch(worker, true);
}

void tr_http_connection_expire(struct tr_http_connection *connection)
{
    static const struct tr_http_problem late = {.status = 408,
                                                .message = "the request took too long to arrive"};
    bool begun = connection->exchange != NULL;
    switch (connection->state) {
    case TR_HTTP_STATE_HEAD:
    case TR_HTTP_STATE_BODY:
        tr_metric_add(TR_METRIC_HTTP_TIMEOUTS, 1);
        if (begun)
            refuse(connection, &late);
        else
            tr_http_connection_close(connection);
        break;
    case TR_HTTP_STATE_WRITING:
        tr_metric_add(TR_METRIC_HTTP_TIMEOUTS, 1);
        tr_http_connection_close(connection);
        break;
    case TR_HTTP_STATE_STREAMING:
        tr_http_stream_beat(connection->stream);
        break;
    default:
        tr_http_connection_close(connection);
        break;
    }
}

void tr_http_connection_turn(struct tr_http_worker *worker)
{
    struct tr_http_connection *connection;
    worker->now_us = tr_clock_mono_us();
    while ((connection = TAILQ_FIRST(&worker->states[TR_HTTP_STATE_READY])) != NULL) {
        tr_http_connection_move(connection, TR_HTTP_STATE_HEAD,
                                worker->server->options.head_timeout_ms);
        drive(connection);
    }
    while ((connection = TAILQ_FIRST(&worker->states[TR_HTTP_STATE_CLOSED])) != NULL) {
        TAILQ_REMOVE(&worker->states[TR_HTTP_STATE_CLOSED], connection, entry);
        if (connection->stream != NULL)
            tr_http_stream_closed(connection->stream);
        free(connection);
    }
    tr_http_exchange_trim(worker, SPARE_EXCHANGES);
}

/* What has reached us is answered; so one last look before a silent connection is closed. */
static void drain_state(struct tr_http_worker *worker, enum tr_http_state state)
{
    struct tr_http_connection *next = TAILQ_FIRST(&worker->states[state]);
    while (next != NULL) {
        struct tr_http_connection *connection = next;
        next = TAILQ_NEXT(connection, entry);
        if (connection->exchange != NULL)
            continue;
        read_head(connection);
        if (connection->state == state && connection->exchange == NULL)
            tr_http_connection_close(connection);
    }
}

void tr_http_connection_drain(struct tr_http_worker *worker)
{
    worker->now_us = tr_clock_mono_us();
    drain_state(worker, TR_HTTP_STATE_IDLE);
    drain_state(worker, TR_HTTP_STATE_HEAD);
    tr_http_stream_drain(worker);
}
