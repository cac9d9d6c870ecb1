/* SPDX-License-Identifier: MIT */
/* What the files of this folder share: the option table and the texts of values. */
#pragma once

#include "traction/base/arena.h"
#include "traction/config.h"

#include <stddef.h>

/* How a value is written; where it is stored follows from the field's width. */
enum tr_option_kind {
    TR_OPTION_TEXT,
    TR_OPTION_PATH,     /* absolute */
    TR_OPTION_NETWORKS, /* 10.0.0.0/8 fd00::/8 */
    TR_OPTION_URL,      /* a database URL: its password is never shown */
    TR_OPTION_SECRET,   /* a text that is never shown */
    TR_OPTION_ADDRESS,  /* HOST:PORT, into http.host and http.port */
    TR_OPTION_COUNT,
    TR_OPTION_SIZE,     /* 10GiB */
    TR_OPTION_DURATION, /* 30s */
    TR_OPTION_SHARE,    /* 5% */
    TR_OPTION_CHOICE,
};

struct tr_option {
    const char *section;
    const char *key;
    enum tr_option_kind kind;
    size_t offset; /* in struct tr_config */
    size_t width;  /* of the field */
    int64_t unit;  /* durations: microseconds per unit of the field */
    double min;    /* in units of the field */
    double max;
    const char *const *choices; /* NULL-terminated; the field is the index */
    const char *help;
};

extern const struct tr_option tr_options[];
extern const size_t tr_option_count;

const struct tr_option *tr_option_find(const char *section, const char *key);
/* Whether any option has this section. */
bool tr_option_section_exists(const char *section);
/* TRACTION_<SECTION>_<KEY>, in upper case. */
void tr_option_variable(const struct tr_option *option, char *out, size_t size);

/* Parses text into the option's field; texts are copied into the arena. -EINVAL says what was
 * expected. */
int tr_option_parse(const struct tr_option *option, const char *text, struct tr_config *config,
                    struct tr_arena *arena, struct tr_error *error);
/* The value as one would write it in traction.ini; "" for an absent text. Passwords are hidden. */
void tr_option_format(const struct tr_option *option, const struct tr_config *config,
                      struct tr_buf *out);
/* What may be written, for people: "a duration from 1s to 1h, such as 30s". */
void tr_option_expected(const struct tr_option *option, struct tr_buf *out);

struct tr_config_private {
    struct tr_arena *arena;
    char *path;
    const char **origins; /* by option; NULL: default */
};

/* A configuration with every default and nothing else. */
struct tr_config *tr_config_new(void);
