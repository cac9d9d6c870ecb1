/* SPDX-License-Identifier: MIT */
/* traction query: an answer for people. */
#pragma once

#include <jansson.h>

/* Prints the value, the series with bars, the groups, and what makes the answer trustworthy. */
void tr_query_print(const json_t *answer);

/* Shared by query_print.c and query_tables.c. */
enum { TR_QUERY_VALUE_BYTES = 64, TR_QUERY_LABEL_CELLS = 32 };
/* A number as people read it, shares and rates (by their key) as percentages; "-" for none. */
void tr_query_format(const char *key, const json_t *value, char out[TR_QUERY_VALUE_BYTES]);
/* Labels come from outside: no control characters, and not wider than the column. */
void tr_query_print_label(const char *label);
/* What the answer has beside series and groups. */
void tr_query_print_tables(const json_t *answer);
