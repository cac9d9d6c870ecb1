/* SPDX-License-Identifier: MIT */
/* What answers say of a rule's groups. */
#include "engine_priv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct finding findings[TR_ALERT_GROUPS_MAX];

/* Answers as texts; groups' names in the findings point into them, so they are kept. */
static json_t *kept[16];
static size_t kept_count;

static size_t judge(const struct tr_alert_rule *rule, const char *one, const char *two)
{
    const json_t *answers[2] = {NULL, NULL};
    const char *texts[] = {one, two};
    for (size_t i = 0; i < 2 && texts[i] != NULL; i++) {
        kept[kept_count] = json_loads(texts[i], 0, NULL);
        assert_non_null(kept[kept_count]);
        answers[i] = kept[kept_count++];
    }
    return tr_alert_judge(rule, answers, findings);
}

static int drop_kept(void **context)
{
    (void)context;
    while (kept_count > 0)
        json_decref(kept[--kept_count]);
    return 0;
}

static void test_above_and_below(void **context)
{
    (void)context;
    struct tr_alert_rule rule = {
        .condition = TR_ALERT_ABOVE, .threshold = 0.05, .min_samples = 50, .window_count = 1};
    assert_int_equal(judge(&rule, "{\"value\":0.06,\"n\":50}", NULL), 1);
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS);
    judge(&rule, "{\"value\":0.05,\"n\":50}", NULL);
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS_NOT);
    judge(&rule, "{\"value\":0.9,\"n\":49}", NULL);
    assert_int_equal(findings[0].found, TR_ALERT_TOO_LITTLE);
    judge(&rule, "{\"value\":null,\"n\":0}", NULL);
    assert_int_equal(findings[0].found, TR_ALERT_TOO_LITTLE);
    assert_false(findings[0].known);
    rule.condition = TR_ALERT_BELOW;
    rule.threshold = 1;
    rule.min_samples = 0;
    judge(&rule, "{\"value\":0,\"n\":0}", NULL);
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS);
}

/* Wilson's 95 % interval of 6 in 100 is 0.0278 to 0.1248; of 60 in 1,000, 0.0469 to 0.0765; of 600
 * in 10,000, 0.0555 to 0.0648. */
static void test_confidence_wants_the_interval_beyond(void **context)
{
    (void)context;
    struct tr_alert_rule rule = {
        .condition = TR_ALERT_ABOVE, .threshold = 0.05, .confidence = 0.95, .window_count = 1};
    judge(&rule, "{\"value\":0.06,\"n\":100}", NULL);
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS_NOT);
    judge(&rule, "{\"value\":0.06,\"n\":1000}", NULL);
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS_NOT);
    judge(&rule, "{\"value\":0.06,\"n\":10000}", NULL);
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS);
    rule.condition = TR_ALERT_BELOW;
    rule.threshold = 0.07;
    judge(&rule, "{\"value\":0.06,\"n\":1000}", NULL);
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS_NOT);
    judge(&rule, "{\"value\":0.06,\"n\":10000}", NULL);
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS);
}

static void test_groups_apart_from_other(void **context)
{
    (void)context;
    struct tr_alert_rule rule = {.condition = TR_ALERT_ABOVE,
                                 .threshold = 10,
                                 .by = "route",
                                 .groups_max = 2,
                                 .window_count = 1};
    assert_int_equal(judge(&rule,
                           "{\"value\":99,\"n\":9,\"groups\":[{\"by\":\"/a\",\"value\":11,\"n\":5},"
                           "{\"by\":null,\"value\":9,\"n\":3},{\"by\":\"/c\",\"value\":50,\"n\":1},"
                           "{\"by\":\"other\",\"other\":true,\"value\":70,\"n\":1}]}",
                           NULL),
                     2);
    assert_true(tr_slice_is(findings[0].series, "/a"));
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS);
    assert_true(tr_slice_is(findings[1].series, ""));
    assert_int_equal(findings[1].found, TR_ALERT_HOLDS_NOT);
}

static void test_change(void **context)
{
    (void)context;
    struct tr_alert_rule rule = {.condition = TR_ALERT_CHANGE_BELOW,
                                 .threshold = -0.4,
                                 .min_samples = 10,
                                 .window_count = 1};
    judge(&rule, "{\"value\":50,\"n\":50}", "{\"value\":100,\"n\":100}");
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS);
    assert_true(fabs(findings[0].value + 0.5) < 1e-12);
    judge(&rule, "{\"value\":60,\"n\":60}", "{\"value\":100,\"n\":100}");
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS_NOT);
    /* Nothing is left: that is no lack of data. */
    judge(&rule, "{\"value\":0,\"n\":0}", "{\"value\":100,\"n\":100}");
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS);
    judge(&rule, "{\"value\":0,\"n\":0}", "{\"value\":9,\"n\":9}");
    assert_int_equal(findings[0].found, TR_ALERT_TOO_LITTLE);
    judge(&rule, "{\"value\":5,\"n\":50}", "{\"value\":0,\"n\":0}");
    assert_int_equal(findings[0].found, TR_ALERT_TOO_LITTLE);
    rule.condition = TR_ALERT_CHANGE_ABOVE;
    rule.threshold = 0.5;
    judge(&rule, "{\"value\":151,\"n\":151}", "{\"value\":100,\"n\":100}");
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS);
}

static void test_burn_rate_needs_all_windows(void **context)
{
    (void)context;
    struct tr_alert_rule rule = {.condition = TR_ALERT_BURN_RATE,
                                 .kpi = "error_rate",
                                 .threshold = 14.4,
                                 .slo = 0.999,
                                 .window_count = 2};
    judge(&rule, "{\"value\":0.02,\"n\":5000}", "{\"value\":0.03,\"n\":400}");
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS);
    assert_true(fabs(findings[0].value - 20) < 1e-9);
    assert_int_equal(findings[0].n, 400);
    judge(&rule, "{\"value\":0.02,\"n\":5000}", "{\"value\":0.001,\"n\":400}");
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS_NOT);
    judge(&rule, "{\"value\":0.02,\"n\":5000}", "{\"value\":null,\"n\":0}");
    assert_int_equal(findings[0].found, TR_ALERT_TOO_LITTLE);
    /* Of a KPI that is good when it is high, the budget is what is missing. */
    rule.kpi = "apdex";
    rule.slo = 0.9;
    rule.threshold = 2;
    judge(&rule, "{\"value\":0.7,\"n\":100}", "{\"value\":0.75,\"n\":100}");
    assert_int_equal(findings[0].found, TR_ALERT_HOLDS);
    assert_true(fabs(findings[0].value - 2.5) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_above_and_below, drop_kept),
        cmocka_unit_test_teardown(test_confidence_wants_the_interval_beyond, drop_kept),
        cmocka_unit_test_teardown(test_groups_apart_from_other, drop_kept),
        cmocka_unit_test_teardown(test_change, drop_kept),
        cmocka_unit_test_teardown(test_burn_rate_needs_all_windows, drop_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
