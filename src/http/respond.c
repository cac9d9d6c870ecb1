/* SPDX-License-Identifier: MIT */
/*
 * Writing answers: status line, Date, the caller's fields, Content-Length, what is to become of the
 * connection; small bodies behind the head in one piece, large ones beside it. An answer never has
 * a field with a control byte in it, whatever the caller vouched for.
 */
#include "http_priv.h"
#include "traction/base/clock.h"
#include "traction/metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { OUT_KEEP_BYTES = 16384, OUT_MAX_BYTES = 1 << 20, JOIN_BYTES = 4096 };

static const struct status {
    int status;
    const char *reason;
    const char *code; /* in the JSON of an error */
} statuses[] = {
    {200, "OK", "ok"},
    {201, "Created", "created"},
    {202, "Accepted", "accepted"},
    {204, "No Content", "no_content"},
    {301, "Moved Permanently", "moved"},
    {302, "Found", "found"},
    {303, "See Other", "see_other"},
    {304, "Not Modified", "not_modified"},
    {307, "Temporary Redirect", "redirect"},
    {308, "Permanent Redirect", "redirect"},
    {400, "Bad Request", "bad_request"},
    {401, "Unauthorized", "unauthorized"},
    {403, "Forbidden", "forbidden"},
    {404, "Not Found", "not_found"},
    {405, "Method Not Allowed", "method_not_allowed"},
    {406, "Not Acceptable", "not_acceptable"},
    {408, "Request Timeout", "timeout"},
    {409, "Conflict", "conflict"},
    {410, "Gone", "gone"},
    {411, "Length Required", "length_required"},
    {412, "Precondition Failed", "precondition_failed"},
    {413, "Content Too Large", "too_large"},
    {414, "URI Too Long", "target_too_long"},
    {415, "Unsupported Media Type", "unsupported_coding"},
    {417, "Expectation Failed", "expectation_failed"},
    {421, "Misdirected Request", "misdirected"},
    {422, "Unprocessable Content", "unprocessable"},
    {429, "Too Many Requests", "too_many_requests"},
    {431, "Request Header Fields Too Large", "head_too_large"},
    {500, "Internal Server Error", "internal"},
    {501, "Not Implemented", "not_implemented"},
    {502, "Bad Gateway", "bad_gateway"},
    {503, "Service Unavailable", "unavailable"},
    {504, "Gateway Timeout", "timeout"},
    {505, "HTTP Version Not Supported", "version_not_supported"},
};

static const struct status *find_status(int status)
{
    static const struct status unknown = {0, "Unknown", "unknown"};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return &statuses[i];
    return &unknown;
}

static void append_number(struct tr_buf *out, size_t number)
{
    char digits[24];
    char *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    tr_buf_append(out, at, (size_t)(digits + sizeof digits - at));
}

/* RFC 9110 section 5.6.7; made once a second. */
static void append_date(struct tr_buf *out, struct tr_http_worker *worker)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(tr_clock_wall_us() / 1000000);
    if (now != worker->date_second) {
        struct tm tm;
        gmtime_r(&now, &tm);
        snprintf(worker->date, sizeof worker->date, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                 days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], (tm.tm_year + 1900) % 10000,
                 tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
        worker->date_second = now;
    }
    tr_buf_append_text(out, worker->date);
}

static bool is_field_safe(const struct tr_http_field *field)
{
    for (size_t i = 0; i < field->name.size; i++)
        if (!tr_http_is_tchar((unsigned char)field->name.data[i]))
            return false;
    for (size_t i = 0; i < field->value.size; i++)
        if (!tr_http_is_field_byte((unsigned char)field->value.data[i]))
            return false;
    return field->name.size > 0;
}

static void append_field(struct tr_buf *out, const struct tr_http_field *field)
{
    if (!is_field_safe(field))
        return;
    tr_buf_append_slice(out, field->name);
    tr_buf_append_slice(out, TR_SLICE(": "));
    tr_buf_append_slice(out, field->value);
    tr_buf_append_slice(out, TR_SLICE("\r\n"));
}

static void append_status_line(struct tr_buf *out, int status)
{
    tr_buf_append_slice(out, TR_SLICE("HTTP/1.1 "));
    append_number(out, (size_t)status);
    tr_buf_append_slice(out, TR_SLICE(" "));
    tr_buf_append_text(out, find_status(status)->reason);
    tr_buf_append_slice(out, TR_SLICE("\r\n"));
}

static void append_length(struct tr_buf *out, const struct tr_http_answer *answer)
{
    const struct tr_http_response *response = answer->response;
    if (answer->chunked)
        tr_buf_append_slice(out, TR_SLICE("Transfer-Encoding: chunked\r\n"));
    if (answer->stream || response->status == 204 || response->status == 304)
        return;
    tr_buf_append_slice(out, TR_SLICE("Content-Length: "));
    append_number(out, response->body.size);
    tr_buf_append_slice(out, TR_SLICE("\r\n"));
}

static void append_head(struct tr_buf *out, struct tr_http_worker *worker,
                        const struct tr_http_answer *answer)
{
    const struct tr_http_response *response = answer->response;
    append_status_line(out, response->status);
    append_date(out, worker);
    if (response->content_type != NULL) {
        const struct tr_http_field type = {TR_SLICE("Content-Type"),
                                           tr_slice_of(response->content_type)};
        append_field(out, &type);
    }
    for (size_t i = 0; i < response->field_count; i++)
        append_field(out, &response->fields[i]);
    append_length(out, answer);
    if (answer->close)
        tr_buf_append_slice(out, TR_SLICE("Connection: close\r\n"));
    else if (answer->keep_alive)
        tr_buf_append_slice(out, TR_SLICE("Connection: keep-alive\r\n"));
    tr_buf_append_slice(out, TR_SLICE("\r\n"));
}

static void count(int status)
{
    tr_metric_add(TR_METRIC_HTTP_REQUESTS, 1);
    if (status >= 500)
        tr_metric_add(TR_METRIC_HTTP_SERVER_ERRORS, 1);
    else if (status >= 400)
        tr_metric_add(TR_METRIC_HTTP_CLIENT_ERRORS, 1);
}

int tr_http_answer(struct tr_http_connection *connection, const struct tr_http_answer *answer)
{
    struct tr_http_worker *worker = connection->worker;
    struct tr_buf *out = &worker->out;
    count(answer->response->status);
    tr_buf_clear(out, OUT_KEEP_BYTES);
    if (out->max == 0)
        tr_buf_init(out, OUT_MAX_BYTES);
    append_head(out, worker, answer);
    struct tr_slice body = answer->response->body;
    if (answer->head_only || answer->response->status == 204 || answer->response->status == 304)
        body = TR_SLICE_NONE;
    if (answer->stream) {
        tr_http_stream_append(out, body, answer->chunked);
        body = TR_SLICE_NONE;
    }
    if (body.size <= JOIN_BYTES) {
        tr_buf_append_slice(out, body);
        body = TR_SLICE_NONE;
    }
    if (tr_buf_overflowed(out))
        return -1;
    return tr_http_output_send(connection, tr_buf_slice(out), body);
}

/* ---- errors as JSON ---- */

static void append_json_text(struct tr_buf *out, struct tr_slice text)
{
    tr_buf_append_u8(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == '"' || byte == '\\')
            tr_buf_append_u8(out, '\\');
        if (byte < 0x20)
            tr_buf_printf(out, "\\u%04x", byte);
        else
            tr_buf_append_u8(out, byte);
    }
    tr_buf_append_u8(out, '"');
}

static void append_error(struct tr_buf *out, const char *code, const char *message)
{
    tr_buf_append_text(out, "{\"error\":{\"code\":");
    append_json_text(out, tr_slice_of(code));
    tr_buf_append_text(out, ",\"message\":");
    append_json_text(out, tr_slice_of(message));
    tr_buf_append_text(out, "}}\n");
}

void tr_http_respond_json(struct tr_http_request *request, int status, struct tr_slice json)
{
    struct tr_http_response response = {
        .status = status, .content_type = "application/json", .body = json};
    tr_http_respond(request, &response);
}

void tr_http_respond_error(struct tr_http_request *request, int status, const char *code,
                           const char *format, ...)
{
    static const struct tr_http_field retry = {{"Retry-After", 11}, {"1", 1}};
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct tr_buf body;
    tr_buf_init(&body, sizeof message * 6 + 256);
    append_error(&body, code != NULL ? code : find_status(status)->code, message);
    struct tr_http_response response = {.status = status,
                                        .content_type = "application/json",
                                        .body = tr_buf_slice(&body),
                                        .fields = &retry,
                                        .field_count = status == 503 || status == 429};
    tr_http_respond(request, &response);
    tr_buf_fini(&body);
}

static void describe(const struct tr_http_problem *problem, char *out, size_t size)
{
    int used = 0;
    if (problem->field.data != NULL)
        used = snprintf(out, size, "field %.*s: ", (int)(problem->field.size % 100),
                        problem->field.data);
    size_t at = (size_t)used;
    if (problem->limit > 0)
        snprintf(out + at, size - at, "%s; the limit is %zu", problem->message, problem->limit);
    else
        snprintf(out + at, size - at, "%s", problem->message);
}

void tr_http_refuse(struct tr_http_connection *connection, const struct tr_http_problem *problem)
{
    static const struct tr_http_field retry = {{"Retry-After", 11}, {"1", 1}};
    char message[400];
    describe(problem, message, sizeof message);
    struct tr_buf body;
    tr_buf_init(&body, sizeof message * 6 + 256);
    append_error(&body, find_status(problem->status)->code, message);
    struct tr_http_response response = {.status = problem->status,
                                        .content_type = "application/json",
                                        .body = tr_buf_slice(&body),
                                        .fields = &retry,
                                        .field_count = problem->status == 503};
    struct tr_http_answer answer = {.response = &response,
                                    .head_only = connection->exchange->head.has_request_line &&
                                                 connection->exchange->head.method == TR_HTTP_HEAD,
                                    .close = true};
    int status = tr_http_answer(connection, &answer);
    tr_buf_fini(&body);
    if (status < 0)
        tr_http_connection_close(connection);
    else
        tr_http_connection_answered(connection);
}
