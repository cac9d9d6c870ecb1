/* SPDX-License-Identifier: MIT */
/* Where a request may carry its key: Bearer, the user name of Basic (RFC 7617), ?key=; and
 * sessions' cookies. */
#include "credentials.h"

#include <strings.h>

/* Standard and URL alphabet; stops at padding. -1: not base64. */
static int decode_character(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

static struct tr_slice decode_base64(struct tr_arena *arena, struct tr_slice text)
{
    char *out = tr_arena_alloc(arena, text.size * 3 / 4 + 3);
    size_t size = 0;
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < text.size && text.data[i] != '='; i++) {
        int value = decode_character(text.data[i]);
        if (value < 0)
            return TR_SLICE_NONE;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[size++] = (char)(bits >> have);
        }
    }
    return tr_slice(out, size);
}

static struct tr_slice skip_spaces(struct tr_slice text)
{
    while (text.size > 0 && *text.data == ' ') {
        text.data++;
        text.size--;
    }
    return text;
}

static bool take_scheme(struct tr_slice *field, const char *scheme)
{
    size_t size = strlen(scheme);
    if (field->size <= size || strncasecmp(field->data, scheme, size) != 0 ||
        field->data[size] != ' ')
        return false;
    *field = skip_spaces(tr_slice(field->data + size, field->size - size));
    return true;
}

struct tr_slice tr_credentials_find(struct tr_http_request *request)
{
    struct tr_slice field = tr_http_field(request, "authorization");
    if (field.data != NULL && take_scheme(&field, "Bearer"))
        return field;
    if (field.data != NULL && take_scheme(&field, "Basic")) {
        struct tr_slice user = decode_base64(request->arena, field);
        const char *colon = user.size > 0 ? memchr(user.data, ':', user.size) : NULL;
        return colon != NULL ? tr_slice(user.data, (size_t)(colon - user.data)) : user;
    }
    return tr_http_query(request, "key", NULL);
}

struct tr_slice tr_credentials_session(const struct tr_http_request *request)
{
    static const char name[] = TR_SESSION_COOKIE "=";
    struct tr_slice field = tr_http_field(request, "cookie");
    while (field.size > 0) {
        const char *end = memchr(field.data, ';', field.size);
        size_t size = end != NULL ? (size_t)(end - field.data) : field.size;
        if (size >= sizeof name - 1 && memcmp(field.data, name, sizeof name - 1) == 0)
            return tr_slice(field.data + sizeof name - 1, size - (sizeof name - 1));
        size_t step = end != NULL ? size + 1 : size;
        field = skip_spaces(tr_slice(field.data + step, field.size - step));
    }
    return TR_SLICE_NONE;
}

bool tr_credentials_same_site(const struct tr_http_request *request)
{
    return request->method == TR_HTTP_GET || request->method == TR_HTTP_HEAD ||
           tr_http_field(request, "traction-request").data != NULL;
}
