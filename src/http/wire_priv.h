/* SPDX-License-Identifier: MIT */
/*
 * The pure half of the server: bytes in, verdicts out, no sockets, no clocks. Everything here can
 * be stopped after any byte and goes on with the next without looking at a byte twice.
 */
#pragma once

#include "traction/base/slice.h"
#include "traction/http.h"

#include <stdint.h>

/* What was wrong with a request, and so the answer to it. */
struct tr_http_problem {
    int status;
    const char *message;
    struct tr_slice field; /* the field it is about, a token; else data NULL */
    size_t limit;          /* the limit that was passed; else 0 */
};

/* Every step below returns one of these. */
enum tr_http_progress {
    TR_HTTP_REFUSED = -1, /* problem is filled */
    TR_HTTP_DONE = 0,
    TR_HTTP_MORE = 1, /* everything given has been taken; more bytes are needed */
    TR_HTTP_DATA = 2  /* chunked only: a piece of the body is out */
};

enum tr_http_coding { TR_HTTP_IDENTITY, TR_HTTP_GZIP, TR_HTTP_DEFLATE, TR_HTTP_CODING_UNKNOWN };

struct tr_http_limits {
    size_t request_line_bytes;
    size_t head_bytes;
    size_t fields;
};

/* The head of a request as it is being read, and what it means when it is complete. */
struct tr_http_head {
    const struct tr_http_limits *limits;
    struct tr_http_field *fields; /* room for limits->fields */
    size_t field_count;
    size_t scanned; /* bytes searched for the end of a line so far */
    size_t line;    /* where the line being read begins */
    bool has_request_line;
    bool has_blank; /* the one empty line that may precede a request */

    enum tr_http_method method;
    int minor; /* of the version: 0 or 1 */
    struct tr_slice target;
    struct tr_slice path; /* still percent-encoded */
    struct tr_slice query;
    bool path_encoded; /* it holds a percent sign */

    bool has_host;
    bool has_length;
    bool chunked;
    bool says_close;
    bool says_keep_alive;
    bool expects_continue;
    bool expects_unknown;
    bool has_coding;
    enum tr_http_coding coding;
    uint64_t length; /* Content-Length */

    size_t size; /* of the head with its last empty line */
    struct tr_http_problem problem;
};

/* limits and fields are borrowed as long as the head is. */
void tr_http_head_init(struct tr_http_head *head, const struct tr_http_limits *limits,
                       struct tr_http_field *fields);
/* data is all there is of the request so far; between calls it may only grow, in place. Slices
 * point into it. */
int tr_http_head_parse(struct tr_http_head *head, const char *data, size_t size);
int tr_http_head_refuse(struct tr_http_head *head, int status, const char *message);

/* framing.c: takes in one field that may matter to the server itself; then decides, at the end of
 * the head, whether it is clear where the body ends. 0 or TR_HTTP_REFUSED. */
int tr_http_framing_field(struct tr_http_head *head, const struct tr_http_field *field);
int tr_http_framing_decide(struct tr_http_head *head);
static inline bool tr_http_head_has_body(const struct tr_http_head *head)
{
    return head->chunked || head->length > 0;
}
bool tr_http_head_keeps_alive(const struct tr_http_head *head);

/* target.c: takes the request target apart. 0 or TR_HTTP_REFUSED. */
int tr_http_target_parse(struct tr_http_head *head);
/* Decodes %XX, and "+" when plus; what is not a valid %XX stays as it is. out needs as much room
 * as the text. Returns the decoded size. */
size_t tr_http_percent_decode(struct tr_slice text, bool plus, char *out);

/* chunked.c */
struct tr_http_chunked {
    int state;
    unsigned digits;    /* of the chunk size so far */
    unsigned overhead;  /* bytes of framing beyond what the data excuses */
    uint64_t remaining; /* of the chunk */
    const char *message;
};

void tr_http_chunked_init(struct tr_http_chunked *chunked);
/* Takes bytes from the front of input. TR_HTTP_DATA: data_out is a piece of the body inside
 * input's memory; TR_HTTP_DONE: input begins behind the body. */
int tr_http_chunked_next(struct tr_http_chunked *chunked, struct tr_slice *input,
                         struct tr_slice *data_out);

/* inflate.c */
struct tr_http_inflate;
enum { TR_HTTP_INFLATE_BYTES = 40960 }; /* about what one takes, zlib's window included */
struct tr_http_inflate *tr_http_inflate_new(enum tr_http_coding coding);
/* As new, for another body, with the memory it has. */
void tr_http_inflate_reset(struct tr_http_inflate *inflate, enum tr_http_coding coding);
void tr_http_inflate_free(struct tr_http_inflate *inflate);
/* Takes bytes from the front of input and writes at most room bytes to out. TR_HTTP_DATA: out is
 * full, call again; TR_HTTP_MORE: input is used up; TR_HTTP_DONE: the stream is complete and input
 * was used up with it. */
int tr_http_inflate_next(struct tr_http_inflate *inflate, struct tr_slice *input, char *out,
                         size_t room, size_t *written_out);
/* What was wrong, after TR_HTTP_REFUSED. */
const char *tr_http_inflate_message(const struct tr_http_inflate *inflate);

/* RFC 9110 section 5.6.2: the bytes of a token. */
static inline bool tr_http_is_tchar(unsigned char byte)
{
    static const bool table[256] = {
        ['!'] = true,         ['#'] = true,         ['$'] = true, ['%'] = true,
        ['&'] = true,         ['\''] = true,        ['*'] = true, ['+'] = true,
        ['-'] = true,         ['.'] = true,         ['^'] = true, ['_'] = true,
        ['`'] = true,         ['|'] = true,         ['~'] = true, ['0' ... '9'] = true,
        ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
    };
    return table[byte];
}

/* RFC 9110 section 5.5: what a field value may hold, white space included. */
static inline bool tr_http_is_field_byte(unsigned char byte)
{
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static inline int tr_http_hex_digit(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}
