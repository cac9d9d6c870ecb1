/* SPDX-License-Identifier: MIT */
/* src/kpi/plan.c: when rollups may answer. */
#include "ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTE (INT64_C(60) * 1000000)
#define DAY (1440 * MINUTE)

static struct tr_arena *arena;
static struct tr_kpi_question question;
static struct tr_kpi_plan plan;

/* Two days, whole ones of the project. */
static const struct tr_kpi_range days = {
    .from_us = 20000 * DAY - 330 * MINUTE,
    .to_us = 20002 * DAY - 330 * MINUTE,
    .next_us = 20002 * DAY - 330 * MINUTE,
    .from_midnight = true,
    .to_midnight = true,
};

static bool rolls(const struct tr_kpi_range *range, char grain)
{
    bool planned = tr_kpi_plan_rollup(&question, range, grain, &plan);
    assert_int_equal(planned, plan.reason == NULL);
    return planned;
}

static void test_whole_days(void **state)
{
    (void)state;
    assert_int_equal(ASK(arena, &question, "active_users", "interval=day"), 0);
    assert_true(rolls(&days, 'd'));
    assert_false(plan.if_empty);
    assert_int_equal(ASK(arena, &question, "active_users", "interval=hour"), 0);
    assert_false(rolls(&days, 'd'));
    assert_int_equal(ASK(arena, &question, "active_users", "interval=none", "timezone=UTC"), 0);
    assert_false(rolls(&days, 'd'));
    assert_true(rolls(&days, 'q'));
}

static void test_filters_and_groups(void **state)
{
    (void)state;
    assert_int_equal(ASK(arena, &question, "error_rate", "interval=day", "by=route"), 0);
    assert_true(rolls(&days, 'd'));
    assert_int_equal(ASK(arena, &question, "error_rate", "interval=day", "by=country"), 0);
    assert_false(rolls(&days, 'd'));
    assert_int_equal(ASK(arena, &question, "error_rate", "interval=day", "where=name~*"), 0);
    assert_false(rolls(&days, 'd'));
    assert_int_equal(ASK(arena, &question, "error_rate", "interval=day", "include=bots"), 0);
    assert_false(rolls(&days, 'd'));
    assert_false(rolls(&days, 'q'));
}

static void test_only_events(void **state)
{
    (void)state;
    assert_int_equal(ASK(arena, &question, "apdex", "interval=day", "t=500"), 0);
    assert_true(rolls(&days, 'd'));
    assert_int_equal(ASK(arena, &question, "apdex", "interval=day", "t=500.5"), 0);
    assert_false(rolls(&days, 'd'));
    assert_int_equal(ASK(arena, &question, "nps", "interval=day", "survey=q4"), 0);
    assert_false(rolls(&days, 'd'));
    assert_int_equal(ASK(arena, &question, "apdex", "survey=q4"), TR_KPI_PROBLEM);
    assert_int_equal(ASK(arena, &question, "apdex", "t=-1"), TR_KPI_PROBLEM);
    assert_int_equal(ASK(arena, &question, "nps", "survey="), TR_KPI_PROBLEM);
}

static void test_fixed_group_or_another(void **state)
{
    (void)state;
    assert_int_equal(ASK(arena, &question, "errors"), 0);
    assert_string_equal(question.by.fragment, "error");
    assert_int_equal(ASK(arena, &question, "errors", "by=path"), 0);
    assert_string_equal(question.by.fragment, "path");
    assert_int_equal(ASK(arena, &question, "web_vitals", "by=path"), TR_KPI_PROBLEM);
}

static void test_quarters(void **state)
{
    (void)state;
    struct tr_kpi_range range = days;
    int64_t starts[] = {0, 20001 * DAY - 330 * MINUTE};
    assert_int_equal(ASK(arena, &question, "event_count", "interval=hour"), 0);
    assert_true(rolls(&range, 'q'));
    range.starts = starts;
    range.bucket_count = 2;
    assert_true(rolls(&range, 'q'));
    starts[1] += MINUTE;
    assert_false(rolls(&range, 'q'));
    starts[1] -= MINUTE;
    range.from_us += MINUTE;
    assert_false(rolls(&range, 'q'));
}

static void test_end_between_boundaries(void **state)
{
    (void)state;
    struct tr_kpi_range range = days;
    range.to_us -= 7 * MINUTE;
    range.to_midnight = false;
    assert_int_equal(ASK(arena, &question, "event_count", "interval=day"), 0);
    assert_true(rolls(&range, 'd'));
    assert_true(plan.if_empty);
    assert_true(plan.to_us == days.to_us);
    range.to_us -= 10 * MINUTE;
    assert_true(rolls(&range, 'q'));
    assert_true(plan.if_empty);
    assert_true(plan.to_us == range.to_us + 2 * MINUTE);
}

static void test_fragments(void **state)
{
    (void)state;
    assert_int_equal(ASK(arena, &question, "new_users", "include=bots"), 0);
    assert_non_null(strstr(tr_kpi_fragment(&question, false), "and e.ts < :to and"));
    assert_int_equal(ASK(arena, &question, "conversion_rate", "by=goal"), 0);
    assert_non_null(strstr(tr_kpi_fragment(&question, false), "cross join active"));
    assert_null(tr_kpi_fragment(&question, true));
}

static void test_facts_know_any_instant(void **state)
{
    (void)state;
    struct tr_kpi_range range = days;
    range.to_us -= 7 * MINUTE;
    assert_int_equal(ASK(arena, &question, "mrr", "interval=hour"), 0);
    assert_false(rolls(&range, 'd'));
    assert_true(tr_kpi_plan_facts(&question, &range, &plan));
    assert_int_equal(plan.source, TR_KPI_ROLLUP);
    assert_true(plan.to_us == range.to_us);
    assert_int_equal(ASK(arena, &question, "mrr", "by=plan"), 0);
    assert_true(tr_kpi_plan_facts(&question, &range, &plan));
    assert_int_equal(ASK(arena, &question, "mrr", "by=country"), 0);
    assert_false(tr_kpi_plan_facts(&question, &range, &plan));
    assert_int_equal(ASK(arena, &question, "mrr", "where=plan:pro"), 0);
    assert_false(tr_kpi_plan_facts(&question, &range, &plan));
    assert_int_equal(ASK(arena, &question, "revenue"), 0);
    assert_false(tr_kpi_plan_facts(&question, &range, &plan));
}

static int set_up(void **state)
{
    (void)state;
    arena = tr_arena_new(TR_KPI_ARENA_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tr_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_days),  cmocka_unit_test(test_filters_and_groups),
        cmocka_unit_test(test_quarters),    cmocka_unit_test(test_end_between_boundaries),
        cmocka_unit_test(test_fragments),   cmocka_unit_test(test_facts_know_any_instant),
        cmocka_unit_test(test_only_events), cmocka_unit_test(test_fixed_group_or_another),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
