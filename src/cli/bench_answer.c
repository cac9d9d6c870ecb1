/* SPDX-License-Identifier: MIT */
/*
 * Reads answers of an HTTP/1.1 server it has no reason to distrust, yet bounded: a head of at most
 * 4 KiB, a body with a length or up to the end of the connection. Of the body only the beginning
 * is kept, where /v1/events says how many events it accepted. Chunked answers count as bad.
 */
#include "bench_priv.h"

#include "traction/base/slice.h"

#include <stdlib.h>

void bench_answer_begin(struct bench_answer *answer)
{
    answer->status = 0;
    answer->head_read = false;
    answer->closes = false;
    answer->until_close = false;
    answer->body_bytes = 0;
    answer->accepted = -1;
    answer->retry_after = 0;
    answer->size = 0;
}

static void read_accepted(struct bench_answer *answer, const char *body)
{
    answer->bytes[answer->size] = '\0';
    const char *found = strstr(body, "\"accepted\":");
    if (found != NULL)
        answer->accepted = strtoll(found + strlen("\"accepted\":"), NULL, 10);
}

/* The value if the line is this field, else NULL. */
static const char *field(const char *line, size_t size, const char *name)
{
    size_t length = strlen(name);
    if (size <= length || line[length] != ':' || strncasecmp(line, name, length) != 0)
        return NULL;
    const char *value = line + length + 1;
    while (*value == ' ' || *value == '\t')
        value++;
    return value;
}

/* False for a framing this reader does not know. */
static bool read_field(struct bench_answer *answer, const char *line, size_t size, bool *length_out)
{
    const char *value = field(line, size, "content-length");
    if (value != NULL) {
        answer->body_bytes = strtoull(value, NULL, 10);
        *length_out = true;
        return true;
    }
    value = field(line, size, "connection");
    if (value != NULL) {
        answer->closes = strncasecmp(value, "close", 5) == 0;
        return true;
    }
    value = field(line, size, "retry-after");
    if (value != NULL) {
        answer->retry_after = (int)strtol(value, NULL, 10);
        return true;
    }
    return field(line, size, "transfer-encoding") == NULL;
}

/* The head is whole and lies in front of end, with its CRLF. */
static bool read_head(struct bench_answer *answer, const char *end)
{
    const char *bytes = answer->bytes;
    if (strncmp(bytes, "HTTP/1.", 7) != 0 || end - bytes < 14)
        return false;
    answer->status = (int)strtol(bytes + 9, NULL, 10);
    if (answer->status < 200 || answer->status > 599) /* nobody asked for 100 Continue */
        return false;
    answer->closes = bytes[7] == '0';
    bool has_length = false;
    const char *line = (const char *)memchr(bytes, '\n', (size_t)(end - bytes)) + 1;
    while (line < end) {
        const char *line_end = memchr(line, '\r', (size_t)(end - line));
        if (line_end == NULL || !read_field(answer, line, (size_t)(line_end - line), &has_length))
            return false;
        line = line_end + 2;
    }
    bool bodiless = answer->status == 204 || answer->status == 304;
    answer->until_close = !has_length && !bodiless;
    if (answer->until_close)
        answer->closes = true;
    if (bodiless)
        answer->body_bytes = 0;
    return true;
}

/* Copies what there is room for; returns how many bytes that is. */
static size_t keep(struct bench_answer *answer, const char *data, size_t size)
{
    size_t room = sizeof answer->bytes - 1 - answer->size;
    size_t kept = size < room ? size : room;
    memcpy(answer->bytes + answer->size, data, kept);
    answer->size += kept;
    answer->bytes[answer->size] = '\0';
    return kept;
}

static int finish(struct bench_answer *answer, const char *body)
{
    if (body != NULL && answer->status >= 200 && answer->status < 300)
        read_accepted(answer, body);
    return BENCH_ANSWER_DONE;
}

int bench_answer_take(struct bench_answer *answer, const char *data, size_t size)
{
    if (answer->head_read) {
        keep(answer, data, size);
        if (answer->until_close)
            return 0;
        if (size > answer->body_bytes)
            return BENCH_ANSWER_BAD;
        answer->body_bytes -= size;
        return answer->body_bytes == 0 ? finish(answer, answer->bytes) : 0;
    }
    size_t kept = keep(answer, data, size);
    const char *end = strstr(answer->bytes, "\r\n\r\n");
    if (end == NULL)
        return answer->size == sizeof answer->bytes - 1 ? BENCH_ANSWER_BAD : 0;
    if (!read_head(answer, end + 2))
        return BENCH_ANSWER_BAD;
    answer->head_read = true;
    size_t body = answer->size - (size_t)(end + 4 - answer->bytes) + (size - kept);
    if (answer->until_close)
        return 0;
    if (body > answer->body_bytes)
        return BENCH_ANSWER_BAD;
    answer->body_bytes -= body;
    return answer->body_bytes == 0 ? finish(answer, end + 4) : 0;
}
