/* SPDX-License-Identifier: MIT */
/*
 * The http module with nothing behind it, for tests from outside: answers every request with its
 * method, path, query and the length and SHA-256 of its body as JSON. Prints "port N" when ready;
 * SIGTERM drains. Arguments are option=value, by the names in struct tr_http_options, and
 * "later" (answers from a message to the loop instead of at once).
 *
 * /deny answers 401 before the body; /empty answers 204; /slow answers after 300 ms; /big answers
 * with ?size=N bytes.
 */
#include "traction/base/alloc.h"
#include "traction/base/hash.h"
#include "traction/http.h"
#include "traction/metrics.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKERS_MAX = 16 };

struct worker {
    struct tr_http_server *server;
    struct tr_loop *loop;
    pthread_t thread;
    int index;
    struct tr_message drain;
    struct event *check;
};

struct later {
    struct tr_message message;
    struct tr_http_request *request;
};

static bool answer_later;

static void answer(struct tr_http_request *request)
{
    uint8_t digest[32];
    char hex[65];
    tr_sha256(request->body.data, request->body.size, digest);
    tr_hex(digest, sizeof digest, hex);
    char *json = tr_arena_printf(
        request->arena,
        "{\"method\":%d,\"path\":\"%.*s\",\"query\":\"%.*s\",\"fields\":%zu,\"size\":%zu,"
        "\"sha256\":\"%s\"}\n",
        (int)request->method, (int)request->path.size, request->path.data, (int)request->query.size,
        request->query.data, request->field_count, request->body.size, hex);
    tr_http_respond_json(request, 200, tr_slice_of(json));
}

static void answer_big(struct tr_http_request *request)
{
    struct tr_slice size = tr_http_query(request, "size", NULL);
    size_t wanted = size.data != NULL ? strtoul(size.data, NULL, 10) : 0;
    char *body = tr_malloc(wanted + 1);
    memset(body, 'x', wanted);
    const struct tr_http_response response = {
        .status = 200, .content_type = "text/plain", .body = tr_slice(body, wanted)};
    tr_http_respond(request, &response);
    free(body);
}

static void on_later(struct tr_message *message)
{
    struct later *later = (struct later *)message;
    answer(later->request);
}

static void on_slow(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    answer(context);
}

static void on_head(struct tr_http_request *request, void *context)
{
    (void)context;
    if (tr_slice_is(request->path, "/deny"))
        tr_http_respond_error(request, 401, NULL, "no key");
}

static void on_request(struct tr_http_request *request, void *context)
{
    (void)context;
    const struct timeval delay = {0, 300000};
    if (tr_slice_is(request->path, "/empty")) {
        const struct tr_http_response response = {.status = 204};
        tr_http_respond(request, &response);
    } else if (tr_slice_is(request->path, "/big")) {
        answer_big(request);
    } else if (tr_slice_is(request->path, "/slow")) {
        event_base_once(tr_loop_base(request->loop), -1, EV_TIMEOUT, on_slow, request, &delay);
    } else if (answer_later) {
        struct later *later = tr_arena_alloc(request->arena, sizeof *later);
        later->message.run = on_later;
        later->request = request;
        tr_loop_post(request->loop, &later->message);
    } else {
        answer(request);
    }
}

static void on_check(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct worker *worker = context;
    if (tr_http_server_connections(worker->server) == 0)
        tr_loop_stop(worker->loop);
}

static void on_drain(struct tr_message *message)
{
    struct worker *worker = (struct worker *)((char *)message - offsetof(struct worker, drain));
    const struct timeval often = {0, 20000};
    tr_http_server_drain(worker->server, worker->index);
    worker->check = event_new(tr_loop_base(worker->loop), -1, EV_PERSIST, on_check, worker);
    event_add(worker->check, &often);
}

static void *run(void *context)
{
    struct worker *worker = context;
    tr_loop_run(worker->loop);
    return NULL;
}

#define OPTION(field)                                    \
    {                                                    \
#field, offsetof(struct tr_http_options, field), \
            sizeof(((struct tr_http_options *)0)->field) \
    }

static void set_option(struct tr_http_options *options, const char *argument)
{
    static const struct {
        const char *name;
        size_t offset;
        size_t size;
    } known[] = {OPTION(port),
                 OPTION(workers),
                 OPTION(request_line_bytes),
                 OPTION(head_bytes),
                 OPTION(fields),
                 OPTION(body_bytes),
                 OPTION(body_memory_bytes),
                 OPTION(connections),
                 OPTION(connections_per_address),
                 OPTION(requests_per_connection),
                 OPTION(head_timeout_ms),
                 OPTION(body_timeout_ms),
                 OPTION(body_rate_bytes),
                 OPTION(idle_timeout_ms),
                 OPTION(write_timeout_ms)};
    const char *equals = strchr(argument, '=');
    if (equals == NULL) {
        answer_later = true;
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(known[i].name, argument, strlen(known[i].name)) != 0 ||
            argument[strlen(known[i].name)] != '=')
            continue;
        char *place = (char *)options + known[i].offset;
        if (known[i].size == sizeof(int))
            *(int *)(void *)place = atoi(equals + 1);
        else
            *(size_t *)(void *)place = strtoul(equals + 1, NULL, 10);
        return;
    }
    fprintf(stderr, "unknown option %s\n", argument);
    exit(2);
}

int main(int argc, char **argv)
{
    tr_alloc_install();
    struct tr_http_options options;
    tr_http_options_init(&options);
    for (int i = 1; i < argc; i++)
        set_option(&options, argv[i]);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    struct tr_error error = TR_ERROR_INIT;
    struct tr_http_server *server;
    struct tr_http_handler handler = {.on_head = on_head, .on_request = on_request};
    if (options.workers > WORKERS_MAX ||
        tr_http_server_new(&server, &options, handler, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    struct worker workers[WORKERS_MAX] = {0};
    for (int i = 0; i < options.workers; i++) {
        workers[i] = (struct worker){.server = server, .index = i, .drain = {.run = on_drain}};
        if (tr_loop_new(&workers[i].loop, &error) < 0)
            return 1;
        tr_http_server_start(server, i, workers[i].loop);
        pthread_create(&workers[i].thread, NULL, run, &workers[i]);
    }
    printf("port %d\n", tr_http_server_port(server));
    fflush(stdout);

    int caught;
    sigwait(&signals, &caught);
    for (int i = 0; i < options.workers; i++)
        tr_loop_post(workers[i].loop, &workers[i].drain);
    for (int i = 0; i < options.workers; i++)
        pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < options.workers; i++)
        event_free(workers[i].check);
    tr_http_server_free(server);
    for (int i = 0; i < options.workers; i++)
        tr_loop_free(workers[i].loop);
    printf("requests %llu timeouts %llu refused %llu\n",
           (unsigned long long)tr_metric_get(TR_METRIC_HTTP_REQUESTS),
           (unsigned long long)tr_metric_get(TR_METRIC_HTTP_TIMEOUTS),
           (unsigned long long)tr_metric_get(TR_METRIC_HTTP_REFUSED));
    return 0;
}
