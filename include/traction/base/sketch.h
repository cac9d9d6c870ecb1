/* SPDX-License-Identifier: MIT */
/*
 * A distribution as counts in logarithmic buckets: DDSketch (Masson, Rim, Lee, VLDB 2019) with a
 * relative error of 1 % and without collapsing. A value v > 0 belongs to the bucket
 * ceil(log(v) / log(gamma)), gamma = 1.01 / 0.99; zero has a bucket of its own. Merging adds
 * counts, and so is exact; counts may also be taken away again. One thread at a time.
 */
#pragma once

#include "traction/base/buf.h"
#include "traction/base/error.h"

#define TR_SKETCH_RELATIVE_ERROR 0.01
/* Values are clipped to this range, which holds a nanosecond and a century in milliseconds. */
enum { TR_SKETCH_INDEX_MIN = -700, TR_SKETCH_INDEX_MAX = 1500 };
/* The bucket of zero. */
enum { TR_SKETCH_INDEX_ZERO = -701 };

struct tr_sketch {
    int64_t counts[TR_SKETCH_INDEX_MAX - TR_SKETCH_INDEX_ZERO + 1]; /* by index - INDEX_ZERO */
};

/* The bucket of a value; sql/queries/kpi computes the same in SQL. value is finite and >= 0. */
int tr_sketch_index(double value);
/* The representative value of a bucket, within 1 % of every value in it. */
double tr_sketch_value(int index);

void tr_sketch_init(struct tr_sketch *sketch);
void tr_sketch_add(struct tr_sketch *sketch, int index, int64_t count);
int64_t tr_sketch_count(const struct tr_sketch *sketch);
/* The value at the quantile q in 0…1 (the smallest value with at least q of all at or below it, as
 * percentile_disc). Undefined (0) for an empty sketch. */
double tr_sketch_quantile(const struct tr_sketch *sketch, double q);

/* The stored form: a version byte 1, then per non-empty bucket in order of index two LEB128
 * varints: the step from the index before (at first from INDEX_ZERO), the count. */
void tr_sketch_encode(const struct tr_sketch *sketch, struct tr_buf *out);
/* Adds the stored form to the sketch. -EBADMSG for bytes that are not one; the sketch is then
 * undefined. */
int tr_sketch_merge(struct tr_sketch *sketch, struct tr_slice encoded, struct tr_error *error);
