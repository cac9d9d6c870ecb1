/* SPDX-License-Identifier: MIT */
/*
 * A few connections in a ring. A request goes out on the next one, and its answer is read only when
 * that one's turn comes again; so the server has something to do while the next batch is made, and
 * nothing here waits for more than one answer. What was not answered, or answered "later", is sent
 * again: each event has an id.
 */
#include "up_demo.h"

#include "bench_priv.h"

#include "traction/base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LANES = 4,
    REQUEST_MAX_BYTES = 2 << 20,
    ANSWER_SECONDS = 30,
    PAUSE_MS = 100,
    PAUSE_MAX_MS = 5000,
};
static const int64_t patience_us = INT64_C(60) * 1000000; /* without any progress */

struct lane {
    int fd;
    struct tr_buf request;
    int events; /* of the request that waits for its answer; 0: none does */
};

struct sender {
    const struct tr_up_demo_server *server;
    struct tr_up_demo_progress *progress;
    const char *authority; /* host:port */
    struct sockaddr_storage address;
    socklen_t address_size;
    struct lane lanes[LANES];
    int64_t progress_us; /* when something was accepted last */
};

static int check_stop(const struct sender *sender, struct tr_error *error)
{
    if (atomic_load(&sender->progress->stop))
        return tr_error_set(error, -ECANCELED, "the demo was stopped before all of it was loaded");
    return 0;
}

/* In small steps, so that a stop is noticed. */
static int pause_ms(const struct sender *sender, int ms, struct tr_error *error)
{
    int64_t until_us = tr_clock_mono_us() + (int64_t)ms * 1000;
    int result = check_stop(sender, error);
    while (result == 0 && tr_clock_mono_us() < until_us) {
        poll(NULL, 0, 20);
        result = check_stop(sender, error);
    }
    return result;
}

/* Connections ---------------------------------------------------------------------------------- */

static int resolve(struct sender *sender, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *copy = tr_strdup(sender->authority);
    char *port = strrchr(copy, ':');
    char *host = copy;
    if (port == NULL)
        return tr_error_set(error, -EINVAL, "%s has no port", sender->authority);
    *port++ = '\0';
    if (host[0] == '[') {
        host++;
        host[strcspn(host, "]")] = '\0';
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0)
        return tr_error_set(error, -EHOSTUNREACH, "%s: %s", sender->authority, gai_strerror(code));
    memcpy(&sender->address, found->ai_addr, found->ai_addrlen);
    sender->address_size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static void disconnect(struct lane *lane)
{
    if (lane->fd >= 0)
        close(lane->fd);
    lane->fd = -1;
}

static bool open_connection(const struct sender *sender, struct lane *lane)
{
    if (lane->fd >= 0)
        return true;
    lane->fd = socket(sender->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (lane->fd < 0)
        return false;
    struct timeval timeout = {.tv_sec = ANSWER_SECONDS};
    setsockopt(lane->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(lane->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(lane->fd, (const struct sockaddr *)&sender->address, sender->address_size) == 0)
        return true;
    disconnect(lane);
    return false;
}

/* False when the connection is lost, and closed then. */
static bool send_request(const struct sender *sender, struct lane *lane)
{
    if (!open_connection(sender, lane))
        return false;
    for (size_t sent = 0; sent < lane->request.size;) {
        ssize_t wrote =
            send(lane->fd, lane->request.data + sent, lane->request.size - sent, MSG_NOSIGNAL);
        if (wrote < 0 && errno != EINTR) {
            disconnect(lane);
            return false;
        }
        sent += wrote > 0 ? (size_t)wrote : 0;
    }
    return true;
}

static bool read_answer(struct lane *lane, struct bench_answer *answer)
{
    char bytes[4096];
    int outcome = 0;
    bench_answer_begin(answer);
    while (lane->fd >= 0 && outcome == 0) {
        ssize_t got = recv(lane->fd, bytes, sizeof bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        outcome = got > 0 ? bench_answer_take(answer, bytes, (size_t)got) : BENCH_ANSWER_BAD;
    }
    if (outcome != BENCH_ANSWER_DONE || answer->closes)
        disconnect(lane);
    return outcome == BENCH_ANSWER_DONE;
}

/* Answers -------------------------------------------------------------------------------------- */

static int check_accepted(struct sender *sender, struct lane *lane,
                          const struct bench_answer *answer, struct tr_error *error)
{
    if (answer->accepted != lane->events) {
        tr_error_set(error, -EPROTO, "the server refused events of the demo: %.200s",
                     strstr(answer->bytes, "\r\n\r\n") + 4);
        return tr_error_hint(error, "See \"traction rejects list\".");
    }
    atomic_fetch_add(&sender->progress->accepted, lane->events);
    lane->events = 0;
    sender->progress_us = tr_clock_mono_us();
    return 0;
}

static bool is_later(int status)
{
    return status == 429 || status == 503;
}

/* Waits for the answer, sending again until there is a good one. */
static int settle(struct sender *sender, struct lane *lane, struct tr_error *error)
{
    while (lane->events > 0) {
        struct bench_answer answer;
        bool answered = read_answer(lane, &answer);
        if (answered && answer.status >= 200 && answer.status < 300)
            return check_accepted(sender, lane, &answer, error);
        if (answered && !is_later(answer.status))
            return tr_error_set(error, -EPROTO, "the server answered the demo with status %d",
                                answer.status);
        if (tr_clock_mono_us() - sender->progress_us > patience_us)
            return tr_error_set(error, -ETIMEDOUT, "the server does not take the demo's events");
        int ms = answered && answer.retry_after > 0 ? answer.retry_after * 1000 : PAUSE_MS;
        int result = pause_ms(sender, ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS, error);
        if (result < 0)
            return result;
        send_request(sender, lane); /* if it is lost again, the next round finds out */
    }
    return 0;
}

static void write_request(const struct sender *sender, struct lane *lane,
                          const struct tr_demo_batch *batch)
{
    tr_buf_clear(&lane->request, lane->request.capacity);
    tr_buf_printf(&lane->request,
                  "POST /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                  "User-Agent: %s\r\nContent-Length: %zu\r\n\r\n",
                  sender->authority, sender->server->write_key, batch->user_agent,
                  batch->body.size);
    tr_buf_append_slice(&lane->request, batch->body);
    lane->events = batch->events;
}

static int send_all(struct sender *sender, struct tr_demo *demo, struct tr_error *error)
{
    struct tr_demo_batch batch;
    int turn = 0;
    int result = 0;
    while (result == 0 && tr_demo_next(demo, &batch)) {
        struct lane *lane = &sender->lanes[turn++ % LANES];
        result = check_stop(sender, error);
        if (result == 0)
            result = settle(sender, lane, error);
        if (result < 0)
            return result;
        write_request(sender, lane, &batch);
        send_request(sender, lane); /* if it is lost, settle() sends it again */
    }
    for (int i = 0; result == 0 && i < LANES; i++)
        result = settle(sender, &sender->lanes[i], error);
    return result;
}

/* Until all of it is in PostgreSQL --------------------------------------------------------------
 */

/* False when there was no answer. */
static bool read_stored(struct sender *sender, int64_t *stored_out)
{
    struct lane *lane = &sender->lanes[0];
    struct bench_answer answer;
    tr_buf_clear(&lane->request, lane->request.capacity);
    tr_buf_printf(&lane->request,
                  "GET /v1/ledger HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n",
                  sender->authority, sender->server->read_key);
    if (!send_request(sender, lane) || !read_answer(lane, &answer) || answer.status != 200)
        return false;
    json_t *ledger = json_loads(strstr(answer.bytes, "\r\n\r\n") + 4, 0, NULL);
    *stored_out = json_integer_value(json_object_get(ledger, "stored"));
    json_decref(ledger);
    return true;
}

static int wait_until_stored(struct sender *sender, int64_t wanted, struct tr_error *error)
{
    int64_t best = 0;
    sender->progress_us = tr_clock_mono_us();
    for (;;) {
        int64_t stored = 0;
        if (read_stored(sender, &stored) && stored >= wanted)
            return 0;
        if (stored > best) {
            best = stored;
            sender->progress_us = tr_clock_mono_us();
        }
        if (tr_clock_mono_us() - sender->progress_us > patience_us)
            return tr_error_set(error, -ETIMEDOUT, "%lld events of the demo are not in PostgreSQL",
                                (long long)(wanted - best));
        int result = pause_ms(sender, PAUSE_MS, error);
        if (result < 0)
            return result;
    }
}

/* ---------------------------------------------------------------------------------------------- */

static void fini(struct sender *sender)
{
    for (int i = 0; i < LANES; i++) {
        disconnect(&sender->lanes[i]);
        tr_buf_fini(&sender->lanes[i].request);
    }
}

int tr_up_demo_send(struct tr_demo *demo, const struct tr_up_demo_server *server,
                    struct tr_up_demo_progress *progress, struct tr_error *error)
{
    TR_CLEANUP(fini)
    struct sender sender = {.server = server,
                            .progress = progress,
                            .authority = strstr(server->url, "://") + 3,
                            .progress_us = tr_clock_mono_us()};
    for (int i = 0; i < LANES; i++) {
        sender.lanes[i].fd = -1;
        tr_buf_init(&sender.lanes[i].request, REQUEST_MAX_BYTES);
    }
    int result = resolve(&sender, error);
    if (result == 0)
        result = send_all(&sender, demo, error);
    struct tr_demo_facts facts;
    tr_demo_get_facts(demo, &facts);
    return result == 0 ? wait_until_stored(&sender, facts.events, error) : result;
}
