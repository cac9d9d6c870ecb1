/* SPDX-License-Identifier: MIT */
/*
 * The scanner. A struct scan is a place in the text; each function expects its subject there, and
 * leaves it behind the subject, or returns false with the place at the offending byte.
 *
 * Containers are not scanned by recursion: one bit per open container says whether it is an object,
 * so 64 bytes of stack hold the deepest document that is read.
 */
#include "traction/json.h"

#include "event_priv.h"

#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

struct scan {
    const char *at;
    const char *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && (unsigned char)*scan->at <= ' ' &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

/* Strings ------------------------------------------------------------------------------------- */

/* Past the bytes that mean themselves: ASCII but quotes, backslashes and controls. */
static inline const char *skip_plain(const char *at, const char *end)
{
#if defined(__SSE2__)
    /* Compared as signed bytes, those from 0x80 on are below the space, too. */
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i special = _mm_or_si128(
            _mm_cmplt_epi8(bytes, space),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        int mask = _mm_movemask_epi8(special);
        if (mask != 0)
            return at + __builtin_ctz((unsigned)mask);
    }
#endif
    while (at < end && (signed char)*at >= ' ' && *at != '"' && *at != '\\')
        at++;
    return at;
}

static bool scan_escape(struct scan *scan, unsigned *flags)
{
    *flags |= TR_JSON_ESCAPED;
    if (scan->end - scan->at < 2)
        return false;
    if (scan->at[1] != 'u') {
        if (scan->at[1] == '\0' || strchr("\"\\/bfnrt", scan->at[1]) == NULL)
            return false;
        scan->at += 2;
        return true;
    }
    size_t size = 0;
    bool odd = false;
    if (tr_json_unicode_escape(scan->at, scan->end, &size, &odd) < 0)
        return false;
    if (odd)
        *flags |= TR_JSON_ODD_TEXT;
    scan->at += size;
    return true;
}

static void scan_utf8(struct scan *scan, unsigned *flags)
{
    size_t length = tr_utf8_length(scan->at, (size_t)(scan->end - scan->at));
    if (length == 0) {
        *flags |= TR_JSON_BAD_UTF8;
        length = 1;
    }
    scan->at += length;
}

static bool scan_string(struct scan *scan, unsigned *flags)
{
    scan->at++;
    for (;;) {
        scan->at = skip_plain(scan->at, scan->end);
        if (scan->at == scan->end)
            return false;
        if (*scan->at == '"') {
            scan->at++;
            return true;
        }
        if (*scan->at == '\\') {
            if (!scan_escape(scan, flags))
                return false;
        } else if ((unsigned char)*scan->at < ' ') {
            return false;
        } else {
            scan_utf8(scan, flags);
        }
    }
}

/* Other scalars ------------------------------------------------------------------------------- */

static bool scan_digits(struct scan *scan)
{
    const char *begin = scan->at;
    while (scan->at < scan->end && is_digit(*scan->at))
        scan->at++;
    return scan->at > begin;
}

static bool scan_exponent(struct scan *scan, unsigned *flags)
{
    scan->at++;
    if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
        scan->at++;
    const char *digits = scan->at;
    if (!scan_digits(scan))
        return false;
    int exponent = 0;
    for (; digits < scan->at && exponent <= TR_JSON_EXPONENT_MAX; digits++)
        exponent = exponent * 10 + (*digits - '0');
    if (exponent > TR_JSON_EXPONENT_MAX)
        *flags |= TR_JSON_WILD_NUMBER;
    return true;
}

static bool scan_number(struct scan *scan, unsigned *flags)
{
    const char *begin = scan->at;
    if (*scan->at == '-')
        scan->at++;
    if (scan->at < scan->end && *scan->at == '0')
        scan->at++;
    else if (!scan_digits(scan))
        return false;
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    if (scan->at < scan->end && (*scan->at | 0x20) == 'e' && !scan_exponent(scan, flags))
        return false;
    if (scan->at - begin > TR_JSON_NUMBER_BYTES_MAX)
        *flags |= TR_JSON_WILD_NUMBER;
    return true;
}

static bool scan_word(struct scan *scan, const char *word)
{
    for (; *word != '\0'; word++, scan->at++)
        if (scan->at == scan->end || *scan->at != *word)
            return false;
    return true;
}

static bool scan_scalar(struct scan *scan, enum tr_json_type *type_out, unsigned *flags)
{
    switch (*scan->at) {
    case '"':
        *type_out = TR_JSON_STRING;
        return scan_string(scan, flags);
    case 't':
        *type_out = TR_JSON_TRUE;
        return scan_word(scan, "true");
    case 'f':
        *type_out = TR_JSON_FALSE;
        return scan_word(scan, "false");
    case 'n':
        *type_out = TR_JSON_NULL;
        return scan_word(scan, "null");
    default:
        *type_out = TR_JSON_NUMBER;
        return scan_number(scan, flags);
    }
}

/* Containers ---------------------------------------------------------------------------------- */

struct nesting {
    uint64_t objects[TR_JSON_DEPTH_MAX / 64]; /* bit per level: it is an object */
    int depth;
    int deepest;
    unsigned flags;
};

static bool in_object(const struct nesting *nesting)
{
    int level = nesting->depth - 1;
    return nesting->objects[level / 64] >> (level % 64) & 1;
}

static bool push(struct nesting *nesting, bool object)
{
    int level = nesting->depth;
    if (level == TR_JSON_DEPTH_MAX)
        return false;
    uint64_t bit = (uint64_t)1 << (level % 64);
    if (object)
        nesting->objects[level / 64] |= bit;
    else
        nesting->objects[level / 64] &= ~bit;
    nesting->depth++;
    if (nesting->depth > nesting->deepest)
        nesting->deepest = nesting->depth;
    return true;
}

/* Key and colon, and the space around them: up to the value. */
static bool scan_key(struct scan *scan, unsigned *flags)
{
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != '"' || !scan_string(scan, flags))
        return false;
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != ':')
        return false;
    scan->at++;
    skip_space(scan);
    return scan->at < scan->end;
}

/* A key inside the value: its oddity is kept apart, because keys are not repaired. */
static bool scan_inner_key(struct scan *scan, struct nesting *nesting)
{
    unsigned flags = 0;
    if (!scan_key(scan, &flags))
        return false;
    if (flags & TR_JSON_ODD_TEXT)
        flags = (flags & ~(unsigned)TR_JSON_ODD_TEXT) | TR_JSON_ODD_KEY;
    nesting->flags |= flags;
    return true;
}

/* From an opening bracket to the first value in it; an empty container is left at its closing
 * bracket, *empty_out set. */
static bool scan_open(struct scan *scan, struct nesting *nesting, bool *empty_out)
{
    bool object = *scan->at == '{';
    if (!push(nesting, object))
        return false;
    scan->at++;
    skip_space(scan);
    if (scan->at == scan->end)
        return false;
    *empty_out = *scan->at == (object ? '}' : ']');
    return *empty_out || !object || scan_inner_key(scan, nesting);
}

/* From behind a value, or the closing bracket of an empty container, to the next value; or to the
 * end of the outermost container, where the depth is 0. */
static bool scan_next(struct scan *scan, struct nesting *nesting)
{
    while (nesting->depth > 0) {
        skip_space(scan);
        if (scan->at == scan->end)
            return false;
        bool object = in_object(nesting);
        if (*scan->at == ',') {
            scan->at++;
            if (object)
                return scan_inner_key(scan, nesting);
            skip_space(scan);
            return scan->at < scan->end;
        }
        if (*scan->at != (object ? '}' : ']'))
            return false;
        scan->at++;
        nesting->depth--;
    }
    return true;
}

static bool scan_container(struct scan *scan, struct nesting *nesting)
{
    do {
        enum tr_json_type type;
        bool empty = false;
        if (*scan->at == '{' || *scan->at == '[') {
            if (!scan_open(scan, nesting, &empty))
                return false;
            if (!empty)
                continue;
        } else if (!scan_scalar(scan, &type, &nesting->flags)) {
            return false;
        }
        if (!scan_next(scan, nesting))
            return false;
    } while (nesting->depth > 0);
    return true;
}

/* scan->at is not the end. */
static bool scan_value(struct scan *scan, struct tr_json_value *value)
{
    const char *begin = scan->at;
    if (*begin == '{' || *begin == '[') {
        struct nesting nesting;
        nesting.depth = nesting.deepest = 0;
        nesting.flags = 0;
        if (!scan_container(scan, &nesting))
            return false;
        value->type = *begin == '{' ? TR_JSON_OBJECT : TR_JSON_ARRAY;
        value->depth = nesting.deepest;
        value->flags = nesting.flags;
    } else {
        value->depth = 0;
        value->flags = 0;
        if (!scan_scalar(scan, &value->type, &value->flags))
            return false;
    }
    value->raw = tr_slice(begin, (size_t)(scan->at - begin));
    return true;
}

bool tr_json_scan(struct tr_slice text, struct tr_json_value *value_out)
{
    struct scan scan = {text.data, text.data + text.size};
    struct tr_json_value value;
    skip_space(&scan);
    if (scan.at == scan.end || !scan_value(&scan, &value))
        return false;
    skip_space(&scan);
    if (scan.at != scan.end)
        return false;
    *value_out = value;
    return true;
}

/* Walking ------------------------------------------------------------------------------------- */

void tr_json_walk_init(struct tr_json_walk *walk, struct tr_slice text)
{
    struct scan scan = {text.data, text.data + text.size};
    skip_space(&scan);
    *walk = (struct tr_json_walk){.at = scan.at, .end = scan.end};
    if (scan.at == scan.end || (*scan.at != '{' && *scan.at != '[')) {
        walk->bad = true;
        return;
    }
    walk->close = *scan.at == '{' ? '}' : ']';
    walk->at++;
}

/* To where a member or element has to be; false at the end or when the text is bad. */
static bool walk_on(struct tr_json_walk *walk, struct scan *scan)
{
    if (walk->bad)
        return false;
    *scan = (struct scan){walk->at, walk->end};
    skip_space(scan);
    walk->at = scan->at;
    if (scan->at == scan->end) {
        walk->bad = true;
        return false;
    }
    if (*scan->at == walk->close) {
        walk->at++;
        return false;
    }
    if (walk->begun) {
        if (*scan->at != ',') {
            walk->bad = true;
            return false;
        }
        scan->at++;
        skip_space(scan);
    }
    walk->begun = true;
    return true;
}

bool tr_json_next_key(struct tr_json_walk *walk, struct tr_json_value *key_out)
{
    struct scan scan;
    if (!walk_on(walk, &scan))
        return false;
    const char *begin = scan.at;
    unsigned flags = 0;
    const char *quote = NULL;
    if (scan.at < scan.end && *scan.at == '"' && scan_string(&scan, &flags)) {
        quote = scan.at;
        skip_space(&scan);
    }
    if (quote == NULL || scan.at == scan.end || *scan.at != ':') {
        walk->at = scan.at;
        walk->bad = true;
        return false;
    }
    scan.at++;
    skip_space(&scan);
    walk->at = scan.at;
    walk->bad = scan.at == scan.end;
    *key_out = (struct tr_json_value){
        .type = TR_JSON_STRING, .flags = flags, .raw = tr_slice(begin, (size_t)(quote - begin))};
    return !walk->bad;
}

bool tr_json_next_item(struct tr_json_walk *walk)
{
    struct scan scan;
    if (!walk_on(walk, &scan))
        return false;
    walk->at = scan.at;
    walk->bad = scan.at == scan.end;
    return !walk->bad;
}

bool tr_json_take(struct tr_json_walk *walk, struct tr_json_value *value_out)
{
    struct scan scan = {walk->at, walk->end};
    if (walk->bad)
        return false;
    walk->bad = !scan_value(&scan, value_out);
    walk->at = scan.at;
    return !walk->bad;
}

void tr_json_collect(struct tr_slice object, const char *const *names, size_t count,
                     struct tr_json_value *values_out)
{
    struct tr_json_walk walk;
    struct tr_json_value key;
    struct tr_json_value value;
    for (size_t i = 0; i < count; i++)
        values_out[i] = (struct tr_json_value){.type = TR_JSON_NULL};
    tr_json_walk_init(&walk, object);
    if (walk.close != '}')
        return;
    while (tr_json_next_key(&walk, &key) && tr_json_take(&walk, &value))
        for (size_t i = 0; i < count; i++)
            if (tr_json_key_is(&key, names[i]))
                values_out[i] = value;
}
