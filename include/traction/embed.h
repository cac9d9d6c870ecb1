/* SPDX-License-Identifier: MIT */
/* Files embedded into the program at build time by src/tools/embed.py. */
#pragma once

#include <stddef.h>

struct tr_embedded {
    const char *name; /* path below the embedded folder, e.g. "queries/writer/ledger.sql" */
    const char *text; /* terminated */
    size_t size;
    const char *sha256; /* hexadecimal */
};

/* sql/, sorted by name. Read through traction/pg.h. */
extern const struct tr_embedded tr_sql_files[];
extern const size_t tr_sql_files_count;

/* The words that src/event/sentiment.c knows. */
extern const struct tr_embedded tr_sentiment_files[];
extern const size_t tr_sentiment_files_count;
