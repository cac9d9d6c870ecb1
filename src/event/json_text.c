/* SPDX-License-Identifier: MIT */
/* The text of JSON strings: escapes both ways, repair, and UTF-8 as PostgreSQL wants it. */
#include "event_priv.h"

#include <assert.h>
#include <stdint.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The four digits at at; -1 if they are not. */
static int hex4(const char *at, const char *end)
{
    if (end - at < 4)
        return -1;
    int code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

static bool is_high_surrogate(int code)
{
    return code >= 0xd800 && code <= 0xdbff;
}

static bool is_low_surrogate(int code)
{
    return code >= 0xdc00 && code <= 0xdfff;
}

int tr_json_unicode_escape(const char *at, const char *end, size_t *size_out, bool *odd_out)
{
    int code = hex4(at + 2, end);
    *size_out = 6;
    *odd_out = code == 0 || is_low_surrogate(code) || is_high_surrogate(code);
    if (is_high_surrogate(code) && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
        int low = hex4(at + 8, end);
        if (is_low_surrogate(low)) {
            *size_out = 12;
            *odd_out = false;
            return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return *odd_out ? 0xfffd : code;
}

/* UTF-8 ---------------------------------------------------------------------------------------- */

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The second byte decides: it excludes overlong forms, surrogates and what is beyond U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return second >= 0x80 && second <= 0xbf;
    }
}

size_t tr_utf8_length(const char *at, size_t left)
{
    unsigned char first = (unsigned char)at[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (left < length || !second_fits(first, (unsigned char)at[1]))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!is_continuation(at[i]))
            return 0;
    return length;
}

enum { WORD_BYTES = 8 };

/* A word of bytes that are ASCII, none of them zero. */
static bool is_plain_word(const char *at)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return ((word | (word - ones)) & (ones << 7)) == 0;
}

static bool is_valid_bytewise(const char *at, const char *end)
{
    while (at < end) {
        size_t length = *at == '\0' ? 0 : tr_utf8_length(at, (size_t)(end - at));
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

bool tr_text_valid(struct tr_slice text)
{
    const char *at = text.data;
    const char *end = at + text.size;
    while (end - at >= WORD_BYTES && is_plain_word(at))
        at += WORD_BYTES;
    /* The last word may overlap the one before. */
    if (text.size >= WORD_BYTES && end - at < WORD_BYTES && is_plain_word(end - WORD_BYTES))
        return true;
    return is_valid_bytewise(at, end);
}

struct tr_slice tr_text_truncate(struct tr_slice text, size_t max)
{
    if (text.size <= max)
        return text;
    while (max > 0 && is_continuation(text.data[max]))
        max--;
    return tr_slice(text.data, max);
}

static size_t put_utf8(char *out, int code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[length] | code);
    return length;
}

/* Escapes ------------------------------------------------------------------------------------- */

static char short_escape(char letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter;
    }
}

/* text has been scanned. No character is longer than its escape: out needs text.size bytes. */
static size_t unescape(struct tr_slice text, char *out)
{
    const char *at = text.data;
    const char *end = at + text.size;
    char *begin = out;
    while (at < end) {
        const char *next = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((next != NULL ? next : end) - at);
        memcpy(out, at, plain);
        out += plain;
        at += plain;
        if (next == NULL)
            break;
        if (at[1] != 'u') {
            *out++ = short_escape(at[1]);
            at += 2;
            continue;
        }
        size_t size = 0;
        bool odd = false;
        out += put_utf8(out, tr_json_unicode_escape(at, end, &size, &odd));
        at += size;
    }
    return (size_t)(out - begin);
}

struct tr_slice tr_json_text(const struct tr_json_value *string, struct tr_arena *arena)
{
    struct tr_slice text = tr_slice(string->raw.data + 1, string->raw.size - 2);
    if (!(string->flags & TR_JSON_ESCAPED))
        return text;
    char *plain = tr_arena_alloc(arena, text.size);
    return tr_slice(plain, unescape(text, plain));
}

bool tr_json_key_is(const struct tr_json_value *key, const char *name)
{
    struct tr_slice text = tr_slice(key->raw.data + 1, key->raw.size - 2);
    if (!(key->flags & TR_JSON_ESCAPED))
        return tr_slice_is(text, name);
    enum { NAME_MAX = 40, ESCAPE_MAX = 6 };
    char plain[NAME_MAX * ESCAPE_MAX];
    assert(strlen(name) <= NAME_MAX);
    if (text.size > sizeof plain)
        return false;
    return tr_slice_is(tr_slice(plain, unescape(text, plain)), name);
}

void tr_json_repair(char *text, size_t size)
{
    static const char replacement[] = {'\\', 'u', 'f', 'f', 'f', 'd'};
    const char *end = text + size;
    while ((text = memchr(text, '\\', (size_t)(end - text))) != NULL) {
        size_t length = 2;
        bool odd = false;
        if (text[1] == 'u')
            tr_json_unicode_escape(text, end, &length, &odd);
        if (odd)
            memcpy(text, replacement, sizeof replacement);
        text += length;
    }
}

static void append_escaped(struct tr_buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        tr_buf_append(out, "\\\"", 2);
        break;
    case '\\':
        tr_buf_append(out, "\\\\", 2);
        break;
    case '\n':
        tr_buf_append(out, "\\n", 2);
        break;
    default:
        tr_buf_printf(out, "\\u%04x", c);
    }
}

static bool means_itself(unsigned char c)
{
    return c >= ' ' && c != '"' && c != '\\';
}

void tr_json_append_string(struct tr_buf *out, struct tr_slice text)
{
    tr_buf_append_u8(out, '"');
    const char *at = text.data;
    const char *end = at + text.size;
    const char *begin = at;
    while (at < end) {
        size_t length = tr_utf8_length(at, (size_t)(end - at));
        if (length > 1 || (length == 1 && means_itself((unsigned char)*at))) {
            at += length;
            continue;
        }
        tr_buf_append(out, begin, (size_t)(at - begin));
        if (length == 0)
            tr_buf_append_text(out, "\xef\xbf\xbd");
        else
            append_escaped(out, (unsigned char)*at);
        begin = ++at;
    }
    tr_buf_append(out, begin, (size_t)(at - begin));
    tr_buf_append_u8(out, '"');
}
