/* SPDX-License-Identifier: MIT */
/*
 * Percentiles and means. Rows come in order of what they are about; those about the same thing, log
 * buckets from events or stored sketches, are merged into one sketch, which then says its numbers.
 */
#include "kpi_priv.h"

#include "traction/base/sketch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const double tr_kpi_quantiles[TR_KPI_QUANTILES] = {0.5, 0.75, 0.95, 0.99};

struct merging {
    struct tr_kpi_point *point;
    struct tr_sketch sketch;
    struct tr_sketch minus; /* to be taken away */
    bool has_minus;
    double total_us;
    double per_unit; /* of them */
    double percentile;
    bool share; /* the value is the share of good ones */
    const struct tr_kpi_point *total;
};

/* A sketch is right to 1 %: more than six digits would be noise. */
static double rounded(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", value);
    return strtod(text, NULL);
}

/* Of the buckets' values, so to 1 % as well. 0 for a sample of one. */
static double deviation_of(const struct tr_sketch *sketch)
{
    double n = (double)tr_sketch_count(sketch);
    double mean = 0;
    double squares = 0;
    for (int i = TR_SKETCH_INDEX_ZERO; i <= TR_SKETCH_INDEX_MAX; i++)
        if (sketch->counts[i - TR_SKETCH_INDEX_ZERO] != 0)
            mean += (double)sketch->counts[i - TR_SKETCH_INDEX_ZERO] * tr_sketch_value(i) / n;
    for (int i = TR_SKETCH_INDEX_ZERO; i <= TR_SKETCH_INDEX_MAX; i++)
        if (sketch->counts[i - TR_SKETCH_INDEX_ZERO] != 0)
            squares += (double)sketch->counts[i - TR_SKETCH_INDEX_ZERO] *
                       pow(tr_sketch_value(i) - mean, 2);
    return n > 1 ? rounded(sqrt(squares / (n - 1))) : 0;
}

static void finish(struct merging *merging)
{
    struct tr_kpi_point *point = merging->point;
    if (point == NULL)
        return;
    size_t slots = sizeof merging->sketch.counts / sizeof *merging->sketch.counts;
    for (size_t i = 0; i < slots && merging->has_minus; i++)
        merging->sketch.counts[i] -= merging->minus.counts[i];
    point->known = point->n > 0;
    if (!point->known)
        return;
    for (int i = 0; i < TR_KPI_QUANTILES; i++)
        point->quantiles[i] = rounded(tr_sketch_quantile(&merging->sketch, tr_kpi_quantiles[i]));
    point->mean = merging->total_us / (double)point->n / merging->per_unit;
    point->value = point->mean;
    if (merging->percentile > 0)
        point->value = rounded(tr_sketch_quantile(&merging->sketch, merging->percentile / 100));
    if (point == merging->total)
        point->sd = deviation_of(&merging->sketch);
    if (merging->share)
        point->value = (double)point->x / (double)point->n;
}

static void begin(struct merging *merging, struct tr_kpi_point *point)
{
    merging->point = point;
    merging->total_us = 0;
    merging->per_unit = 1000;
    merging->share = false;
    tr_sketch_init(&merging->sketch);
    if (merging->has_minus)
        tr_sketch_init(&merging->minus);
    merging->has_minus = false;
}

/* Of web vitals: which are good and which are poor, and in what their values are counted. */
static void add_ratings(struct merging *merging, const struct tr_pg_result *rows, int row)
{
    merging->point->x += tr_pg_get_int(rows, row, tr_pg_column(rows, "x"));
    merging->point->y += tr_pg_get_int(rows, row, tr_pg_column(rows, "y"));
    merging->per_unit = (double)tr_pg_get_int(rows, row, tr_pg_column(rows, "parts"));
    merging->share = tr_pg_get_int(rows, row, tr_pg_column(rows, "level")) & 1;
}

static int add_row(struct merging *merging, const struct tr_pg_result *rows, int row,
                   struct tr_error *error)
{
    int sketch = tr_pg_column(rows, "sketch");
    int sign = tr_pg_column(rows, "sign");
    int us = tr_pg_column(rows, "us");
    int64_t n = tr_pg_get_int(rows, row, tr_pg_column(rows, "n"));
    merging->point->n += n;
    if (!tr_pg_is_null(rows, row, us))
        merging->total_us += tr_pg_get_float(rows, row, us);
    if (tr_pg_column(rows, "parts") >= 0)
        add_ratings(merging, rows, row);
    if (tr_pg_is_null(rows, row, sketch)) {
        int index = tr_pg_column(rows, "index");
        if (!tr_pg_is_null(rows, row, index))
            tr_sketch_add(&merging->sketch, (int)tr_pg_get_int(rows, row, index), n);
        return 0;
    }
    bool minus = sign >= 0 && tr_pg_get_int(rows, row, sign) < 0;
    merging->has_minus |= minus;
    return tr_sketch_merge(minus ? &merging->minus : &merging->sketch,
                           tr_pg_get_bytes(rows, row, sketch), error);
}

int tr_kpi_read_distribution(struct tr_kpi_ask *ask, const struct tr_kpi_scope *scope,
                             const struct tr_pg_result *rows, struct tr_kpi_numbers *numbers)
{
    TR_CLEANUP(tr_freep) struct merging *merging = tr_calloc(1, sizeof *merging);
    merging->percentile = scope->question->percentile;
    merging->total = &numbers->total;
    int result = 0;
    for (int row = 0; row < tr_pg_rows(rows) && result == 0; row++) {
        struct tr_kpi_point *point = tr_kpi_point_of(scope, rows, row, numbers, ask->arena);
        if (point == NULL)
            continue;
        if (point != merging->point) {
            finish(merging);
            begin(merging, point);
        }
        result = add_row(merging, rows, row, ask->error);
    }
    finish(merging);
    return result;
}
