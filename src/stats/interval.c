/* SPDX-License-Identifier: MIT */
/* Intervals for a single look at a sample whose size or end was fixed before. */
#include "traction/stats.h"

#include <math.h>

static double z_of(double confidence)
{
    return tr_stats_normal_quantile((1 + confidence) / 2);
}

struct tr_interval tr_stats_wilson(double share, int64_t n, double confidence)
{
    if (n < 1)
        return (struct tr_interval){0, 1};
    double z2 = pow(z_of(confidence), 2) / (double)n;
    double middle = share + z2 / 2;
    double spread = sqrt(z2 * (share * (1 - share) + z2 / 4));
    return (struct tr_interval){fmax(0, (middle - spread) / (1 + z2)),
                                fmin(1, (middle + spread) / (1 + z2))};
}

struct tr_interval tr_stats_score_range(double share, int64_t n, double confidence)
{
    if (n < 1)
        return (struct tr_interval){0, 1};
    double spread = z_of(confidence) * sqrt(share * (1 - share) / (double)n);
    return (struct tr_interval){fmax(0, share - spread), fmin(1, share + spread)};
}

struct tr_interval tr_stats_student(double mean, double sd, int64_t n, double confidence)
{
    if (n < 2)
        return (struct tr_interval){-INFINITY, INFINITY};
    double t = tr_stats_student_quantile((1 + confidence) / 2, (double)n - 1);
    double spread = t * sd / sqrt((double)n);
    return (struct tr_interval){mean - spread, mean + spread};
}
