/* SPDX-License-Identifier: MIT */
/* Two samples side by side: the second less the first. */
#include "traction/stats.h"

#include <math.h>

struct tr_interval tr_stats_newcombe(double first, struct tr_interval of_first, double second,
                                     struct tr_interval of_second)
{
    double difference = second - first;
    return (struct tr_interval){difference - hypot(second - of_second.low, of_first.high - first),
                                difference + hypot(of_second.high - second, first - of_first.low)};
}

/* What one sample adds to the variance of the difference. */
static double variance_of(const struct tr_sample *sample)
{
    return sample->sd * sample->sd / (double)sample->n;
}

static double degrees_of(const struct tr_sample *first, const struct tr_sample *second)
{
    double a = variance_of(first);
    double b = variance_of(second);
    return (a + b) * (a + b) / (a * a / (double)(first->n - 1) + b * b / (double)(second->n - 1));
}

struct tr_interval tr_stats_welch(const struct tr_sample *first, const struct tr_sample *second,
                                  double confidence)
{
    double difference = second->mean - first->mean;
    double error = sqrt(variance_of(first) + variance_of(second));
    if (first->n < 2 || second->n < 2)
        return (struct tr_interval){-INFINITY, INFINITY};
    if (error <= 0)
        return (struct tr_interval){difference, difference};
    double t = tr_stats_student_quantile((1 + confidence) / 2, degrees_of(first, second));
    return (struct tr_interval){difference - t * error, difference + t * error};
}

double tr_stats_welch_p(const struct tr_sample *first, const struct tr_sample *second)
{
    double error = sqrt(variance_of(first) + variance_of(second));
    if (first->n < 2 || second->n < 2 || error <= 0)
        return NAN;
    double t = fabs(second->mean - first->mean) / error;
    return 2 * tr_stats_student_cdf(-t, degrees_of(first, second));
}

double tr_stats_shares_p(double first, int64_t first_n, double second, int64_t second_n)
{
    double n = (double)first_n + (double)second_n;
    if (first_n < 1 || second_n < 1)
        return NAN;
    double pooled = (first * (double)first_n + second * (double)second_n) / n;
    double error = sqrt(pooled * (1 - pooled) * (1 / (double)first_n + 1 / (double)second_n));
    return error > 0 ? erfc(fabs(second - first) / error / M_SQRT2) : 1;
}
