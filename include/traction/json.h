/* SPDX-License-Identifier: MIT */
/*
 * JSON as RFC 8259 has it, read in place: one pass, no tree, no recursion, no memory of its own.
 * Everything found is borrowed from the text. Part of the module event; any thread.
 *
 * The grammar is strict. What is legal JSON and yet cannot be stored as it is does not stop the
 * scan, it sets a flag, so that the end of the value is still found: bytes that are not UTF-8,
 * escaped NULs and lone surrogates, numbers beyond any use.
 */
#pragma once

#include "traction/base/arena.h"
#include "traction/base/buf.h"
#include "traction/base/slice.h"

enum tr_json_type {
    TR_JSON_OBJECT,
    TR_JSON_ARRAY,
    TR_JSON_STRING,
    TR_JSON_NUMBER,
    TR_JSON_TRUE,
    TR_JSON_FALSE,
    TR_JSON_NULL,
};

enum tr_json_flag {
    TR_JSON_ESCAPED = 1,      /* a string has escapes */
    TR_JSON_BAD_UTF8 = 2,     /* not UTF-8, somewhere */
    TR_JSON_ODD_TEXT = 4,     /* \u0000 or half a surrogate pair in a string */
    TR_JSON_ODD_KEY = 8,      /* the same in the key of an object inside */
    TR_JSON_WILD_NUMBER = 16, /* longer than 1,000 characters, or an exponent beyond ±300 */
};

enum { TR_JSON_DEPTH_MAX = 512 }; /* containers inside each other; deeper is not read */
enum { TR_JSON_NUMBER_BYTES_MAX = 1000, TR_JSON_EXPONENT_MAX = 300 };

struct tr_json_value {
    enum tr_json_type type;
    unsigned flags;      /* of everything inside */
    int depth;           /* 0 for a scalar, 1 for [] and [1], 2 for [[]] … */
    struct tr_slice raw; /* as written, strings with their quotes */
};

/* Scans the one value that the text holds, white space around it allowed. False: it is not JSON,
 * or nested beyond TR_JSON_DEPTH_MAX. */
bool tr_json_scan(struct tr_slice text, struct tr_json_value *value_out);

/* Walking an object or an array -----------------------------------------------------------------
 *
 *     tr_json_walk_init(&walk, text);
 *     while (tr_json_next_key(&walk, &key) && tr_json_take(&walk, &value))
 *         …
 *     if (walk.bad) … walk.at is where the grammar was broken
 *
 * In place of tr_json_take() a second walk may be begun at walk.at; the first goes on where that
 * one ended. */

struct tr_json_walk {
    const char *at;
    const char *end;
    char close; /* '}' or ']' */
    bool begun;
    bool bad;
};

/* text begins with the value, white space allowed, and may go on behind it. Neither an object nor
 * an array: bad at once. */
void tr_json_walk_init(struct tr_json_walk *walk, struct tr_slice text);
/* To the next member of an object: *key_out is its key, walk->at the first byte of its value.
 * False at the end, walk->at is then behind the bracket, or when the text is bad. */
bool tr_json_next_key(struct tr_json_walk *walk, struct tr_json_value *key_out);
/* To the next element of an array. */
bool tr_json_next_item(struct tr_json_walk *walk);
/* Reads the value. False when the text is bad. */
bool tr_json_take(struct tr_json_walk *walk, struct tr_json_value *value_out);
/* The members of these names (of at most 40 bytes) of an object that was scanned before; of those
 * that come twice, the last. Absent ones get raw.data NULL, as do all of what is no object. */
void tr_json_collect(struct tr_slice object, const char *const *names, size_t count,
                     struct tr_json_value *values_out);
/* Whether a key, which may have escapes, is this name of at most 40 bytes. */
bool tr_json_key_is(const struct tr_json_value *key, const char *name);

/* Strings ---------------------------------------------------------------------------------------
 */

/* The text of a string (or a key): borrowed from the source or, when it has escapes, unescaped
 * into the arena. NULs and lone surrogates become U+FFFD. */
struct tr_slice tr_json_text(const struct tr_json_value *string, struct tr_arena *arena);
/* Replaces \u0000 and lone surrogates by \ufffd, which takes as many bytes. */
void tr_json_repair(char *text, size_t size);
/* Appends text as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void tr_json_append_string(struct tr_buf *out, struct tr_slice text);

/* Text ------------------------------------------------------------------------------------------
 */

/* Bytes of the UTF-8 sequence (RFC 3629) that left > 0 bytes begin with; 0 if it is none. */
size_t tr_utf8_length(const char *at, size_t left);
/* UTF-8 without NUL, which is what PostgreSQL takes. */
bool tr_text_valid(struct tr_slice text);
/* The longest beginning of at most max bytes that cuts no character. text is UTF-8. */
struct tr_slice tr_text_truncate(struct tr_slice text, size_t max);
