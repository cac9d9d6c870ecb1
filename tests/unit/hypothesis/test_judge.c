/* SPDX-License-Identifier: MIT */
/* src/hypothesis/judge.c: verdicts, and how large a sample would bring one. */
#include "hypothesis_priv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct tr_claim above = {true, 0.25, 200, 0.95};
static const struct tr_claim below = {false, 0.25, 200, 0.95};

static void test_verdicts(void **state)
{
    (void)state;
    const struct tr_interval higher = {0.26, 0.4};
    const struct tr_interval lower = {0.1, 0.24};
    const struct tr_interval around = {0.2, 0.3};
    const struct tr_interval touching = {0.25, 0.3};
    assert_int_equal(tr_judge(&above, 200, higher), TR_VALIDATED);
    assert_int_equal(tr_judge(&above, 199, higher), TR_TOO_EARLY);
    assert_int_equal(tr_judge(&above, 200, lower), TR_REFUTED);
    assert_int_equal(tr_judge(&above, 200, around), TR_TOO_EARLY);
    assert_int_equal(tr_judge(&above, 200, touching), TR_TOO_EARLY);
    assert_int_equal(tr_judge(&below, 200, higher), TR_REFUTED);
    assert_int_equal(tr_judge(&below, 200, lower), TR_VALIDATED);
    assert_int_equal(tr_judge(&below, 199, lower), TR_TOO_EARLY);
}

/* What may go wrong is shared: half for all looks before the end, half for one side at the end. */
static void test_looks(void **state)
{
    (void)state;
    struct tr_look look = tr_judge_look(&above, false);
    assert_int_equal(look.looks, TR_LOOK_ANY);
    assert_true(fabs(look.confidence - 0.975) < 1e-12);
    look = tr_judge_look(&above, true);
    assert_int_equal(look.looks, TR_LOOK_ONCE);
    assert_true(fabs(look.confidence - 0.95) < 1e-12);
}

static int64_t sample(const struct tr_claim *claim, const struct tr_measured *measured, bool over)
{
    struct tr_look look = tr_judge_look(claim, over);
    const struct tr_interval none = {0, 0};
    return tr_judge_sample(claim, measured, none, look);
}

static void test_samples_of_shares(void **state)
{
    (void)state;
    struct tr_measured measured = {
        .facts = {.evidence = TR_KPI_SHARE}, .known = true, .value = 0.3, .n = 100};
    /* The score test refuses 0.25 beyond z² 0.25 0.75 / 0.05² = 288.1. */
    assert_int_equal(sample(&above, &measured, true), 289);
    assert_true(sample(&above, &measured, false) > 500);
    measured.value = 0.9;
    assert_int_equal(sample(&above, &measured, true), 200);
    measured.value = 0.25;
    assert_int_equal(sample(&above, &measured, true), -1);
    assert_int_equal(sample(&above, &measured, false), -1);
    /* And just there it does: one less does not. */
    assert_int_equal(tr_judge(&above, 289, tr_stats_wilson(0.3, 289, 0.95)), TR_VALIDATED);
    assert_int_equal(tr_judge(&above, 288, tr_stats_wilson(0.3, 288, 0.95)), TR_TOO_EARLY);
}

static void test_samples_of_means(void **state)
{
    (void)state;
    const struct tr_claim claim = {true, 100, 30, 0.95};
    const struct tr_measured measured = {
        .facts = {.evidence = TR_KPI_MEAN}, .known = true, .value = 103, .sd = 20, .n = 40};
    int64_t enough = sample(&claim, &measured, true);
    /* (1.96 · 20 / 3)² = 170.7, a little more with Student's t. */
    assert_true(enough >= 171 && enough <= 175);
    assert_true(tr_stats_student(103, 20, enough, 0.95).low > 100);
    assert_false(tr_stats_student(103, 20, enough - 1, 0.95).low > 100);
    assert_true(sample(&claim, &measured, false) > enough);
}

/* The 75th percentile is 1,740 of values that are even from 1,000 to 2,000, about. */
static void test_samples_of_percentiles(void **state)
{
    (void)state;
    const struct tr_claim claim = {false, 1760, 30, 0.95};
    struct tr_look look = tr_judge_look(&claim, true);
    struct tr_measured measured = {.facts = {.evidence = TR_KPI_PERCENTILE, .percentile = 75},
                                   .known = true,
                                   .value = 1740,
                                   .n = 500};
    struct tr_interval shares = tr_stats_score_range(0.75, 500, 0.95);
    const struct tr_interval interval = {1740 - (0.75 - shares.low) * 1000,
                                         1740 + (shares.high - 0.75) * 1000};
    /* 1,760 is at the share 0.77: z² 0.75 0.25 / 0.02² = 1,801. */
    int64_t enough = tr_judge_sample(&claim, &measured, interval, look);
    assert_true(enough > 1700 && enough < 1900);
    measured.value = 1760;
    assert_int_equal(tr_judge_sample(&claim, &measured, interval, look), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_looks),
        cmocka_unit_test(test_samples_of_shares),
        cmocka_unit_test(test_samples_of_means),
        cmocka_unit_test(test_samples_of_percentiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
