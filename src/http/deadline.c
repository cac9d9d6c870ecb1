/* SPDX-License-Identifier: MIT */
/*
 * One timer per worker instead of one per connection. All connections in a state have the same
 * time, and come to its list in the order of time, so that only the first of each list need be
 * looked at. Rates are checked once a second, over all bodies and answers under way.
 */
#include "http_priv.h"
#include "traction/base/clock.h"
#include "traction/metrics.h"

#include <event2/event.h>

enum { TICK_US = 100000 };

static void expire_state(struct tr_http_worker *worker, enum tr_http_state state)
{
    struct tr_http_connection *connection;
    while ((connection = TAILQ_FIRST(&worker->states[state])) != NULL &&
           connection->deadline_us <= worker->now_us)
        tr_http_connection_expire(connection);
}

static bool is_too_slow(const struct tr_http_connection *connection)
{
    const struct tr_http_worker *worker = connection->worker;
    int64_t elapsed_ms = (worker->now_us - connection->phase_us) / 1000;
    int64_t rate = worker->server->options.body_rate_bytes;
    return elapsed_ms > GRACE_MS && (int64_t)connection->phase_bytes < rate * elapsed_ms / 1000;
}

static void expire_slow(struct tr_http_worker *worker, enum tr_http_state state)
{
    struct tr_http_connection *connection = TAILQ_FIRST(&worker->states[state]);
    while (connection != NULL) {
        struct tr_http_connection *next = TAILQ_NEXT(connection, entry);
        if (is_too_slow(connection))
            tr_http_connection_expire(connection);
        connection = next;
    }
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct tr_http_worker *worker = context;
    worker->now_us = tr_clock_mono_us();
    expire_state(worker, TR_HTTP_STATE_IDLE);
    expire_state(worker, TR_HTTP_STATE_HEAD);
    expire_state(worker, TR_HTTP_STATE_BODY);
    expire_state(worker, TR_HTTP_STATE_WRITING);
    expire_state(worker, TR_HTTP_STATE_STREAMING);
    expire_state(worker, TR_HTTP_STATE_LINGERING);
    if (worker->now_us - worker->rate_checked_us < 1000000)
        return;
    worker->rate_checked_us = worker->now_us;
    expire_slow(worker, TR_HTTP_STATE_BODY);
    expire_slow(worker, TR_HTTP_STATE_WRITING);
}

void tr_http_deadline_init(struct tr_http_worker *worker)
{
    event_assign(&worker->tick_event, worker->base, -1, EV_PERSIST, on_tick, worker);
}

void tr_http_deadline_watch(struct tr_http_worker *worker, bool watch)
{
    const struct timeval tick = {0, TICK_US};
    if (watch)
        event_add(&worker->tick_event, &tick);
    else
        event_del(&worker->tick_event);
}
