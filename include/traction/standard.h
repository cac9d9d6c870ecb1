/* SPDX-License-Identifier: MIT */
/*
 * What the values of standard events mean: the scales of surveys, the thresholds of web vitals.
 * Rollups and queries both compute with these. Part of the module event; any
 * thread.
 */
#pragma once

#include "traction/base/arena.h"
#include "traction/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Web vitals ------------------------------------------------------------------------------------
 * Values are counted in whole parts of their unit, so that sums are the same whichever way they are
 * made: microseconds, and of CLS, which has no unit, 10^-9. */

struct tr_vital {
    const char *name; /* properties.metric */
    int decimals;     /* a part is 10^-decimals */
    int64_t good;     /* up to this many parts */
    int64_t poor;     /* beyond this many */
    int64_t most;     /* what is larger is no measurement */
};

enum { TR_VITAL_COUNT = 5 };
/* The thresholds are those of https://web.dev/articles/vitals. */
extern const struct tr_vital tr_vitals[TR_VITAL_COUNT];
/* NULL for any other metric. */
const struct tr_vital *tr_vital_find(struct tr_slice metric);

/* Surveys ---------------------------------------------------------------------------------------
 */

/* A survey's scale: whole numbers from least to most. */
struct tr_survey {
    const char *type; /* properties.type */
    int least;
    int most;
};
/* NULL for types without a score (text), and all that are unknown. */
const struct tr_survey *tr_survey_find(struct tr_slice type);

/* Sentiment is counted in millionths, from -1 to 1. Those from here on are positive, those from
 * minus this on are negative. */
enum { TR_SENTIMENT_ONE = 1000000, TR_SENTIMENT_POSITIVE = 50000 };

/* What a survey_answer's properties say. */
struct tr_answer {
    struct tr_slice type; /* data NULL: none, or not a text */
    bool has_text;
};
/* properties is JSON, or absent; the type is borrowed or in the arena. */
void tr_answer_read(struct tr_slice properties, struct tr_arena *arena,
                    struct tr_answer *answer_out);
