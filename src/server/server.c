/* SPDX-License-Identifier: MIT */
/*
 * Start, in this order: spool (recovers), keys, writer, intake and api, listening sockets, workers.
 * End, in the other: no new connections; what was begun is answered; workers end; the spool is
 * flushed and sealed; the writer lands what it can; threads end.
 *
 * What is acknowledged is on disk all the time, so ending early loses nothing. Hence nothing is
 * waited for without end: what waits for PostgreSQL is interrupted, a second signal ends the
 * process, and so does an alarm, whatever else may be stuck (a name server, a disk).
 */
#include "server_priv.h"

#include "traction/base/clock.h"
#include "traction/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    TICK_MS = 100,
    /* After the drain timeout: for what is still in the spool, and for everything. */
    FINAL_LANDING_MS = 2500,
    END_S = 10,
};

/* What is closed would be the number of the next file opened, and a message be written there. Once
 * open for reading only, writing to it fails as it should. */
static void keep_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            abort();
}

void tr_server_prepare_process(void)
{
    keep_standard_descriptors();
    tr_alloc_install();
    json_object_seed(0);
    /* A client that went away, a file size limit: errors where they happen, not deaths. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* Routing: the tables are searched in order, the busiest first
 * ---------------------------------------- */

static const struct tr_http_route *find_route(struct tr_server *server,
                                              const struct tr_http_request *request,
                                              void **context_out, unsigned *allowed_out)
{
    *allowed_out = 0;
    for (int i = 0; i < TABLES; i++) {
        unsigned allowed = 0;
        const struct tr_http_route *route = tr_http_route_find(
            server->tables[i].routes, server->tables[i].count, request, &allowed);
        *allowed_out |= allowed;
        *context_out = server->tables[i].context;
        if (route != NULL)
            return route;
    }
    return NULL;
}

static void on_head(struct tr_http_request *request, void *context)
{
    void *module = NULL;
    unsigned allowed = 0;
    const struct tr_http_route *route = find_route(context, request, &module, &allowed);
    if (route == NULL)
        tr_http_respond_no_route(request, allowed);
    else if (route->on_head != NULL)
        route->on_head(request, module);
}

static void on_request(struct tr_http_request *request, void *context)
{
    void *module = NULL;
    unsigned allowed = 0;
    const struct tr_http_route *route = find_route(context, request, &module, &allowed);
    route->on_request(request, module);
}

/* Workers
 * -------------------------------------------------------------------------------------------- */

static void *run_worker(void *context)
{
    struct worker *worker = context;
    tr_loop_run(worker->loop);
    return NULL;
}

static void on_drain(struct tr_message *message)
{
    struct worker *worker = (struct worker *)((char *)message - offsetof(struct worker, drain));
    tr_http_server_drain(worker->server->http, worker->index);
}

static int start_workers(struct tr_server *server, struct tr_error *error)
{
    for (int i = 0; i < server->worker_count; i++) {
        struct worker *worker = &server->workers[i];
        *worker = (struct worker){.server = server, .index = i, .drain = {.run = on_drain}};
        int result = tr_loop_new(&worker->loop, error);
        if (result < 0)
            return result;
        tr_http_server_start(server->http, i, worker->loop);
        result = tr_thread_start(&worker->thread, "worker", run_worker, worker, error);
        if (result < 0)
            return result;
        worker->started = true;
    }
    return 0;
}

static void stop_workers(struct tr_server *server)
{
    for (int i = 0; i < server->worker_count; i++)
        if (server->workers[i].started)
            tr_loop_stop(server->workers[i].loop);
    for (int i = 0; i < server->worker_count; i++)
        if (server->workers[i].started)
            pthread_join(server->workers[i].thread, NULL);
}

/* Signals
 * ------------------------------------------------------------------------------------------- */

static void begin_drain(struct tr_server *server)
{
    if (server->drain_until_us != 0)
        return;
    server->drain_until_us = tr_clock_mono_us() + (int64_t)server->config->drain_timeout_ms * 1000;
    atomic_store(&server->draining, true);
    for (int i = 0; i < server->worker_count; i++)
        tr_loop_post(server->workers[i].loop, &server->workers[i].drain);
    tr_alert_begin_stop(server->alert);
}

/* As later, when nobody catches signals any more. */
static void end_at_once(int number)
{
    tr_log(TR_LOG_WARNING, "a second signal: ending at once; what is acknowledged is in the spool");
    signal(number, SIG_DFL);
    raise(number);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct tr_server *server = context;
    if (++server->signal_count > 1)
        end_at_once((int)number);
    begin_drain(server);
}

/* Caught before anybody can see that the server runs; answered when its loop does. */
static void catch_signals(struct tr_server *server)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM};
    for (int i = 0; i < SIGNALS; i++) {
        server->signals[i] =
            evsignal_new(tr_loop_base(server->main_loop), numbers[i], on_signal, server);
        event_add(server->signals[i], NULL);
    }
}

static void release_signals(struct tr_server *server)
{
    for (int i = 0; i < SIGNALS; i++) {
        if (server->signals[i] != NULL)
            event_free(server->signals[i]);
        server->signals[i] = NULL;
    }
}

/* Starting
 * ------------------------------------------------------------------------------------------- */

static int start_storage(struct tr_server *server, struct tr_error *error)
{
    const struct tr_config *config = server->config;
    int result = tr_spool_open(&server->spool, &config->spool, error);
    if (result == 0)
        result = tr_spool_start(server->spool, error);
    if (result == 0)
        result = tr_auth_start(&server->auth, &config->auth, error);
    if (result < 0)
        return result;
    struct tr_writer_options writer = config->writer;
    writer.database_url = config->database_url;
    writer.spool = server->spool;
    writer.spool_directory = config->spool.directory;
    return tr_writer_start(&server->writer, &writer, error);
}

static int start_modules(struct tr_server *server, struct tr_error *error)
{
    const struct tr_config *config = server->config;
    struct tr_intake_options intake;
    tr_intake_options_init(&intake);
    intake.auth = server->auth;
    intake.spool = server->spool;
    intake.writer = server->writer;
    intake.limits = config->event_limits;
    intake.ack = (enum tr_intake_ack)config->ack;
    intake.commit_timeout_ms = config->commit_timeout_ms;
    intake.events_per_second = config->events_per_second;
    intake.address = (enum tr_privacy_address)config->privacy_address;
    intake.geoip_path = config->geoip;
    TR_CLEANUP(tr_freep) char *salt_path = tr_printf("%s/salt", config->spool.directory);
    intake.salt_path = salt_path;
    int result = tr_intake_new(&server->intake, &intake, error);
    if (result < 0)
        return result;
    struct tr_api_options api;
    tr_api_options_init(&api);
    api.auth = server->auth;
    api.spool = server->spool;
    api.writer = server->writer;
    api.database_url = config->database_url;
    api.query_threads = config->query_threads;
    api.statement_timeout_ms = config->statement_timeout_ms;
    api.queries_per_key = config->queries_per_key;
    api.live_listeners = config->live_listeners;
    api.live_listeners_per_key = config->live_listeners_per_key;
    api.live_projects = config->live_projects;
    api.sign_in_attempts = config->sign_in_attempts;
    api.queries_waiting = config->queries_waiting;
    api.batch = config->queries;
    api.body_bytes = config->query_body_bytes;
    return tr_api_start(&server->api, &api, error);
}

static int start_alert(struct tr_server *server, struct tr_error *error)
{
    return tr_alert_start(&server->alert, &server->config->alert, error);
}

static int start_http(struct tr_server *server, struct tr_error *error)
{
    struct route_table *tables = server->tables;
    tables[0].routes = tr_intake_routes(&tables[0].count);
    tables[0].context = server->intake;
    tables[1].routes = tr_api_routes(&tables[1].count);
    tables[1].context = server->api;
    tables[2].routes = tr_server_routes(&tables[2].count);
    tables[2].context = server;
    tables[3].routes = tr_dashboard_routes(&tables[3].count);
    struct tr_http_handler handler = {on_head, on_request, server};
    int result = tr_http_server_new(&server->http, &server->config->http, handler, error);
    return result < 0 ? result : start_workers(server, error);
}

int tr_server_start(struct tr_server **server_out, const struct tr_config *config,
                    struct tr_error *error)
{
    struct tr_server *server = tr_calloc(1, sizeof *server);
    server->config = config;
    server->started_us = tr_clock_wall_us();
    server->worker_count = config->http.workers < WORKERS_MAX ? config->http.workers : WORKERS_MAX;
    int result = tr_loop_new(&server->main_loop, error);
    if (result == 0) {
        catch_signals(server);
        result = start_storage(server, error);
    }
    if (result == 0)
        result = start_modules(server, error);
    if (result == 0)
        result = start_alert(server, error);
    if (result == 0)
        result = start_http(server, error);
    if (result < 0) {
        tr_server_free(server);
        return result;
    }
    *server_out = server;
    return 0;
}

int tr_server_port(const struct tr_server *server)
{
    return tr_http_server_port(server->http);
}

/* Running
 * ------------------------------------------------------------------------------------------- */

struct watch {
    struct tr_server *server;
    bool (*supervise)(void *context);
    void *context;
    int failed; /* of the spool */
};

static bool drained(const struct watch *watch)
{
    return tr_http_server_connections(watch->server->http) == 0 ||
           tr_clock_mono_us() >= watch->server->drain_until_us;
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct watch *watch = context;
    struct tr_spool_state spool;
    tr_spool_get_state(watch->server->spool, &spool);
    watch->failed = spool.failed;
    tr_writer_expire(watch->server->writer);
    tr_intake_refresh(watch->server->intake);
    if (watch->supervise != NULL && !watch->supervise(watch->context))
        begin_drain(watch->server);
    if (watch->failed < 0 || (watch->server->drain_until_us != 0 && drained(watch)))
        tr_loop_stop(watch->server->main_loop);
}

static void on_alarm(int number)
{
    (void)number;
    static const char message[] = "traction: something did not end in time and was left; what is "
                                  "acknowledged is in the spool\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    (void)written; /* nothing is left to be done about it */
    _exit(EXIT_FAILURE);
}

/* The last resort, for what cannot be interrupted. */
static void limit_end(void)
{
    signal(SIGALRM, on_alarm);
    alarm(END_S);
}

int tr_server_run(struct tr_server *server, bool (*supervise)(void *context), void *context,
                  struct tr_error *error)
{
    struct watch watch = {.server = server, .supervise = supervise, .context = context};
    struct event_base *base = tr_loop_base(server->main_loop);
    struct event *tick = event_new(base, -1, EV_PERSIST, on_tick, &watch);
    event_add(tick, &(struct timeval){0, TICK_MS * 1000L});
    tr_loop_run(server->main_loop);
    release_signals(server);
    event_free(tick);
    limit_end();
    if (watch.failed < 0) {
        tr_error_set(error, -EIO, "the spool cannot be written: %s", strerror(-watch.failed));
        return tr_error_hint(error, "Check the disk, then start again: what was acknowledged is "
                                    "recovered.");
    }
    return 0;
}

void tr_server_free(struct tr_server *server)
{
    if (server == NULL)
        return;
    atomic_store(&server->draining, true);
    stop_workers(server);
    tr_api_stop(server->api);
    tr_alert_stop(server->alert);
    if (server->spool != NULL)
        tr_spool_stop(server->spool);
    tr_writer_stop(server->writer, FINAL_LANDING_MS);
    tr_auth_stop(server->auth);
    tr_http_server_free(server->http);
    tr_intake_free(server->intake);
    tr_spool_close(server->spool);
    for (int i = 0; i < server->worker_count; i++)
        tr_loop_free(server->workers[i].loop);
    release_signals(server);
    tr_loop_free(server->main_loop);
    free(server);
}
