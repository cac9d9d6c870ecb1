/* SPDX-License-Identifier: MIT */
/*
 * src/stats/sequence.c: looking after every observation, in seeded simulations, at the very edge of
 * a hypothesis. The same looks with an interval made for one of them are wrong far too often, which
 * shows that the simulation could tell.
 */
#include "traction/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RUNS = 3000, LOOKS = 1000, FIRST = 30 };

static void test_by_hand(void **state)
{
    (void)state;
    /* 5 of 10 at 95 %: B(6, 6) / (p (1 - p))^5 = 20, with B(6, 6) = 1 / 2772. */
    struct tr_interval got = tr_stats_share_sequence(0.5, 10, 0.95);
    assert_true(fabs(pow(got.low * (1 - got.low), 5) * 20 * 2772 - 1) < 1e-9);
    assert_true(fabs(got.low + got.high - 1) < 1e-9);
    assert_true(fabs(got.low - 0.1292) < 1e-4);
    /* None of 10: 1 / (11 (1 - p)^10) = 20, and nothing below. */
    got = tr_stats_share_sequence(0, 10, 0.95);
    assert_true(got.low <= 0);
    assert_true(fabs(got.high - (1 - pow(220, -0.1))) < 1e-9);
    got = tr_stats_share_sequence(0, 0, 0.95);
    assert_true(got.low <= 0 && got.high >= 1);
}

struct counts {
    int ever_out;  /* the sequence, at some look */
    int wrong;     /* and what a hypothesis says: validated at some look, or at the end */
    int naive_out; /* an interval for one look, at some look */
};

static struct counts simulate_shares(double p, double confidence, unsigned seed)
{
    struct counts counts = {0};
    static struct tr_interval outer[LOOKS + 1];
    static struct tr_interval verdict[LOOKS + 1];
    static struct tr_interval naive[LOOKS + 1];
    for (int n = 1; n <= LOOKS; n++) {
        outer[n] = tr_stats_sequence_range(p, n, confidence);
        verdict[n] = tr_stats_sequence_range(p, n, (1 + confidence) / 2);
        naive[n] = tr_stats_score_range(p, n, confidence);
    }
    srand(seed);
    for (int run = 0; run < RUNS; run++) {
        bool out = false;
        bool wrong = false;
        bool naive_out = false;
        double share = 0;
        for (int n = 1, k = 0; n <= LOOKS; n++) {
            k += rand() < p * RAND_MAX;
            share = (double)k / n;
            out |= share < outer[n].low || share > outer[n].high;
            wrong |= n >= FIRST && share > verdict[n].high;
            naive_out |= n >= FIRST && (share < naive[n].low || share > naive[n].high);
        }
        counts.ever_out += out;
        counts.wrong += wrong || tr_stats_wilson(share, LOOKS, confidence).low > p;
        counts.naive_out += naive_out;
    }
    return counts;
}

static void test_shares(void **state)
{
    (void)state;
    static const double shares[] = {0.02, 0.25, 0.5, 0.9};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        struct counts counts = simulate_shares(shares[i], 0.95, 20261123u + (unsigned)i);
        assert_true(counts.ever_out <= RUNS * 0.05);
        assert_true(counts.wrong <= RUNS * 0.05);
        assert_true(counts.naive_out > RUNS * 0.2);
    }
}

/* Times: an exponential distribution, which is far from normal. */
static void test_means(void **state)
{
    (void)state;
    int out = 0;
    int naive_out = 0;
    srand(7);
    for (int run = 0; run < RUNS; run++) {
        double sum = 0;
        double squares = 0;
        bool missed = false;
        bool naive_missed = false;
        for (int n = 1; n <= LOOKS; n++) {
            double x = -log((rand() + 1.0) / (RAND_MAX + 2.0));
            sum += x;
            squares += x * x;
            if (n < 100 || n % 10 != 0)
                continue;
            double mean = sum / n;
            double sd = sqrt(fmax(0, squares - sum * mean) / (n - 1));
            struct tr_interval got = tr_stats_mean_sequence(mean, sd, n, 200, 0.95);
            missed |= got.low > 1 || got.high < 1;
            double spread = 1.96 * sd / sqrt(n);
            naive_missed |= fabs(mean - 1) > spread;
        }
        out += missed;
        naive_out += naive_missed;
    }
    assert_true(out <= RUNS * 0.05);
    assert_true(naive_out > RUNS * 0.15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
