/* SPDX-License-Identifier: MIT */
/*
 * What the wire half of the http module makes of bytes, as one line of text, so that tests and
 * fuzz targets can compare: "more", "400 message", or "POST /path ?query 3 keep body=abc end=99".
 * The bytes come in pieces: first cut, then step at a time.
 */
#pragma once

#include "wire_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { VERDICT_FIELDS = 64, VERDICT_SIZE = 70000 };

static const struct tr_http_limits verdict_limits = {
    .request_line_bytes = 8192, .head_bytes = 16384, .fields = VERDICT_FIELDS};

struct verdict {
    struct tr_http_head head;
    struct tr_http_field fields[VERDICT_FIELDS];
    struct tr_http_chunked chunked;
    bool has_head;
    size_t end; /* of what was taken of the body */
    char body[VERDICT_SIZE];
    size_t body_size;
};

static inline int verdict_body(struct verdict *verdict, const char *data, size_t size)
{
    struct tr_slice input = tr_slice(data + verdict->end, size - verdict->end);
    struct tr_slice piece;
    int status = TR_HTTP_DATA;
    if (!verdict->head.chunked) {
        if (verdict->head.length > input.size)
            return TR_HTTP_MORE;
        verdict->body_size = (size_t)verdict->head.length;
        memcpy(verdict->body, input.data, verdict->body_size % VERDICT_SIZE);
        verdict->end += verdict->body_size;
        return TR_HTTP_DONE;
    }
    while ((status = tr_http_chunked_next(&verdict->chunked, &input, &piece)) == TR_HTTP_DATA)
        for (size_t i = 0; i < piece.size; i++)
            verdict->body[verdict->body_size++ % VERDICT_SIZE] = piece.data[i];
    verdict->end = size - input.size;
    return status;
}

static inline int verdict_feed(struct verdict *verdict, const char *data, size_t size)
{
    if (!verdict->has_head) {
        int status = tr_http_head_parse(&verdict->head, data, size);
        if (status != TR_HTTP_DONE)
            return status;
        verdict->has_head = true;
        verdict->end = verdict->head.size;
        tr_http_chunked_init(&verdict->chunked);
    }
    return verdict_body(verdict, data, size);
}

static inline void verdict_describe(const struct verdict *verdict, int status, char *out,
                                    size_t out_size)
{
    const struct tr_http_head *head = &verdict->head;
    const char *methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "OTHER"};
    if (status == TR_HTTP_MORE) {
        snprintf(out, out_size, "more");
        return;
    }
    if (status < 0) {
        snprintf(out, out_size, "%d %s", verdict->has_head ? 400 : head->problem.status,
                 verdict->has_head ? verdict->chunked.message : head->problem.message);
        return;
    }
    char path[VERDICT_SIZE];
    size_t path_size = tr_http_percent_decode(head->path, false, path);
    snprintf(out, out_size, "%s %.*s ?%.*s %zu%s%s body=%.*s end=%zu", methods[head->method],
             (int)path_size, path, (int)head->query.size, head->query.data, head->field_count,
             tr_http_head_keeps_alive(head) ? " keep" : "",
             head->expects_continue ? " continue" : "", (int)(verdict->body_size % VERDICT_SIZE),
             verdict->body, verdict->end);
}

static inline void verdict_of(const char *data, size_t size, size_t cut, size_t step, char *out,
                              size_t out_size)
{
    struct verdict *verdict = calloc(1, sizeof *verdict);
    tr_http_head_init(&verdict->head, &verdict_limits, verdict->fields);
    int status = TR_HTTP_MORE;
    size_t here = cut;
    while (status == TR_HTTP_MORE) {
        here = here < size ? here : size;
        status = verdict_feed(verdict, data, here);
        if (here == size)
            break;
        here += step;
    }
    verdict_describe(verdict, status, out, out_size);
    free(verdict);
}
