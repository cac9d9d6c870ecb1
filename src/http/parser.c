/* SPDX-License-Identifier: MIT */
/*
 * The head of a request, line by line: a line is looked at once, when its LF is there, and limits
 * are checked before its content, so that it makes no difference how the bytes were cut up.
 *
 *   head         = [ CRLF ] request-line *( field-line ) CRLF
 *   request-line = method SP request-target SP "HTTP/" ( "1.0" / "1.1" ) CRLF
 *   field-line   = token ":" OWS *( HTAB / SP / VCHAR / obs-text ) OWS CRLF
 *
 * Nothing else is taken: no bare LF or CR, no folded lines, no space before the colon (RFC 9112
 * sections 2.2, 3, 5). What the fields mean is framing.c's business.
 */
#include "wire_priv.h"

void tr_http_head_init(struct tr_http_head *head, const struct tr_http_limits *limits,
                       struct tr_http_field *fields)
{
    *head = (struct tr_http_head){.limits = limits, .fields = fields};
}

int tr_http_head_refuse(struct tr_http_head *head, int status, const char *message)
{
    head->problem = (struct tr_http_problem){.status = status, .message = message};
    return TR_HTTP_REFUSED;
}

static int refuse_limit(struct tr_http_head *head, int status, const char *message, size_t limit)
{
    tr_http_head_refuse(head, status, message);
    head->problem.limit = limit;
    return TR_HTTP_REFUSED;
}

static int refuse_field(struct tr_http_head *head, struct tr_slice name, const char *message)
{
    tr_http_head_refuse(head, 400, message);
    head->problem.field = name;
    return TR_HTTP_REFUSED;
}

static enum tr_http_method find_method(struct tr_slice name)
{
    static const char *const names[] = {
        [TR_HTTP_GET] = "GET", [TR_HTTP_HEAD] = "HEAD",     [TR_HTTP_POST] = "POST",
        [TR_HTTP_PUT] = "PUT", [TR_HTTP_DELETE] = "DELETE", [TR_HTTP_OPTIONS] = "OPTIONS"};
    for (enum tr_http_method method = 0; method < TR_HTTP_OTHER; method++)
        if (tr_slice_is(name, names[method]))
            return method;
    return TR_HTTP_OTHER;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static int parse_version(struct tr_http_head *head, struct tr_slice text)
{
    if (text.size != 8 || memcmp(text.data, "HTTP/", 5) != 0 || !is_digit(text.data[5]) ||
        text.data[6] != '.' || !is_digit(text.data[7]))
        return tr_http_head_refuse(
            head, 400, "the request line must be method, target and HTTP/1.1, one space between");
    if (text.data[5] != '1' || text.data[7] > '1')
        return tr_http_head_refuse(head, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    head->minor = text.data[7] - '0';
    return 0;
}

static int parse_request_line(struct tr_http_head *head, struct tr_slice line)
{
    size_t at = 0; /* the CR behind the line, no tchar, ends the search */
    while (tr_http_is_tchar((unsigned char)line.data[at]))
        at++;
    if (at == 0 || line.data[at] != ' ')
        return tr_http_head_refuse(head, 400, "the request must begin with a method and one space");
    head->method = find_method(tr_slice(line.data, at));
    const char *target = line.data + at + 1;
    size_t rest = line.size - at - 1;
    const char *space = memchr(target, ' ', rest);
    if (space == NULL)
        return tr_http_head_refuse(head, 400, "the request line has no HTTP version");
    head->target = tr_slice(target, (size_t)(space - target));
    int status = parse_version(head, tr_slice(space + 1, rest - head->target.size - 1));
    if (status == 0)
        status = tr_http_target_parse(head);
    head->has_request_line = true;
    return status;
}

/* Eight bytes at a time: is there one below 0x20 or 0x7f among them? (A byte y holds a value below
 * n exactly if (y - n) & ~y has its top bit set, as far as the whole word is concerned.) */
static bool has_control_word(const char *data)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word;
    memcpy(&word, data, sizeof word);
    uint64_t del = word ^ (ones * 0x7f);
    return (((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & (ones * 0x80);
}

static bool are_field_bytes(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!tr_http_is_field_byte((unsigned char)data[i]))
            return false;
    return true;
}

/* A tab, which is allowed, takes the slow way too; the last word overlaps the one before. */
static bool is_field_value(struct tr_slice value)
{
    if (value.size < 8)
        return are_field_bytes(value.data, value.size);
    bool suspicious = has_control_word(value.data + value.size - 8);
    for (size_t at = 0; at + 8 < value.size && !suspicious; at += 8)
        suspicious = has_control_word(value.data + at);
    return !suspicious || are_field_bytes(value.data, value.size);
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

static int parse_field(struct tr_http_head *head, struct tr_slice line)
{
    if (is_space(line.data[0]))
        return tr_http_head_refuse(head, 400, "a field must not begin with space: no folded lines");
    size_t colon = 0; /* the CR behind the line, no tchar, ends the search */
    while (tr_http_is_tchar((unsigned char)line.data[colon]))
        colon++;
    if (colon == 0 || line.data[colon] != ':')
        return tr_http_head_refuse(head, 400, "a field must be a name, a colon at once, a value");
    struct tr_slice name = tr_slice(line.data, colon);
    const char *from = line.data + colon + 1;
    const char *to = line.data + line.size;
    while (from < to && is_space(*from))
        from++;
    while (from < to && is_space(to[-1]))
        to--;
    struct tr_slice value = tr_slice(from, (size_t)(to - from));
    if (!is_field_value(value))
        return refuse_field(head, name, "the value holds a control byte");
    if (head->field_count == head->limits->fields)
        return refuse_limit(head, 431, "too many fields", head->limits->fields);
    struct tr_http_field *field = &head->fields[head->field_count++];
    *field = (struct tr_http_field){.name = name, .value = value};
    return tr_http_framing_field(head, field);
}

/* TR_HTTP_DONE at the end of the head, TR_HTTP_MORE for the next line. */
static int parse_line(struct tr_http_head *head, struct tr_slice line)
{
    int status;
    if (line.size == 0 && head->has_request_line) {
        head->size = head->scanned;
        return tr_http_framing_decide(head);
    }
    if (line.size == 0) {
        if (head->has_blank)
            return tr_http_head_refuse(head, 400, "empty lines where a request must begin");
        head->has_blank = true;
        return TR_HTTP_MORE;
    }
    if (head->has_request_line)
        status = parse_field(head, line);
    else
        status = parse_request_line(head, line);
    return status < 0 ? status : TR_HTTP_MORE;
}

/* What can be said of a line before its end is there: binary rubbish and lines without end. */
static int check_unfinished(struct tr_http_head *head, const char *data, size_t size, size_t end)
{
    size_t line_size = end - head->line;
    const struct tr_http_limits *limits = head->limits;
    if (!head->has_request_line && size > head->line) {
        char first = data[head->line];
        if (!tr_http_is_tchar((unsigned char)first) && first != '\r' && first != '\n')
            return tr_http_head_refuse(head, 400, "the request must begin with a method");
        if (line_size > limits->request_line_bytes + 2)
            return refuse_limit(head, 414, "the request line is too long",
                                limits->request_line_bytes);
    }
    if (end > limits->head_bytes)
        return refuse_limit(head, 431, "request line and fields are too large", limits->head_bytes);
    return 0;
}

int tr_http_head_parse(struct tr_http_head *head, const char *data, size_t size)
{
    for (;;) {
        const char *lf = NULL;
        if (head->scanned < size)
            lf = memchr(data + head->scanned, '\n', size - head->scanned);
        size_t end = lf != NULL ? (size_t)(lf - data) + 1 : size;
        int status = check_unfinished(head, data, size, end);
        if (status < 0)
            return status;
        head->scanned = end;
        if (lf == NULL)
            return TR_HTTP_MORE;
        size_t line_size = end - head->line;
        if (line_size < 2 || lf[-1] != '\r')
            return tr_http_head_refuse(head, 400, "lines must end with CR and LF");
        struct tr_slice line = tr_slice(data + head->line, line_size - 2);
        head->line = end;
        status = parse_line(head, line);
        if (status != TR_HTTP_MORE)
            return status;
    }
}
