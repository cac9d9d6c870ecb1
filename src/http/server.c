/* SPDX-License-Identifier: MIT */
/*
 * Listening and accepting: one SO_REUSEPORT socket per worker, at most ACCEPTS_PER_TURN
 * connections a turn, so that those that are there get their turn too. Without a free descriptor
 * the spare one is given up to accept one connection and end it, then nothing is accepted for
 * PAUSE_US: the others wait in the backlog, and nothing spins.
 */
#include "http_priv.h"
#include "traction/base/alloc.h"
#include "traction/base/clock.h"
#include "traction/base/hash.h"
#include "traction/base/log.h"
#include "traction/metrics.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 64, PAUSE_US = 100000, BACKLOG = 4096, COMPLAINT_US = 1000000 };

void tr_http_options_init(struct tr_http_options *options)
{
    *options = (struct tr_http_options){
        .host = "127.0.0.1",
        .port = 0,
        .workers = 1,
        .request_line_bytes = 8192,
        .head_bytes = 16384,
        .fields = 64,
        .body_bytes = 1 << 20,
        .body_memory_bytes = 96 << 20,
        .arena_bytes = 64 << 20,
        .connections = 10000,
        .connections_per_address = 100,
        .requests_per_connection = 1000,
        .head_timeout_ms = 10000,
        .body_timeout_ms = 30000,
        .body_rate_bytes = 1024,
        .idle_timeout_ms = 30000,
        .write_timeout_ms = 30000,
    };
}

/* ---- accepting ---- */

static void complain(struct tr_http_server *server, int code)
{
    int64_t now = tr_clock_mono_us();
    long long before = atomic_load(&server->complained_us);
    if (before != 0 && now - before < COMPLAINT_US)
        return;
    if (atomic_compare_exchange_strong(&server->complained_us, &before, now))
        tr_log(TR_LOG_WARNING, "cannot accept connections: %s; raise the limit of open files",
               strerror(code));
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void hang_up_on_one(struct tr_http_worker *worker)
{
    if (worker->spare_fd < 0)
        worker->spare_fd = open_spare();
    if (worker->spare_fd < 0)
        return;
    close(worker->spare_fd);
    int fd = accept4(worker->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        tr_metric_add(TR_METRIC_HTTP_REFUSED, 1);
    }
    worker->spare_fd = open_spare();
}

static void pause_accepting(struct tr_http_worker *worker, int code)
{
    static const struct timeval pause = {0, PAUSE_US};
    complain(worker->server, code);
    if (code == EMFILE || code == ENFILE)
        hang_up_on_one(worker);
    event_del(&worker->accept_event);
    event_add(&worker->resume_event, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct tr_http_worker *worker = context;
    if (worker->listener >= 0)
        event_add(&worker->accept_event, NULL);
}

/* A full house makes room by ending the connection that has been idle longest. */
static bool make_room(struct tr_http_worker *worker)
{
    struct tr_http_server *server = worker->server;
    if (atomic_load(&server->connections) < server->options.connections)
        return true;
    struct tr_http_connection *idle = TAILQ_FIRST(&worker->states[TR_HTTP_STATE_IDLE]);
    if (idle == NULL)
        return false;
    tr_http_connection_close(idle);
    return true;
}

static void admit(struct tr_http_worker *worker, int fd, const union tr_http_address *peer)
{
    struct tr_http_server *server = worker->server;
    int slot = tr_http_address_take(server, peer);
    if (slot == -2 || !make_room(worker)) {
        tr_http_address_give(server, slot);
        tr_metric_add(TR_METRIC_HTTP_REFUSED, 1);
        close(fd);
        return;
    }
    atomic_fetch_add(&server->connections, 1);
    tr_metric_add(TR_METRIC_HTTP_CONNECTIONS, 1);
    tr_http_connection_open(worker, fd, peer, slot);
}

/* 0, or the errno that ended it: EAGAIN when all were taken. */
static int accept_one(struct tr_http_worker *worker)
{
    union tr_http_address peer = {0};
    socklen_t size = sizeof peer;
    int fd = accept4(worker->listener, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        admit(worker, fd, &peer);
    return fd < 0 ? errno : 0;
}

static void on_accept(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct tr_http_worker *worker = context;
    worker->now_us = tr_clock_mono_us();
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int code = accept_one(worker);
        if (code == EAGAIN || code == EWOULDBLOCK)
            return;
        if (code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM) {
            pause_accepting(worker, code);
            return;
        }
    }
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    tr_http_connection_turn(context);
}

/* ---- beginning ---- */

static int listen_on(const struct addrinfo *address, int *fd_out)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    const int one = 1;
    const int zero = 0;
    /* Connections inherit TCP_NODELAY: an answer is one send, and nothing is to wait behind it. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
        (address->ai_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) < 0) ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int code = -errno;
        close(fd);
        return code;
    }
    *fd_out = fd;
    return 0;
}

static int port_of(int fd)
{
    union tr_http_address address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, &address.any, &size) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

/* SO_REUSEPORT lets a second server of the same user take its share of our connections; nobody
 * wants that, so the port is tried without it first. */
static int check_free(const struct addrinfo *address)
{
    const int one = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int code = 0;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0)
        code = -errno;
    if (fd >= 0)
        close(fd);
    return code;
}

static int listen_worker(struct tr_http_server *server, int index, struct tr_error *error)
{
    const struct tr_http_options *options = &server->options;
    char port[16];
    snprintf(port, sizeof port, "%d", server->port);
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *address;
    int status = getaddrinfo(options->host, port, &hints, &address);
    if (status != 0)
        return tr_error_set(error, -EINVAL, "could not resolve the address %s to listen on: %s",
                            options->host, gai_strerror(status));
    int code = index == 0 ? check_free(address) : 0;
    if (code == 0)
        code = listen_on(address, &server->workers[index].listener);
    freeaddrinfo(address);
    if (code == 0) {
        server->port = port_of(server->workers[index].listener);
        return 0;
    }
    tr_error_set(error, code, "could not listen on %s port %d: %s", options->host, server->port,
                 strerror(-code));
    if (code == -EADDRINUSE)
        tr_error_hint(error, "Another program listens there; choose another port.");
    return code;
}

static void init_worker(struct tr_http_server *server, struct tr_http_worker *worker)
{
    worker->server = server;
    worker->listener = -1;
    worker->spare_fd = -1;
    LIST_INIT(&worker->exchanges);
    LIST_INIT(&worker->spare);
    for (int state = 0; state < TR_HTTP_STATE_COUNT; state++)
        TAILQ_INIT(&worker->states[state]);
}

int tr_http_server_new(struct tr_http_server **server_out, const struct tr_http_options *options,
                       struct tr_http_handler handler, struct tr_error *error)
{
    TR_CLEANUP(tr_http_server_freep)
    struct tr_http_server *server = tr_calloc(1, sizeof *server);
    server->options = *options;
    server->limits = (struct tr_http_limits){.request_line_bytes = options->request_line_bytes,
                                             .head_bytes = options->head_bytes,
                                             .fields = options->fields};
    server->handler = handler;
    server->input_bytes = 2 * options->head_bytes + READ_EXTRA_BYTES;
    server->port = options->port;
    server->worker_count = options->workers;
    server->workers = tr_calloc((size_t)options->workers, sizeof *server->workers);
    tr_random(server->address_key, sizeof server->address_key);
    for (int i = 0; i < server->worker_count; i++)
        init_worker(server, &server->workers[i]);
    int status = tr_networks_parse(&server->trusted, options->trusted_proxies, error);
    for (int i = 0; i < server->worker_count && status == 0; i++)
        status = listen_worker(server, i, error);
    if (status < 0)
        return status;
    *server_out = TR_TAKE(server);
    return 0;
}

int tr_http_server_port(const struct tr_http_server *server)
{
    return server->port;
}

int tr_http_server_connections(const struct tr_http_server *server)
{
    return atomic_load(&server->connections);
}

void tr_http_server_start(struct tr_http_server *server, int index, struct tr_loop *loop)
{
    struct tr_http_worker *worker = &server->workers[index];
    worker->loop = loop;
    worker->base = tr_loop_base(loop);
    worker->spare_fd = open_spare();
    event_assign(&worker->accept_event, worker->base, worker->listener, EV_READ | EV_PERSIST,
                 on_accept, worker);
    event_assign(&worker->resume_event, worker->base, -1, 0, on_resume, worker);
    event_assign(&worker->turn_event, worker->base, -1, 0, on_turn, worker);
    tr_http_deadline_init(worker);
    event_add(&worker->accept_event, NULL);
    worker->started = true;
}

/* ---- end ---- */

static void stop_listening(struct tr_http_worker *worker)
{
    if (worker->listener < 0)
        return;
    if (worker->started) {
        event_del(&worker->accept_event);
        event_del(&worker->resume_event);
    }
    close(worker->listener);
    worker->listener = -1;
}

void tr_http_server_drain(struct tr_http_server *server, int index)
{
    struct tr_http_worker *worker = &server->workers[index];
    if (worker->draining)
        return;
    worker->now_us = tr_clock_mono_us();
    /* Closing a listener resets those in its backlog, who may have said something already. */
    for (int i = 0; i < BACKLOG && accept_one(worker) == 0; i++)
        ;
    stop_listening(worker);
    worker->draining = true;
    tr_http_connection_drain(worker);
}

static void free_worker(struct tr_http_worker *worker)
{
    stop_listening(worker);
    worker->freeing = true;
    for (int state = 0; state < TR_HTTP_STATE_CLOSED; state++) {
        struct tr_http_connection *connection;
        while ((connection = TAILQ_FIRST(&worker->states[state])) != NULL)
            tr_http_connection_close(connection);
    }
    while (!LIST_EMPTY(&worker->exchanges))
        tr_http_exchange_release(LIST_FIRST(&worker->exchanges));
    if (worker->started) {
        tr_http_connection_turn(worker);
        event_del(&worker->turn_event);
        event_del(&worker->tick_event);
    }
    tr_http_exchange_trim(worker, 0);
    tr_http_inflate_free(worker->spare_inflate);
    tr_buf_fini(&worker->out);
    if (worker->spare_fd >= 0)
        close(worker->spare_fd);
}

void tr_http_server_free(struct tr_http_server *server)
{
    if (server == NULL)
        return;
    for (int i = 0; i < server->worker_count; i++)
        free_worker(&server->workers[i]);
    free(server->workers);
    tr_networks_free(server->trusted);
    free(server);
}
