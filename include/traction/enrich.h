/* SPDX-License-Identifier: MIT */
/*
 * What the door can tell of who sends an event: device, browser and system from the User-Agent, the
 * country from the address. docs/events.md has the rules.
 */
#pragma once

#include "traction/base/alloc.h"
#include "traction/base/error.h"
#include "traction/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* User-Agents ---------------------------------------------------------------------------------- */

/* What a browser says of itself, as the header fields have it; absent: data NULL. */
struct tr_agent_fields {
    struct tr_slice user_agent; /* beyond 512 bytes it is not read */
    struct tr_slice brands;     /* Sec-CH-UA */
    struct tr_slice mobile;     /* Sec-CH-UA-Mobile */
    struct tr_slice platform;   /* Sec-CH-UA-Platform */
};

/* What follows from it. Texts are UTF-8; "": nothing is known. */
struct tr_agent {
    const char *device; /* desktop, mobile, tablet, tv, console, wearable, bot; static */
    bool bot;
    char browser[64];
    char os[64];
};

/* The rules: one for all threads. Expressions are compiled when they are first needed. */
struct tr_agent_rules;
struct tr_agent_rules *tr_agent_rules_new(void);
/* After all readers. */
void tr_agent_rules_free(struct tr_agent_rules *rules);

/* Reads by the rules and remembers the answers to what was asked last; a thread has its own. */
struct tr_agent_reader;
struct tr_agent_reader *tr_agent_reader_new(struct tr_agent_rules *rules);
void tr_agent_reader_free(struct tr_agent_reader *reader);
/* Valid until the next call. Never fails: what cannot be told in reasonable time is not known. */
const struct tr_agent *tr_agent_read(struct tr_agent_reader *reader,
                                     const struct tr_agent_fields *fields);

/* Countries ------------------------------------------------------------------------------------ */

/* A database in MaxMind's format, of which a copy is kept in memory, so that the file may be
 * replaced or overwritten at any time. */
struct tr_geo;
/* Reads nothing yet: tr_geo_refresh() does. */
struct tr_geo *tr_geo_new(const char *path);
void tr_geo_free(struct tr_geo *geo);
/* Reads the file if it is another than last time. < 0: it cannot be read, and what was known before
 * stays; said once for each state of the file. One thread. */
enum { TR_GEO_READ = 1 };
int tr_geo_refresh(struct tr_geo *geo, struct tr_error *error);
/* When the database was made, Unix seconds; 0: there is none. Any thread. */
int64_t tr_geo_built_s(struct tr_geo *geo);
/* Two capital letters, ISO 3166-1, of an address of 4 or 16 bytes; false: not known. Any thread. */
bool tr_geo_country(struct tr_geo *geo, struct tr_slice address, char country_out[3]);
