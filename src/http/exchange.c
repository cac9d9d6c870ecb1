/* SPDX-License-Identifier: MIT */
/*
 * Exchanges are recycled by their worker with input buffer and arena, so that a request on a
 * keep-alive connection allocates nothing. Released is not freed: that waits for the end of the
 * loop's turn, because a frame further up the stack may still look at what it held.
 *
 * The input buffer has room for two whole heads and more, and when a request ends in its upper
 * half, what follows moves to the front: the next head always fits, where it is, without growing.
 */
#include "http_priv.h"
#include "traction/base/alloc.h"
#include "traction/base/clock.h"

#include <event2/event.h>
#include <stdlib.h>

static struct tr_http_exchange *make(struct tr_http_worker *worker)
{
    struct tr_http_server *server = worker->server;
    size_t fields_size = server->limits.fields * sizeof(struct tr_http_field);
    struct tr_http_exchange *exchange = tr_malloc(sizeof *exchange + fields_size);
    memset(exchange, 0, sizeof *exchange);
    exchange->worker = worker;
    exchange->in = tr_malloc(server->input_bytes);
    exchange->request.arena = tr_arena_new(server->options.arena_bytes);
    return exchange;
}

struct tr_http_exchange *tr_http_exchange_take(struct tr_http_worker *worker)
{
    struct tr_http_exchange *exchange = LIST_FIRST(&worker->spare);
    if (exchange != NULL) {
        LIST_REMOVE(exchange, entry);
        worker->spare_count--;
    } else {
        exchange = make(worker);
    }
    LIST_INSERT_HEAD(&worker->exchanges, exchange, entry);
    exchange->start = exchange->size = exchange->consumed = 0;
    tr_http_head_init(&exchange->head, &worker->server->limits, exchange->fields);
    return exchange;
}

static void forget_request(struct tr_http_exchange *exchange)
{
    tr_http_body_drop(exchange);
    tr_arena_reset(exchange->request.arena);
    exchange->request.connection = NULL;
    exchange->in_on_head = false;
}

void tr_http_exchange_next(struct tr_http_exchange *exchange)
{
    forget_request(exchange);
    exchange->start = exchange->consumed;
    if (exchange->start > exchange->worker->server->input_bytes / 2) {
        exchange->size -= exchange->start;
        memmove(exchange->in, exchange->in + exchange->start, exchange->size);
        exchange->start = exchange->consumed = 0;
    }
    tr_http_head_init(&exchange->head, &exchange->worker->server->limits, exchange->fields);
}

void tr_http_exchange_release(struct tr_http_exchange *exchange)
{
    struct tr_http_worker *worker = exchange->worker;
    forget_request(exchange);
    LIST_REMOVE(exchange, entry);
    LIST_INSERT_HEAD(&worker->spare, exchange, entry);
    if (++worker->spare_count > SPARE_EXCHANGES)
        event_active(&worker->turn_event, EV_TIMEOUT, 0);
}

void tr_http_exchange_trim(struct tr_http_worker *worker, int keep)
{
    while (worker->spare_count > keep) {
        struct tr_http_exchange *exchange = LIST_FIRST(&worker->spare);
        LIST_REMOVE(exchange, entry);
        worker->spare_count--;
        tr_arena_free(exchange->request.arena);
        free(exchange->in);
        free(exchange);
    }
}

static struct tr_slice decode_path(struct tr_http_exchange *exchange)
{
    struct tr_slice path = exchange->head.path;
    if (!exchange->head.path_encoded)
        return path;
    char *decoded = tr_arena_alloc(exchange->request.arena, path.size);
    return tr_slice(decoded, tr_http_percent_decode(path, false, decoded));
}

void tr_http_exchange_open(struct tr_http_exchange *exchange, struct tr_http_connection *connection)
{
    const struct tr_http_head *head = &exchange->head;
    struct tr_http_request *request = &exchange->request;
    request->method = head->method;
    request->target = head->target;
    request->path = decode_path(exchange);
    request->query = head->query;
    request->fields = head->fields;
    request->field_count = head->field_count;
    request->body = TR_SLICE_NONE;
    request->body_limit = exchange->worker->server->options.body_bytes;
    memcpy(&request->peer, &connection->peer, sizeof connection->peer);
    request->received_us = tr_clock_wall_us();
    request->loop = exchange->worker->loop;
    request->user = NULL;
    request->connection = connection;
    exchange->consumed = exchange->start + head->size;
}

struct tr_slice tr_http_field(const struct tr_http_request *request, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < request->field_count; i++) {
        const struct tr_http_field *field = &request->fields[i];
        if (field->name.size == size && strncasecmp(field->name.data, name, size) == 0)
            return field->value;
    }
    return TR_SLICE_NONE;
}
