/* SPDX-License-Identifier: MIT */
/*
 * The body of a request on its way into memory: counted or chunked, plain or compressed, held
 * against the request's limit both before and after inflating, and against the budget for all
 * bodies of the server. Memory is taken as bytes arrive, never because a client says how many
 * will come. exchange->consumed is the end of what has been dealt with in the input buffer.
 */
#include "http_priv.h"
#include "traction/base/alloc.h"

#include <stdlib.h>

static int refuse(struct tr_http_exchange *exchange, int status, const char *message, size_t limit)
{
    exchange->problem =
        (struct tr_http_problem){.status = status, .message = message, .limit = limit};
    return TR_HTTP_REFUSED;
}

static int refuse_size(struct tr_http_exchange *exchange)
{
    return refuse(exchange, 413, "the body is too large", exchange->request.body_limit);
}

static bool is_decoded(const struct tr_http_head *head)
{
    return head->chunked || head->coding != TR_HTTP_IDENTITY;
}

static int refuse_memory(struct tr_http_exchange *exchange)
{
    return refuse(exchange, 503, "too many bodies are being received; send it again", 0);
}

static int begin_inflate(struct tr_http_exchange *exchange)
{
    struct tr_http_worker *worker = exchange->worker;
    if (!tr_http_memory_take(worker->server, TR_HTTP_INFLATE_BYTES))
        return refuse_memory(exchange);
    if (worker->spare_inflate != NULL)
        tr_http_inflate_reset(worker->spare_inflate, exchange->head.coding);
    else
        worker->spare_inflate = tr_http_inflate_new(exchange->head.coding);
    exchange->inflate = TR_TAKE(worker->spare_inflate);
    return 0;
}

static void end_inflate(struct tr_http_exchange *exchange)
{
    struct tr_http_worker *worker = exchange->worker;
    tr_http_memory_give(worker->server, TR_HTTP_INFLATE_BYTES);
    if (worker->spare_inflate == NULL)
        worker->spare_inflate = exchange->inflate;
    else
        tr_http_inflate_free(exchange->inflate);
    exchange->inflate = NULL;
}

int tr_http_body_begin(struct tr_http_exchange *exchange)
{
    const struct tr_http_head *head = &exchange->head;
    size_t input_bytes = exchange->worker->server->input_bytes;
    exchange->raw_bytes = 0;
    if (!tr_http_head_has_body(head)) {
        exchange->body_kind = TR_HTTP_BODY_NONE;
        return 0;
    }
    if (head->length > exchange->request.body_limit)
        return refuse_size(exchange);
    if (is_decoded(head))
        exchange->body_kind = TR_HTTP_BODY_DECODED;
    else if (head->length <= input_bytes - exchange->consumed)
        exchange->body_kind = TR_HTTP_BODY_IN_PLACE;
    else
        exchange->body_kind = TR_HTTP_BODY_DIRECT;
    if (head->chunked)
        tr_http_chunked_init(&exchange->chunked);
    return head->coding != TR_HTTP_IDENTITY ? begin_inflate(exchange) : 0;
}

/* Room for at least one byte more in exchange->body, which is below the limit. */
static int make_room(struct tr_http_exchange *exchange)
{
    if (exchange->body_size < exchange->body_capacity)
        return 0;
    size_t capacity = exchange->body_capacity * 2;
    if (capacity < BODY_FIRST_BYTES)
        capacity = BODY_FIRST_BYTES;
    if (capacity > exchange->request.body_limit)
        capacity = exchange->request.body_limit;
    struct tr_http_server *server = exchange->worker->server;
    if (!tr_http_memory_take(server, capacity - exchange->body_capacity))
        return refuse_memory(exchange);
    exchange->body = tr_realloc(exchange->body, capacity);
    exchange->body_capacity = capacity;
    return 0;
}

static int append(struct tr_http_exchange *exchange, struct tr_slice piece)
{
    if (piece.size > exchange->request.body_limit - exchange->body_size)
        return refuse_size(exchange);
    while (piece.size > 0) {
        int status = make_room(exchange);
        if (status < 0)
            return status;
        size_t size = exchange->body_capacity - exchange->body_size;
        if (size > piece.size)
            size = piece.size;
        memcpy(exchange->body + exchange->body_size, piece.data, size);
        exchange->body_size += size;
        piece = tr_slice(piece.data + size, piece.size - size);
    }
    return 0;
}

/* At the limit zlib is offered one byte that nobody may have, to see whether it is the end. */
static int inflate_piece(struct tr_http_exchange *exchange, struct tr_slice piece)
{
    for (;;) {
        char beyond;
        char *out = &beyond;
        size_t room = 1;
        if (exchange->body_size < exchange->request.body_limit) {
            if (make_room(exchange) < 0)
                return TR_HTTP_REFUSED;
            out = exchange->body + exchange->body_size;
            room = exchange->body_capacity - exchange->body_size;
        }
        size_t written;
        int status = tr_http_inflate_next(exchange->inflate, &piece, out, room, &written);
        if (status < 0)
            return refuse(exchange, 400, tr_http_inflate_message(exchange->inflate), 0);
        if (written > 0 && out == &beyond)
            return refuse_size(exchange);
        exchange->body_size += written;
        if (status != TR_HTTP_DATA)
            return status;
    }
}

static int take_piece(struct tr_http_exchange *exchange, struct tr_slice piece)
{
    exchange->raw_bytes += piece.size;
    if (exchange->raw_bytes > exchange->request.body_limit)
        return refuse_size(exchange);
    if (exchange->inflate != NULL)
        return inflate_piece(exchange, piece);
    return append(exchange, piece);
}

/* A compressed body that ended must have come to its own end too; one of no bytes at all is just
 * an empty body. */
static int finish(struct tr_http_exchange *exchange)
{
    if (exchange->inflate == NULL || exchange->raw_bytes == 0)
        return TR_HTTP_DONE;
    int status = inflate_piece(exchange, TR_SLICE(""));
    if (status == TR_HTTP_MORE)
        return refuse(exchange, 400, "the compressed body ends too early", 0);
    if (status == TR_HTTP_DONE)
        end_inflate(exchange);
    return status;
}

static int decode_chunked(struct tr_http_exchange *exchange, struct tr_slice *input)
{
    struct tr_slice piece;
    int status;
    while ((status = tr_http_chunked_next(&exchange->chunked, input, &piece)) == TR_HTTP_DATA)
        if (take_piece(exchange, piece) < 0)
            return TR_HTTP_REFUSED;
    if (status < 0)
        return refuse(exchange, 400, exchange->chunked.message, 0);
    return status;
}

static int decode_counted(struct tr_http_exchange *exchange, struct tr_slice *input)
{
    uint64_t missing = exchange->head.length - exchange->raw_bytes;
    size_t size = input->size < missing ? input->size : (size_t)missing;
    if (take_piece(exchange, tr_slice(input->data, size)) < 0)
        return TR_HTTP_REFUSED;
    *input = tr_slice(input->data + size, input->size - size);
    return exchange->raw_bytes == exchange->head.length ? TR_HTTP_DONE : TR_HTTP_MORE;
}

/* All of the input buffer behind the head is decoded and free again, unless the body has ended. */
static int decode(struct tr_http_exchange *exchange)
{
    struct tr_slice input =
        tr_slice(exchange->in + exchange->consumed, exchange->size - exchange->consumed);
    int status = exchange->head.chunked ? decode_chunked(exchange, &input)
                                        : decode_counted(exchange, &input);
    if (status < 0)
        return status;
    if (status == TR_HTTP_MORE) {
        exchange->size = exchange->consumed = exchange->start + exchange->head.size;
        return status;
    }
    exchange->consumed = exchange->size - input.size;
    status = finish(exchange);
    if (exchange->body_size > 0)
        exchange->request.body = tr_slice(exchange->body, exchange->body_size);
    else
        exchange->request.body = TR_SLICE("");
    return status;
}

static int read_direct(struct tr_http_exchange *exchange, size_t size)
{
    exchange->body_size += size;
    struct tr_slice along =
        tr_slice(exchange->in + exchange->consumed, exchange->size - exchange->consumed);
    exchange->consumed = exchange->size;
    if (append(exchange, along) < 0)
        return TR_HTTP_REFUSED;
    if (exchange->body_size < exchange->head.length)
        return make_room(exchange) < 0 ? TR_HTTP_REFUSED : TR_HTTP_MORE;
    exchange->request.body = tr_slice(exchange->body, exchange->body_size);
    return TR_HTTP_DONE;
}

int tr_http_body_more(struct tr_http_exchange *exchange, size_t size)
{
    size_t body_at = exchange->start + exchange->head.size;
    switch (exchange->body_kind) {
    case TR_HTTP_BODY_NONE:
        exchange->request.body = TR_SLICE("");
        return TR_HTTP_DONE;
    case TR_HTTP_BODY_DIRECT:
        return read_direct(exchange, size);
    case TR_HTTP_BODY_DECODED:
        exchange->size += size;
        return decode(exchange);
    case TR_HTTP_BODY_IN_PLACE:
        break;
    }
    exchange->size += size;
    if (exchange->size - body_at < exchange->head.length)
        return TR_HTTP_MORE;
    exchange->consumed = body_at + (size_t)exchange->head.length;
    exchange->request.body = tr_slice(exchange->in + body_at, (size_t)exchange->head.length);
    return TR_HTTP_DONE;
}

struct iovec tr_http_body_room(struct tr_http_exchange *exchange)
{
    if (exchange->body_kind != TR_HTTP_BODY_DIRECT)
        return (struct iovec){exchange->in + exchange->size,
                              exchange->worker->server->input_bytes - exchange->size};
    size_t room = exchange->body_capacity - exchange->body_size;
    uint64_t missing = exchange->head.length - exchange->body_size;
    return (struct iovec){exchange->body + exchange->body_size,
                          missing < room ? (size_t)missing : room};
}

bool tr_http_body_skip(struct tr_http_exchange *exchange)
{
    struct tr_slice input =
        tr_slice(exchange->in + exchange->consumed, exchange->size - exchange->consumed);
    struct tr_slice piece;
    if (!exchange->head.chunked) {
        if (input.size < exchange->head.length)
            return false;
        exchange->consumed += (size_t)exchange->head.length;
        return true;
    }
    tr_http_chunked_init(&exchange->chunked);
    int status;
    while ((status = tr_http_chunked_next(&exchange->chunked, &input, &piece)) == TR_HTTP_DATA)
        ;
    exchange->consumed = exchange->size - input.size;
    return status == TR_HTTP_DONE;
}

void tr_http_body_drop(struct tr_http_exchange *exchange)
{
    if (exchange->body != NULL) {
        free(exchange->body);
        tr_http_memory_give(exchange->worker->server, exchange->body_capacity);
        exchange->body = NULL;
        exchange->body_size = exchange->body_capacity = 0;
    }
    if (exchange->inflate != NULL)
        end_inflate(exchange);
}
