/* SPDX-License-Identifier: MIT */
/*
 * Where does this request end? A proxy in front of us must never have another opinion, so that
 * only what is beyond doubt is taken (RFC 9112 sections 6 and 11.2): one Content-Length in plain
 * digits, or one Transfer-Encoding that says "chunked" and nothing else, never both, and exactly
 * one Host. Also the other fields the server itself obeys: Connection, Expect, Content-Encoding.
 */
#include "wire_priv.h"

enum { LENGTH_DIGITS_MAX = 18 }; /* fits in 63 bits */

static int refuse(struct tr_http_head *head, const char *name, const char *message)
{
    tr_http_head_refuse(head, 400, message);
    head->problem.field = tr_slice_of(name);
    return TR_HTTP_REFUSED;
}

static int take_length(struct tr_http_head *head, struct tr_slice value)
{
    static const char name[] = "Content-Length";
    if (head->has_length)
        return refuse(head, name, "it must be given once");
    if (value.size == 0 || value.size > LENGTH_DIGITS_MAX)
        return refuse(head, name, "it must be a number of at most 18 digits");
    uint64_t length = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return refuse(head, name, "it must be a number, in digits only");
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    /* Some read a leading zero as octal. */
    if (value.data[0] == '0' && value.size > 1)
        return refuse(head, name, "it must not begin with a zero");
    head->length = length;
    head->has_length = true;
    return 0;
}

static int take_transfer_encoding(struct tr_http_head *head, struct tr_slice value)
{
    if (head->chunked || !tr_slice_is_nocase(value, "chunked"))
        return refuse(head, "Transfer-Encoding", "it must be given once and be \"chunked\"");
    head->chunked = true;
    return 0;
}

static bool is_host_byte(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
           (byte != '\0' && strchr("-._~%!$&'()*+;=", byte) != NULL);
}

/* uri-host [ ":" port ], without the comma that a joined list of two hosts would have. */
static bool is_host(struct tr_slice value)
{
    size_t at = 0;
    if (value.size > 0 && value.data[0] == '[') {
        at = 1;
        while (at < value.size && (tr_http_hex_digit((unsigned char)value.data[at]) >= 0 ||
                                   value.data[at] == ':' || value.data[at] == '.'))
            at++;
        if (at == 1 || at == value.size || value.data[at++] != ']')
            return false;
    } else {
        while (at < value.size && is_host_byte((unsigned char)value.data[at]))
            at++;
    }
    if (at == 0)
        return false;
    if (at == value.size)
        return true;
    if (value.data[at++] != ':')
        return false;
    while (at < value.size && value.data[at] >= '0' && value.data[at] <= '9')
        at++;
    return at == value.size;
}

static int take_host(struct tr_http_head *head, struct tr_slice value)
{
    if (head->has_host)
        return refuse(head, "Host", "it must be given once");
    if (!is_host(value))
        return refuse(head, "Host", "it must be a host name or address, and a port if need be");
    head->has_host = true;
    return 0;
}

static void take_connection(struct tr_http_head *head, struct tr_slice value)
{
    size_t at = 0;
    while (at < value.size) {
        size_t end = at;
        while (end < value.size && value.data[end] != ',')
            end++;
        struct tr_slice option = tr_slice(value.data + at, end - at);
        while (option.size > 0 && (*option.data == ' ' || *option.data == '\t'))
            option = tr_slice(option.data + 1, option.size - 1);
        while (option.size > 0 &&
               (option.data[option.size - 1] == ' ' || option.data[option.size - 1] == '\t'))
            option.size--;
        if (tr_slice_is_nocase(option, "close"))
            head->says_close = true;
        else if (tr_slice_is_nocase(option, "keep-alive"))
            head->says_keep_alive = true;
        at = end + 1;
    }
}

static void take_expect(struct tr_http_head *head, struct tr_slice value)
{
    if (tr_slice_is_nocase(value, "100-continue"))
        head->expects_continue = true;
    else
        head->expects_unknown = true;
}

/* A list, or a second field, is more than one coding. */
static void take_coding(struct tr_http_head *head, struct tr_slice value)
{
    enum tr_http_coding coding = TR_HTTP_CODING_UNKNOWN;
    if (tr_slice_is_nocase(value, "gzip") || tr_slice_is_nocase(value, "x-gzip"))
        coding = TR_HTTP_GZIP;
    else if (tr_slice_is_nocase(value, "deflate"))
        coding = TR_HTTP_DEFLATE;
    else if (tr_slice_is_nocase(value, "identity") || value.size == 0)
        coding = TR_HTTP_IDENTITY;
    head->coding = head->has_coding ? TR_HTTP_CODING_UNKNOWN : coding;
    head->has_coding = true;
}

/* lower is in lower case; most names differ from it in length or first letter. */
static bool is_name(struct tr_slice name, const char *lower)
{
    return (name.data[0] | 0x20) == lower[0] && tr_slice_is_nocase(name, lower);
}

int tr_http_framing_field(struct tr_http_head *head, const struct tr_http_field *field)
{
    switch (field->name.size) {
    case 4:
        return is_name(field->name, "host") ? take_host(head, field->value) : 0;
    case 6:
        if (is_name(field->name, "expect"))
            take_expect(head, field->value);
        return 0;
    case 10:
        if (is_name(field->name, "connection"))
            take_connection(head, field->value);
        return 0;
    case 14:
        return is_name(field->name, "content-length") ? take_length(head, field->value) : 0;
    case 16:
        if (is_name(field->name, "content-encoding"))
            take_coding(head, field->value);
        return 0;
    case 17:
        if (is_name(field->name, "transfer-encoding"))
            return take_transfer_encoding(head, field->value);
        return 0;
    default:
        return 0;
    }
}

int tr_http_framing_decide(struct tr_http_head *head)
{
    if (head->minor == 1 && !head->has_host)
        return refuse(head, "Host", "HTTP/1.1 requires it");
    if (head->chunked && head->has_length)
        return refuse(head, "Content-Length", "it must not go with Transfer-Encoding");
    if (head->chunked && head->minor == 0)
        return refuse(head, "Transfer-Encoding", "HTTP/1.0 does not have it");
    if (head->minor == 0)
        head->expects_continue = head->expects_unknown = false;
    if (head->expects_unknown) {
        refuse(head, "Expect", "only 100-continue can be met");
        head->problem.status = 417;
        return TR_HTTP_REFUSED;
    }
    if (head->coding == TR_HTTP_CODING_UNKNOWN && tr_http_head_has_body(head)) {
        refuse(head, "Content-Encoding", "only one of gzip, deflate and identity is understood");
        head->problem.status = 415;
        return TR_HTTP_REFUSED;
    }
    return 0;
}

bool tr_http_head_keeps_alive(const struct tr_http_head *head)
{
    return !head->says_close && (head->minor == 1 || head->says_keep_alive);
}
