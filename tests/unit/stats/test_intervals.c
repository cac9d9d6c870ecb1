/* SPDX-License-Identifier: MIT */
/* src/stats: against published and hand-computed values, and exact coverage. */
#include "traction/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_near(double got, double want, double within)
{
    if (fabs(got - want) <= within)
        return;
    fprintf(stderr, "%.10g, wanted %.10g\n", got, want);
    fail();
}

static void test_quantiles(void **state)
{
    (void)state;
    assert_near(tr_stats_normal_quantile(0.975), 1.959963984540054, 1e-12);
    assert_near(tr_stats_normal_quantile(0.5), 0, 1e-12);
    assert_near(tr_stats_normal_quantile(1e-10), -6.361340902404056, 1e-9);
    /* R: qt(p, df). */
    assert_near(tr_stats_student_quantile(0.975, 1), 12.70620473617471, 1e-9);
    assert_near(tr_stats_student_quantile(0.995, 2), 9.924843200918289, 1e-9);
    assert_near(tr_stats_student_quantile(0.95, 5), 2.0150483733, 1e-9);
    assert_near(tr_stats_student_quantile(0.975, 10), 2.228138851964939, 1e-10);
    assert_near(tr_stats_student_quantile(0.025, 30), -2.042272456301238, 1e-10);
    assert_near(tr_stats_student_quantile(0.975, 1e7), 1.959963984540054, 1e-6);
    assert_near(tr_stats_student_cdf(0, 3), 0.5, 1e-15);
}

/* Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3. */
static void test_wilson(void **state)
{
    (void)state;
    static const struct {
        double k;
        int64_t n;
        double low;
        double high;
    } cases[] = {{81, 263, 0.2553, 0.3662},
                 {15, 148, 0.0624, 0.1605},
                 {0, 20, 0, 0.1611},
                 {1, 29, 0.0061, 0.1718}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_interval got = tr_stats_wilson(cases[i].k / (double)cases[i].n, cases[i].n, 0.95);
        assert_near(got.low, cases[i].low, 5e-5);
        assert_near(got.high, cases[i].high, 5e-5);
    }
    struct tr_interval none = tr_stats_wilson(0, 0, 0.95);
    assert_near(none.high - none.low, 1, 0);
}

/* The same journal, 873-890, table II, method 10; there the difference is first less second. */
static void test_newcombe(void **state)
{
    (void)state;
    static const struct {
        double k;
        int64_t n;
        double other_k;
        int64_t other_n;
        double low;
        double high;
    } cases[] = {{56, 70, 48, 80, 0.0524, 0.3339},
                 {9, 10, 3, 10, 0.1705, 0.8090},
                 {6, 7, 2, 7, 0.0582, 0.8062},
                 {5, 56, 0, 29, -0.0381, 0.1926}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double p = cases[i].k / (double)cases[i].n;
        double other = cases[i].other_k / (double)cases[i].other_n;
        struct tr_interval got =
            tr_stats_newcombe(other, tr_stats_wilson(other, cases[i].other_n, 0.95), p,
                              tr_stats_wilson(p, cases[i].n, 0.95));
        assert_near(got.low, cases[i].low, 5e-5);
        assert_near(got.high, cases[i].high, 5e-5);
    }
}

/* R: t.test(extra ~ group, data = sleep), after Student (1908). */
static void test_welch(void **state)
{
    (void)state;
    const struct tr_sample first = {0.75, 1.789009967, 10};
    const struct tr_sample second = {2.33, 2.002248749, 10};
    struct tr_interval got = tr_stats_welch(&first, &second, 0.95);
    assert_near(got.low, -0.2054832, 1e-6);
    assert_near(got.high, 3.3654832, 1e-6);
    assert_near(tr_stats_welch_p(&first, &second), 0.07939, 5e-6);
    const struct tr_sample still = {1, 0, 5};
    assert_near(tr_stats_welch(&still, &still, 0.95).high, 0, 0);
    assert_true(isnan(tr_stats_welch_p(&still, &still)));
    const struct tr_sample one = {1, 0, 1};
    assert_true(isinf(tr_stats_welch(&one, &still, 0.95).low));
    /* mean 5, sd 2, n 16: 5 +- 2.131450 * 2 / 4. */
    assert_near(tr_stats_student(5, 2, 16, 0.95).high, 5 + 2.131449546 / 2, 1e-8);
}

/* R: prop.test(c(15, 25), c(50, 50), correct = FALSE). */
static void test_shares_p(void **state)
{
    (void)state;
    assert_near(tr_stats_shares_p(0.3, 50, 0.5, 50), 0.04123, 5e-6);
    assert_near(tr_stats_shares_p(0, 50, 0, 50), 1, 0);
    assert_true(isnan(tr_stats_shares_p(0, 0, 0, 50)));
}

static double binomial(int k, int n, double p)
{
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) +
               (n - k) * log1p(-p));
}

/* Summed over all that n can show, not simulated. Wilson's swings about its level, on the average
 * over shares not below it. */
static void test_wilson_coverage(void **state)
{
    (void)state;
    static const int sizes[] = {30, 100, 400};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int n = sizes[s];
        double sum = 0;
        int cases = 0;
        for (double p = 0.03; p < 0.975; p += 0.0037, cases++) {
            double covered = 0;
            for (int k = 0; k <= n; k++) {
                struct tr_interval interval = tr_stats_wilson((double)k / n, n, 0.95);
                if (interval.low <= p && p <= interval.high)
                    covered += binomial(k, n, p);
            }
            assert_true(covered >= 0.89);
            sum += covered;
        }
        assert_true(sum / cases >= 0.9495);
    }
}

/* What the test refuses and what its interval leaves out are the same. */
static void test_ranges_mirror_intervals(void **state)
{
    (void)state;
    for (double p = 0.05; p < 1; p += 0.09) {
        struct tr_interval range = tr_stats_score_range(p, 500, 0.95);
        assert_near(tr_stats_wilson(range.low, 500, 0.95).high, p, 1e-9);
        assert_near(tr_stats_wilson(range.high, 500, 0.95).low, p, 1e-9);
        range = tr_stats_sequence_range(p, 500, 0.95);
        assert_near(tr_stats_share_sequence(range.low, 500, 0.95).high, p, 1e-9);
        assert_near(tr_stats_share_sequence(range.high, 500, 0.95).low, p, 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_newcombe),
        cmocka_unit_test(test_welch),
        cmocka_unit_test(test_shares_p),
        cmocka_unit_test(test_wilson_coverage),
        cmocka_unit_test(test_ranges_mirror_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
