/* SPDX-License-Identifier: MIT */
/* traction query: an answer for people. */
#pragma once

#include <jansson.h>

/* Prints the value, the series with bars, the groups, and what makes the answer trustworthy. */
void tr_query_print(const json_t *answer);
