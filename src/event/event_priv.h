/* SPDX-License-Identifier: MIT */
/* What the files of the event module share. */
#pragma once

#include "traction/event.h"
#include "traction/json.h"

#include <stdint.h>

/* json_text.c --------------------------------------------------------------------------------- */

/* The character that the \u at at stands for, and how long it is written; U+FFFD for what cannot
 * be a character, with *odd_out set. -1 if the digits are not. */
int tr_json_unicode_escape(const char *at, const char *end, size_t *size_out, bool *odd_out);

/* decimal.c ----------------------------------------------------------------------------------- */

/* |value| < 10^15 in steps of 10^-18: what doubles of that size are written with. */
struct tr_decimal {
    bool negative; /* never with zero */
    uint64_t whole;
    uint64_t parts; /* of 10^-18 */
};
enum { TR_DECIMAL_BINARY_MAX = 8 + 9 * 2, TR_DECIMAL_TEXT_MAX = 1 + 15 + 1 + 18 };
enum tr_decimal_outcome { TR_DECIMAL_NOT_FINITE = 1, TR_DECIMAL_OUT_OF_RANGE = 2 };

/* text × 10^shift, where text is a JSON number; rounded half away from zero to 18 decimals. */
int tr_decimal_parse(struct tr_decimal *decimal_out, struct tr_slice text, int shift);
double tr_decimal_double(const struct tr_decimal *decimal);
/* The shortest decimal text; returns its length. */
size_t tr_decimal_text(const struct tr_decimal *decimal, char out[TR_DECIMAL_TEXT_MAX]);
/* What numeric_recv() of PostgreSQL reads; returns its length. */
size_t tr_decimal_binary(const struct tr_decimal *decimal, char out[TR_DECIMAL_BINARY_MAX]);

/* timestamp.c --------------------------------------------------------------------------------- */

/* Times beyond any limit that is set; far enough from INT64_MAX to add to them. */
#define TR_TIMESTAMP_FAR_US ((int64_t)1 << 61)

/* RFC 3339, or Unix milliseconds as digits. */
bool tr_timestamp_parse(struct tr_slice text, int64_t *us_out);
/* Unix milliseconds as a JSON number. */
int64_t tr_timestamp_from_number(struct tr_slice text);

/* properties.c -------------------------------------------------------------------------------- */

/* Reads the object that outer has come to; outer goes on behind it. */
void tr_properties_walk(struct tr_event_properties *properties, struct tr_json_walk *outer);
/* Fills the reject and returns false when they cannot be stored. */
bool tr_properties_check(const struct tr_event_properties *properties,
                         const struct tr_event_limits *limits, struct tr_arena *arena,
                         struct tr_reject *reject);
/* What a column gets of a property: at most TR_PROPERTY_TEXT_MAX bytes; data NULL for none. */
enum { TR_PROPERTY_TEXT_MAX = 200 };
struct tr_slice tr_property_text(const struct tr_json_value *value, struct tr_arena *arena);

/* encode.c ------------------------------------------------------------------------------------ */

/* Fills the reject, unless it has been filled before; returns false. */
bool tr_refuse(struct tr_reject *reject, const char *field, const char *code, const char *message);

/* url.c, channel.c ---------------------------------------------------------------------------- */

struct tr_url {
    struct tr_slice text; /* without credentials, fragment and all but the allowed parameters */
    struct tr_slice host; /* lower case, without port; absent for a relative URL */
    struct tr_slice path;
    struct tr_slice query; /* as sent; for reading the campaign */
};
/* parameters: which of the query are kept, as in struct tr_event_limits. False: its text would be
 * longer than max. The arena only ever holds what is kept. */
bool tr_url_parse(struct tr_url *url_out, struct tr_slice text, const char *parameters, size_t max,
                  struct tr_arena *arena);
/* The raw value of a query parameter; absent: data NULL. */
struct tr_slice tr_url_parameter(struct tr_slice query, const char *name);
/* Static text, or NULL when there is nothing to tell it from. */
const char *tr_channel_derive(const struct tr_url *url, const struct tr_url *referrer);

/* sentiment.c --------------------------------------------------------------------------------- */

/* How a feedback event with these properties (JSON, or absent) feels, in millionths; score is the
 * value of a survey's answer, or NULL. False: nothing says. */
bool tr_sentiment_derive(struct tr_slice properties, const struct tr_decimal *score,
                         struct tr_arena *arena, int32_t *millionths_out);
/* By the lexicon. text is UTF-8. */
int32_t tr_sentiment_of_text(struct tr_slice text);

/* standard.c ---------------------------------------------------------------------------------- */

struct tr_standard {
    const char *name;
    enum tr_event_kind kind;
    bool duration; /* value is a time: stored in milliseconds */
    bool money;    /* unit is a currency */
};
/* NULL for names of the client's own. */
const struct tr_standard *tr_standard_find(struct tr_slice name);
