/* SPDX-License-Identifier: MIT */
/*
 * What a sample says about what it was taken from: intervals for shares, means and percentiles, for
 * their differences, and intervals that stay right however often somebody looks. Pure arithmetic;
 * any thread. docs/hypotheses.md says where each is used.
 *
 * confidence is between 0 and 1, n counts the sample, shares are successes / n. An interval is the
 * widest there can be (0 to 1, or -infinity to infinity) where the sample says nothing.
 */
#pragma once

#include <stdint.h>

struct tr_interval {
    double low;
    double high;
};

/* Distributions -------------------------------------------------------------------------------- */

/* p is between 0 and 1, neither of them. */
double tr_stats_normal_quantile(double p);
/* Student's with any number of degrees of freedom above 0: by the incomplete beta function's
 * continued fraction (DLMF 8.17.22), the quantile by bisection. */
double tr_stats_student_cdf(double t, double degrees);
double tr_stats_student_quantile(double p, double degrees);

/* One look, at the end ------------------------------------------------------------------------- */

/* Wilson (1927): the shares that the score test does not refuse. */
struct tr_interval tr_stats_wilson(double share, int64_t n, double confidence);
/* The same test the other way round: the shares that a sample may show when the truth is share.
 * For the percentile q, the sample's values at these shares enclose its true value. */
struct tr_interval tr_stats_score_range(double share, int64_t n, double confidence);
/* Student's t; n of at least 2. */
struct tr_interval tr_stats_student(double mean, double sd, int64_t n, double confidence);

/* Any number of looks, at any time --------------------------------------------------------------
 * Confidence sequences: the probability that the truth is ever outside, at any of all looks, is at
 * most 1 - confidence. */

/* Robbins (1970): the mixture of likelihood ratios over all shares alike; exact for independent
 * observations. */
struct tr_interval tr_stats_share_sequence(double share, int64_t n, double confidence);
/* As tr_stats_score_range(), of this test. */
struct tr_interval tr_stats_sequence_range(double share, int64_t n, double confidence);
/* The normal mixture, narrowest when the sample is planned; asymptotic (Waudby-Smith, Arbour,
 * Sinha, Kennedy, Ramdas 2021, theorem 2.2), so not for samples of a few. */
struct tr_interval tr_stats_mean_sequence(double mean, double sd, int64_t n, int64_t planned,
                                          double confidence);

/* Differences: the second less the first -------------------------------------------------------
 */

/* Newcombe's square-and-add, from each side's estimate and interval; with Wilson's intervals it is
 * method 10 of Newcombe (1998), for others see Zou and Donner (2008). */
struct tr_interval tr_stats_newcombe(double first, struct tr_interval of_first, double second,
                                     struct tr_interval of_second);

struct tr_sample {
    double mean;
    double sd;
    int64_t n; /* at least 2 */
};
/* Welch (1947), with Satterthwaite's degrees of freedom. */
struct tr_interval tr_stats_welch(const struct tr_sample *first, const struct tr_sample *second,
                                  double confidence);

/* How often chance alone makes a difference as large, both directions together. NAN where the
 * samples cannot tell. */
double tr_stats_welch_p(const struct tr_sample *first, const struct tr_sample *second);
/* The pooled score test of two shares, without a correction for continuity. */
double tr_stats_shares_p(double first, int64_t first_n, double second, int64_t second_n);
