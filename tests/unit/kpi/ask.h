/* SPDX-License-Identifier: MIT */
/* A question for tests: parsed without a database, from "name=value" texts. */
#pragma once

#include "kpi_priv.h"

#include <string.h>

static const struct tr_kpi_project ask_project = {7, "Asia/Kolkata", "INR"};
static struct tr_kpi_problem ask_problem;

/* The outcome of parsing; texts end with NULL. */
static inline int ask(struct tr_arena *arena, const char *kpi, const char *const *texts,
                      struct tr_kpi_question *question_out)
{
    struct tr_kpi_parameter parameters[64] = {0};
    size_t count = 0;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_kpi_ask context = {
        .project = &ask_project,
        .now_us = INT64_C(1795428930250000),
        .arena = arena,
        .problem = &ask_problem,
        .error = &error,
    };
    for (; texts[count] != NULL; count++) {
        const char *equals = strchr(texts[count], '=');
        parameters[count] = (struct tr_kpi_parameter){
            tr_slice(texts[count], (size_t)(equals - texts[count])), tr_slice_of(equals + 1)};
    }
    return tr_kpi_parse_question(&context, tr_slice_of(kpi), parameters, count, question_out);
}

#define ASK(arena, question, kpi, ...) \
    ask(arena, kpi, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL}, question)
