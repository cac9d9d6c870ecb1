/* SPDX-License-Identifier: MIT */
/*
 * Confidence sequences. Under the true share p, the likelihood of what was observed, averaged over
 * all shares alike, divided by its likelihood under p, is a martingale that begins at 1: by Ville's
 * inequality it ever reaches 1 / alpha with a probability of at most alpha. The sequence is the
 * shares at which it has not.
 */
#include "traction/stats.h"

#include <math.h>
#include <stdbool.h>

enum { HALVINGS = 60 };

static double log_gamma(double x)
{
    int sign = 0;
    return lgamma_r(x, &sign); /* lgamma() writes a global */
}

/* x log(y), 0 for none of y. */
static double times_log(double x, double y)
{
    return x > 0 ? x * log(y) : 0;
}

static double log_ratio(double observed, double n, double share)
{
    double k = observed * n;
    return log_gamma(k + 1) + log_gamma(n - k + 1) - log_gamma(n + 2) - times_log(k, share) -
           times_log(n - k, 1 - share);
}

/* Between a pair that goes together and one that does not: the last that goes. Either the share is
 * searched (observed fixed) or what is observed. */
struct search {
    double n;
    double fixed;
    double most; /* of the logarithm */
    bool of_share;
};

static bool goes(const struct search *search, double x)
{
    double ratio = search->of_share ? log_ratio(search->fixed, search->n, x)
                                    : log_ratio(x, search->n, search->fixed);
    return ratio < search->most;
}

static double find_edge(const struct search *search, double outside)
{
    double inside = search->fixed;
    if (goes(search, outside))
        return outside;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (inside + outside) / 2;
        if (goes(search, middle))
            inside = middle;
        else
            outside = middle;
    }
    return outside;
}

static struct tr_interval find_both(double fixed, int64_t n, double confidence, bool of_share)
{
    if (n < 1)
        return (struct tr_interval){0, 1};
    const struct search search = {(double)n, fixed, -log(1 - confidence), of_share};
    return (struct tr_interval){find_edge(&search, 0), find_edge(&search, 1)};
}

struct tr_interval tr_stats_share_sequence(double share, int64_t n, double confidence)
{
    return find_both(share, n, confidence, true);
}

struct tr_interval tr_stats_sequence_range(double share, int64_t n, double confidence)
{
    return find_both(share, n, confidence, false);
}

struct tr_interval tr_stats_mean_sequence(double mean, double sd, int64_t n, int64_t planned,
                                          double confidence)
{
    if (n < 2)
        return (struct tr_interval){-INFINITY, INFINITY};
    double alpha = 1 - confidence;
    double best = -2 * log(alpha) + log(1 - 2 * log(alpha));
    double rho2 = best / (double)(planned > 2 ? planned : 2);
    double grown = (double)n * rho2 + 1;
    double spread =
        sd * sqrt(2 * grown / ((double)n * (double)n * rho2) * log(sqrt(grown) / alpha));
    return (struct tr_interval){mean - spread, mean + spread};
}
