/* SPDX-License-Identifier: MIT */
/*
 * The request target (RFC 9112 section 3.2): origin-form, or absolute-form whose authority is
 * skipped, or "*" for OPTIONS. Any visible ASCII but "#" is let through, more than RFC 3986 has,
 * because browsers send brackets, bars and braces as they are. Decoding works with lengths, so
 * that nothing ends at a zero byte; in a path %00 is refused, as no path of ours has one.
 */
#include "traction/base/arena.h"
#include "wire_priv.h"

static bool is_target(struct tr_slice target)
{
    for (size_t i = 0; i < target.size; i++) {
        unsigned char byte = (unsigned char)target.data[i];
        if (byte <= ' ' || byte >= 0x7f || byte == '#')
            return false;
    }
    return target.size > 0;
}

/* Skips "http://authority" or "https://authority". */
static bool skip_authority(struct tr_slice *rest)
{
    size_t scheme;
    if (rest->size > 7 && strncasecmp(rest->data, "http://", 7) == 0)
        scheme = 7;
    else if (rest->size > 8 && strncasecmp(rest->data, "https://", 8) == 0)
        scheme = 8;
    else
        return false;
    size_t end = scheme;
    while (end < rest->size && rest->data[end] != '/' && rest->data[end] != '?')
        end++;
    *rest = tr_slice(rest->data + end, rest->size - end);
    return end > scheme;
}

/* -1: a percent sign without two digits, or %00. */
static int decode_percent(const char *text, size_t size)
{
    if (size < 3)
        return -1;
    int high = tr_http_hex_digit((unsigned char)text[1]);
    int low = tr_http_hex_digit((unsigned char)text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static int check_path(struct tr_http_head *head)
{
    const char *end = head->path.data + head->path.size;
    const char *at = head->path.data;
    while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
        if (decode_percent(at, (size_t)(end - at)) <= 0)
            return tr_http_head_refuse(
                head, 400, "in the path % must stand before two hexadecimal digits, and not 00");
        head->path_encoded = true;
        at += 3;
    }
    return 0;
}

int tr_http_target_parse(struct tr_http_head *head)
{
    struct tr_slice rest = head->target;
    if (!is_target(rest))
        return tr_http_head_refuse(head, 400,
                                   "the target must be of visible ASCII, without a fragment");
    if (rest.data[0] != '/') {
        bool star = tr_slice_is(rest, "*") && head->method == TR_HTTP_OPTIONS;
        if (!star && !skip_authority(&rest))
            return tr_http_head_refuse(head, 400, "the target must begin with a slash");
    }
    const char *mark = rest.size > 0 ? memchr(rest.data, '?', rest.size) : NULL;
    size_t path_size = mark != NULL ? (size_t)(mark - rest.data) : rest.size;
    head->path = path_size > 0 ? tr_slice(rest.data, path_size) : TR_SLICE("/");
    head->query = mark != NULL ? tr_slice(mark + 1, rest.size - path_size - 1) : TR_SLICE("");
    return check_path(head);
}

/* Takes one decoded byte from the front of text, which is not empty. */
static char next_byte(struct tr_slice *text, bool plus)
{
    char byte = *text->data;
    size_t taken = 1;
    if (byte == '%') {
        int decoded = decode_percent(text->data, text->size);
        if (decoded >= 0) {
            byte = (char)decoded;
            taken = 3;
        }
    } else if (byte == '+' && plus) {
        byte = ' ';
    }
    *text = tr_slice(text->data + taken, text->size - taken);
    return byte;
}

size_t tr_http_percent_decode(struct tr_slice text, bool plus, char *out)
{
    size_t size = 0;
    while (text.size > 0)
        out[size++] = next_byte(&text, plus);
    return size;
}

static bool decodes_to(struct tr_slice text, const char *name)
{
    while (text.size > 0 && *name != '\0')
        if (next_byte(&text, true) != *name++)
            return false;
    return text.size == 0 && *name == '\0';
}

struct tr_slice tr_http_query(struct tr_http_request *request, const char *name, size_t *next)
{
    struct tr_slice query = request->query;
    size_t at = next != NULL ? *next : 0;
    while (at < query.size) {
        const char *from = query.data + at;
        const char *amp = memchr(from, '&', query.size - at);
        size_t size = amp != NULL ? (size_t)(amp - from) : query.size - at;
        const char *equals = memchr(from, '=', size);
        size_t key_size = equals != NULL ? (size_t)(equals - from) : size;
        at += size + 1;
        if (size == 0 || !decodes_to(tr_slice(from, key_size), name))
            continue;
        if (next != NULL)
            *next = at;
        if (equals == NULL)
            return TR_SLICE("");
        struct tr_slice raw = tr_slice(equals + 1, size - key_size - 1);
        char *value = tr_arena_alloc(request->arena, raw.size + 1);
        size_t value_size = tr_http_percent_decode(raw, true, value);
        value[value_size] = '\0';
        return tr_slice(value, value_size);
    }
    return TR_SLICE_NONE;
}

static struct tr_slice decode(struct tr_http_request *request, const char *text, size_t size)
{
    char *value = tr_arena_alloc(request->arena, size + 1);
    size_t value_size = tr_http_percent_decode(tr_slice(text, size), true, value);
    value[value_size] = '\0';
    return tr_slice(value, value_size);
}

bool tr_http_query_next(struct tr_http_request *request, size_t *next, struct tr_slice *name_out,
                        struct tr_slice *value_out)
{
    struct tr_slice query = request->query;
    while (*next < query.size) {
        const char *from = query.data + *next;
        const char *amp = memchr(from, '&', query.size - *next);
        size_t size = amp != NULL ? (size_t)(amp - from) : query.size - *next;
        const char *equals = memchr(from, '=', size);
        size_t name_size = equals != NULL ? (size_t)(equals - from) : size;
        *next += size + 1;
        if (size == 0)
            continue;
        *name_out = decode(request, from, name_size);
        *value_out =
            equals != NULL ? decode(request, equals + 1, size - name_size - 1) : TR_SLICE("");
        return true;
    }
    return false;
}
