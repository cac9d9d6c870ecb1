/* SPDX-License-Identifier: MIT */
/* Verdicts, and how large a sample would bring one. Pure. */
#include "hypothesis_priv.h"

#include <math.h>

/* Beyond, the answer is "never". */
#define SAMPLE_MAX INT64_C(1000000000000)

const char *const tr_verdict_names[] = {
    [TR_TOO_EARLY] = "too early",
    [TR_VALIDATED] = "validated",
    [TR_REFUTED] = "refuted",
};

enum tr_verdict tr_judge(const struct tr_claim *claim, int64_t n, struct tr_interval interval)
{
    if (n < claim->min_sample)
        return TR_TOO_EARLY;
    if (interval.low > claim->bound)
        return claim->above ? TR_VALIDATED : TR_REFUTED;
    if (interval.high < claim->bound)
        return claim->above ? TR_REFUTED : TR_VALIDATED;
    return TR_TOO_EARLY;
}

struct tr_look tr_judge_look(const struct tr_claim *claim, bool over)
{
    return (struct tr_look){
        .looks = over ? TR_LOOK_ONCE : TR_LOOK_ANY,
        .confidence = over ? claim->confidence : (1 + claim->confidence) / 2,
        .planned = claim->min_sample,
    };
}

/* What is asked of a sample that is larger and shows the same. */
struct projection {
    bool mean;
    double shown;
    double bound;
    double sd;
    struct tr_look look;
};

static bool decides(const struct projection *projection, int64_t n)
{
    const struct tr_look *look = &projection->look;
    struct tr_interval interval;
    if (projection->mean)
        interval = look->looks == TR_LOOK_ONCE
                       ? tr_stats_student(projection->shown, projection->sd, n, look->confidence)
                       : tr_stats_mean_sequence(projection->shown, projection->sd, n, look->planned,
                                                look->confidence);
    else
        interval = look->looks == TR_LOOK_ONCE
                       ? tr_stats_wilson(projection->shown, n, look->confidence)
                       : tr_stats_share_sequence(projection->shown, n, look->confidence);
    return interval.low > projection->bound || interval.high < projection->bound;
}

/* Of a percentile: the share of the sample at or below the bound, as far as its interval, a
 * straight line through it, tells. */
static double share_at(const struct tr_measured *measured, struct tr_interval interval,
                       struct tr_look look, double bound)
{
    double q = measured->facts.percentile / 100;
    struct tr_interval shares = look.looks == TR_LOOK_ONCE
                                    ? tr_stats_score_range(q, measured->n, look.confidence)
                                    : tr_stats_sequence_range(q, measured->n, look.confidence);
    bool up = bound > measured->value;
    double there = up ? interval.high : interval.low;
    double share = up ? shares.high : shares.low;
    if (!isfinite(there) || fabs(there - measured->value) <= 0)
        return q;
    double line = q + (bound - measured->value) / (there - measured->value) * (share - q);
    return fmin(0.999, fmax(0.001, line));
}

int64_t tr_judge_sample(const struct tr_claim *claim, const struct tr_measured *measured,
                        struct tr_interval interval, struct tr_look look)
{
    struct projection projection = {
        .mean = measured->facts.evidence == TR_KPI_MEAN,
        .shown = measured->value,
        .bound = claim->bound,
        .sd = measured->sd,
        .look = look,
    };
    if (measured->facts.evidence == TR_KPI_PERCENTILE) {
        projection.shown = share_at(measured, interval, look, claim->bound);
        projection.bound = measured->facts.percentile / 100;
    }
    int64_t least = 1;
    int64_t enough = claim->min_sample;
    while (enough < SAMPLE_MAX && !decides(&projection, enough)) {
        least = enough;
        enough *= 2;
    }
    if (enough >= SAMPLE_MAX)
        return -1;
    while (enough - least > 1 && enough > claim->min_sample) {
        int64_t middle = least + (enough - least) / 2;
        if (decides(&projection, middle))
            enough = middle;
        else
            least = middle;
    }
    return enough;
}
