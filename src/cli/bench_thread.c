/* SPDX-License-Identifier: MIT */
/*
 * A thread of the load generator: a loop, its share of the connections, its share of the schedule.
 *
 * A connection is in one of these states; `active` counts those that are not RESTING:
 *
 *   RESTING ──take──▶ CONNECTING ──▶ BUSY ──answer──▶ RESTING, or BUSY with the next request
 *                         └────────────┴──failure──▶ WAITING (retry or pause) ──▶ CONNECTING
 *
 * Without a rate a connection takes its next request when the last one is answered. With a rate
 * requests are due at fixed times; one that finds no connection resting is sent late, and its
 * latency still counts from when it was due, so a slow server cannot slow its own measurement.
 */
#include "bench_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/clock.h"
#include "traction/base/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { TICK_US = 20 * 1000, PAUSE_US = 100 * 1000, READ_SIZE = 16 * 1024 };

enum state { RESTING, CONNECTING, BUSY, WAITING };

struct connection {
    struct bench_thread *thread;
    enum state state;
    int fd; /* -1: not connected */
    struct event *read_event;
    struct event *write_event;
    bool has_request;    /* out holds one that has not been answered */
    uint64_t first;      /* number of its first event */
    int events;          /* how many it holds */
    int64_t intended_us; /* when it should have been sent */
    int64_t sent_us;     /* when it was handed over; for the timeout */
    int64_t wait_us;     /* WAITING: until then */
    char *out;
    struct tr_slice request;
    size_t sent;
    struct bench_answer answer;
};

struct bench_thread {
    struct bench_run *run;
    pthread_t thread;
    struct tr_loop *loop;
    struct event *tick;
    struct event *due;
    bool due_paused; /* due waits for a connection to rest, not for the time */
    struct connection *connections;
    int connection_count;
    int active;
    bool finished; /* nothing more is to be sent */
    int64_t next_due_us;
    double next_due_rest; /* the fraction of a µs that next_due_us leaves out */
    double interval;      /* µs between requests; 0: no rate */
    struct bench_counts counts;
    char buffer[READ_SIZE];
};

static void start(struct connection *connection);

static void set_state(struct connection *connection, enum state state)
{
    connection->thread->active += (state != RESTING) - (connection->state != RESTING);
    connection->state = state;
}

static void disconnect(struct connection *connection)
{
    if (connection->fd < 0)
        return;
    event_free(connection->read_event);
    event_free(connection->write_event);
    close(connection->fd);
    connection->fd = -1;
}

static void stop_when_done(struct bench_thread *thread)
{
    if (thread->finished && thread->active == 0)
        tr_loop_stop(thread->loop);
}

/* The schedule ---------------------------------------------------------------------------------*/

static int64_t end_us(const struct bench_run *run)
{
    return run->options->duration_us > 0 ? run->start_us + run->options->duration_us : INT64_MAX;
}

static void advance_due(struct bench_thread *thread)
{
    thread->next_due_rest += thread->interval;
    int64_t whole = (int64_t)thread->next_due_rest;
    thread->next_due_us += whole;
    thread->next_due_rest -= (double)whole;
}

/* Builds the connection's next request. False when none is due, or none is left. */
static bool take_request(struct connection *connection)
{
    struct bench_thread *thread = connection->thread;
    struct bench_run *run = thread->run;
    const struct bench_options *options = run->options;
    int64_t now_us = tr_clock_mono_us();
    if (now_us >= end_us(run) || *run->interrupted)
        thread->finished = true;
    if (thread->finished || (thread->interval > 0 && thread->next_due_us > now_us))
        return false;
    uint64_t number = atomic_fetch_add_explicit(&run->next_request, 1, memory_order_relaxed);
    connection->first = number * (uint64_t)options->batch;
    connection->events = options->batch;
    if (options->events > 0 && connection->first >= options->events) {
        thread->finished = true;
        return false;
    }
    if (options->events > 0 && options->events - connection->first < (uint64_t)options->batch)
        connection->events = (int)(options->events - connection->first);
    connection->intended_us = now_us;
    if (thread->interval > 0) {
        connection->intended_us = thread->next_due_us;
        advance_due(thread);
    }
    connection->request = bench_mix_request(run->mix, connection->first, connection->events,
                                            tr_clock_wall_us(), connection->out);
    connection->has_request = true;
    return true;
}

static void arm_due(struct bench_thread *thread)
{
    int64_t wait_us = thread->next_due_us - tr_clock_mono_us();
    thread->due_paused = wait_us < 0;
    if (!thread->due_paused && !thread->finished)
        event_add(thread->due, &(struct timeval){wait_us / 1000000, wait_us % 1000000});
}

static void take_or_rest(struct connection *connection)
{
    if (take_request(connection)) {
        start(connection);
    } else {
        set_state(connection, RESTING);
        if (connection->thread->due_paused)
            arm_due(connection->thread);
        stop_when_done(connection->thread);
    }
}

static void on_due(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct bench_thread *thread = context;
    for (int i = 0; i < thread->connection_count; i++) {
        struct connection *connection = &thread->connections[i];
        if (connection->state != RESTING)
            continue;
        if (!take_request(connection))
            break;
        start(connection);
    }
    stop_when_done(thread);
    arm_due(thread);
}

/* Failures -------------------------------------------------------------------------------------*/

static void wait_until(struct connection *connection, int64_t when_us)
{
    connection->wait_us = when_us;
    set_state(connection, WAITING);
}

/* The request was not answered as it should: again later, or never. */
static void fail(struct connection *connection, int64_t pause_us)
{
    struct bench_thread *thread = connection->thread;
    if (thread->run->options->retry && !*thread->run->interrupted)
        thread->counts.retries++;
    else
        connection->has_request = false;
    wait_until(connection, tr_clock_mono_us() + pause_us);
}

static void on_lost(struct connection *connection, uint64_t *counter)
{
    disconnect(connection);
    (*counter)++;
    fail(connection, PAUSE_US);
}

/* Answers --------------------------------------------------------------------------------------*/

static void count_answer(struct connection *connection)
{
    struct bench_counts *counts = &connection->thread->counts;
    const struct bench_answer *answer = &connection->answer;
    double ms = (double)(tr_clock_mono_us() - connection->intended_us) / 1000;
    counts->requests++;
    counts->statuses[answer->status]++;
    tr_sketch_add(&counts->latency, tr_sketch_index(ms), 1);
    if (ms > counts->max_ms)
        counts->max_ms = ms;
    if (answer->status < 200 || answer->status >= 300)
        return;
    uint64_t events = (uint64_t)connection->events;
    uint64_t accepted = answer->accepted >= 0 ? (uint64_t)answer->accepted : events;
    counts->events += events;
    counts->accepted += accepted;
    counts->refused += accepted < events ? events - accepted : 0;
    atomic_fetch_add_explicit(&connection->thread->run->answered, events, memory_order_relaxed);
}

static bool should_retry(const struct connection *connection)
{
    int status = connection->answer.status;
    return connection->thread->run->options->retry && (status == 429 || status == 503);
}

static void on_answer(struct connection *connection)
{
    const struct bench_answer *answer = &connection->answer;
    if (answer->closes || connection->thread->run->options->new_connections ||
        connection->sent < connection->request.size)
        disconnect(connection);
    if (should_retry(connection)) {
        fail(connection, answer->retry_after > 0 ? answer->retry_after * 1000000L : PAUSE_US);
        return;
    }
    count_answer(connection);
    connection->has_request = false;
    take_or_rest(connection);
}

static void on_end(struct connection *connection)
{
    bool busy = connection->state == BUSY;
    if (busy && connection->answer.until_close) {
        disconnect(connection);
        on_answer(connection);
    } else if (busy || connection->state == CONNECTING) {
        on_lost(connection, &connection->thread->counts.lost);
    } else {
        disconnect(connection); /* the server tired of an idle connection, as it may */
    }
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct connection *connection = context;
    char *buffer = connection->thread->buffer;
    ssize_t got = recv(fd, buffer, READ_SIZE, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        on_end(connection);
        return;
    }
    int outcome = connection->state == BUSY
                      ? bench_answer_take(&connection->answer, buffer, (size_t)got)
                      : BENCH_ANSWER_BAD;
    if (outcome == BENCH_ANSWER_DONE)
        on_answer(connection);
    else if (outcome == BENCH_ANSWER_BAD)
        on_lost(connection, &connection->thread->counts.bad_answers);
}

/* Sending --------------------------------------------------------------------------------------*/

static void send_more(struct connection *connection)
{
    struct tr_slice request = connection->request;
    while (connection->sent < request.size) {
        ssize_t wrote = send(connection->fd, request.data + connection->sent,
                             request.size - connection->sent, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno == EAGAIN) {
            event_add(connection->write_event, NULL);
            return;
        }
        if (wrote < 0) {
            /* The server may have answered before it closed, so what it said is read first. */
            if (errno == ECONNRESET || errno == EPIPE)
                return;
            on_lost(connection, &connection->thread->counts.lost);
            return;
        }
        connection->sent += (size_t)wrote;
        connection->thread->counts.bytes_out += (uint64_t)wrote;
    }
}

static void send_request(struct connection *connection)
{
    set_state(connection, BUSY);
    connection->sent = 0;
    bench_answer_begin(&connection->answer);
    send_more(connection);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct connection *connection = context;
    if (connection->state == BUSY) {
        send_more(connection);
        return;
    }
    int code = 0;
    socklen_t size = sizeof code;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0)
        on_lost(connection, &connection->thread->counts.connect_errors);
    else
        send_request(connection);
}

static int open_socket(const struct bench_run *run, int *code_out)
{
    int family = run->address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        *code_out = errno;
        return -1;
    }
    if (family == AF_INET || family == AF_INET6)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    *code_out = 0;
    if (connect(fd, (const struct sockaddr *)&run->address, run->address_size) != 0)
        *code_out = errno;
    if (*code_out != 0 && *code_out != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void open_connection(struct connection *connection)
{
    struct bench_thread *thread = connection->thread;
    int code;
    int fd = open_socket(thread->run, &code);
    set_state(connection, CONNECTING);
    if (fd < 0) {
        on_lost(connection, &thread->counts.connect_errors);
        return;
    }
    struct event_base *base = tr_loop_base(thread->loop);
    connection->fd = fd;
    connection->read_event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    connection->write_event = event_new(base, fd, EV_WRITE, on_writable, connection);
    event_add(connection->read_event, NULL);
    if (code == EINPROGRESS)
        event_add(connection->write_event, NULL);
    else
        send_request(connection);
}

static void start(struct connection *connection)
{
    connection->sent_us = tr_clock_mono_us();
    if (connection->fd < 0)
        open_connection(connection);
    else
        send_request(connection);
}

/* The thread -----------------------------------------------------------------------------------*/

static void tick_connection(struct connection *connection, int64_t now_us)
{
    struct bench_thread *thread = connection->thread;
    int64_t timeout_us = thread->run->options->timeout_us;
    if (connection->state == WAITING) {
        if (*thread->run->interrupted)
            connection->has_request = false;
        if (now_us < connection->wait_us && !*thread->run->interrupted)
            return;
        if (connection->has_request)
            start(connection);
        else
            take_or_rest(connection);
    } else if (connection->state != RESTING && now_us - connection->sent_us > timeout_us) {
        on_lost(connection, &thread->counts.timeouts);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct bench_thread *thread = context;
    int64_t now_us = tr_clock_mono_us();
    if (now_us >= end_us(thread->run) || *thread->run->interrupted)
        thread->finished = true;
    for (int i = 0; i < thread->connection_count; i++)
        tick_connection(&thread->connections[i], now_us);
    stop_when_done(thread);
}

static void *run_thread(void *context)
{
    struct bench_thread *thread = context;
    event_add(thread->tick, &(struct timeval){0, TICK_US});
    if (thread->interval > 0)
        on_due(-1, 0, thread);
    else
        for (int i = 0; i < thread->connection_count; i++)
            take_or_rest(&thread->connections[i]);
    tr_loop_run(thread->loop);
    atomic_fetch_sub(&thread->run->running, 1);
    return NULL;
}

static void make_connections(struct bench_thread *thread, int index)
{
    const struct bench_options *options = thread->run->options;
    thread->connection_count =
        options->connections / options->threads + (index < options->connections % options->threads);
    thread->connections = tr_calloc((size_t)thread->connection_count, sizeof *thread->connections);
    for (int i = 0; i < thread->connection_count; i++) {
        struct connection *connection = &thread->connections[i];
        connection->thread = thread;
        connection->fd = -1;
        connection->out = tr_malloc(BENCH_HEAD_MAX + (size_t)options->batch * BENCH_EVENT_MAX);
    }
}

static void free_thread(struct bench_thread *thread)
{
    for (int i = 0; i < thread->connection_count; i++) {
        disconnect(&thread->connections[i]);
        free(thread->connections[i].out);
    }
    free(thread->connections);
    if (thread->tick != NULL)
        event_free(thread->tick);
    if (thread->due != NULL)
        event_free(thread->due);
    tr_loop_free(thread->loop);
    free(thread);
}

int bench_thread_start(struct bench_thread **thread_out, struct bench_run *run, int index,
                       struct tr_error *error)
{
    struct bench_thread *thread = tr_calloc(1, sizeof *thread);
    thread->run = run;
    make_connections(thread, index);
    if (run->options->rate > 0) {
        double step = 1e6 / run->options->rate;
        thread->interval = step * run->options->threads;
        thread->next_due_us = run->start_us + (int64_t)(step * index);
    }
    int result = tr_loop_new(&thread->loop, error);
    if (result < 0) {
        free_thread(thread);
        return result;
    }
    struct event_base *base = tr_loop_base(thread->loop);
    thread->tick = event_new(base, -1, EV_PERSIST, on_tick, thread);
    thread->due = event_new(base, -1, 0, on_due, thread);
    atomic_fetch_add(&run->running, 1);
    int code = pthread_create(&thread->thread, NULL, run_thread, thread);
    if (code != 0) {
        atomic_fetch_sub(&run->running, 1);
        free_thread(thread);
        return tr_error_set(error, -code, "could not start a thread: %s", strerror(code));
    }
    *thread_out = thread;
    return 0;
}

static void add_counts(struct bench_counts *sum, const struct bench_counts *more)
{
    sum->requests += more->requests;
    sum->events += more->events;
    sum->accepted += more->accepted;
    sum->refused += more->refused;
    sum->retries += more->retries;
    sum->connect_errors += more->connect_errors;
    sum->lost += more->lost;
    sum->timeouts += more->timeouts;
    sum->bad_answers += more->bad_answers;
    sum->unsent += more->unsent;
    sum->bytes_out += more->bytes_out;
    sum->max_ms = more->max_ms > sum->max_ms ? more->max_ms : sum->max_ms;
    for (size_t i = 0; i < sizeof sum->statuses / sizeof *sum->statuses; i++)
        sum->statuses[i] += more->statuses[i];
    for (int i = TR_SKETCH_INDEX_ZERO; i <= TR_SKETCH_INDEX_MAX; i++)
        tr_sketch_add(&sum->latency, i, more->latency.counts[i - TR_SKETCH_INDEX_ZERO]);
}

void bench_thread_join(struct bench_thread *thread, struct bench_counts *counts)
{
    pthread_join(thread->thread, NULL);
    int64_t late_us = end_us(thread->run) - thread->next_due_us;
    if (thread->interval > 0 && thread->run->options->events == 0 && late_us > 0)
        thread->counts.unsent = (uint64_t)((double)late_us / thread->interval);
    add_counts(counts, &thread->counts);
    free_thread(thread);
}
