/* SPDX-License-Identifier: MIT */
/* src/kpi/question.c, dimension.c, table.c: what is taken, what is refused, and by which name. */
#include "ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct tr_arena *arena;
static struct tr_kpi_question question;

#define assert_refused(parameter_name, kpi, ...)                                   \
    do {                                                                           \
        assert_int_equal(ASK(arena, &question, kpi, __VA_ARGS__), TR_KPI_PROBLEM); \
        assert_int_equal(ask_problem.status, 400);                                 \
        assert_string_equal(ask_problem.parameter, parameter_name);                \
        assert_non_null(strstr(ask_problem.message, parameter_name));              \
    } while (0)

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(ASK(arena, &question, "api_response_time"), 0);
    assert_int_equal(question.from.kind, TR_KPI_ABSENT);
    assert_int_equal(question.to.kind, TR_KPI_TODAY);
    assert_int_equal(question.to.days, 1);
    assert_int_equal(question.interval, TR_KPI_BY_RANGE);
    assert_string_equal(question.timezone, "Asia/Kolkata");
    assert_true(question.percentile == 95);
    assert_true(tr_slice_is(question.name, "api_request"));
    assert_int_equal(ASK(arena, &question, "event_count", "from=-24h"), 0);
    assert_int_equal(question.to.kind, TR_KPI_INSTANT);
    assert_int_equal(ASK(arena, &question, "feature_usage"), 0);
    assert_string_equal(question.by.fragment, "feature");
}

static void test_named_days_in_to(void **state)
{
    (void)state;
    assert_int_equal(ASK(arena, &question, "sessions", "to=2026-11-01"), 0);
    assert_int_equal(question.to.days, 1);
    assert_int_equal(ASK(arena, &question, "sessions", "to=today"), 0);
    assert_int_equal(question.to.days, 1);
    assert_int_equal(ASK(arena, &question, "sessions", "to=yesterday"), 0);
    assert_int_equal(question.to.days, 0);
    assert_int_equal(ASK(arena, &question, "sessions", "to=-7d"), 0);
    assert_int_equal(question.to.days, -7);
}

static void test_unknown_kpi(void **state)
{
    (void)state;
    assert_int_equal(ASK(arena, &question, "activ_user"), TR_KPI_PROBLEM);
    assert_int_equal(ask_problem.status, 404);
    assert_string_equal(ask_problem.hint, "Did you mean active_users?");
    assert_int_equal(ASK(arena, &question, "Sessions"), TR_KPI_PROBLEM);
    assert_string_equal(ask_problem.hint, "Did you mean sessions?");
    assert_int_equal(ASK(arena, &question, "\xff\xfe"), TR_KPI_PROBLEM);
    assert_int_equal(ASK(arena, &question, ""), TR_KPI_PROBLEM);
    assert_int_equal(ask_problem.status, 404);
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused("fron", "sessions", "fron=x");
    assert_string_equal(ask_problem.hint, "Did you mean from?");
    assert_refused("from", "sessions", "from=x");
    assert_refused("from", "sessions", "from=-7d", "from=-7d");
    assert_refused("interval", "sessions", "interval=year");
    assert_refused("by", "sessions", "by=colour");
    assert_refused("by", "sessions", "by=properties.");
    assert_refused("by", "feature_usage", "by=country");
    assert_refused("by", "acquisition_cost", "by=country");
    assert_refused("by", "payback", "by=channel");
    assert_refused("compare", "sessions", "compare=next");
    assert_refused("include", "sessions", "include=");
    assert_refused("source", "sessions", "source=rollups");
    assert_refused("percentile", "load_time", "percentile=0.5");
    assert_refused("percentile", "load_time", "percentile=100");
    assert_refused("percentile", "load_time", "percentile=nan");
    assert_refused("percentile", "load_time", "percentile=9x");
    assert_refused("percentile", "sessions", "percentile=50");
    assert_refused("goal", "sessions", "goal=x");
    assert_refused("goal", "conversion_rate", "goal=");
    assert_refused("name", "page_views", "name=x");
    assert_refused("timezone", "sessions", "timezone=");
    assert_refused("by", "sessions", "by=\xff");
    assert_refused("where", "sessions", "where=country");
    assert_refused("where", "sessions", "where=colour:red");
    assert_refused("where", "sessions", "where=");
    assert_refused("where", "sessions", "where=name:a", "where=name:a", "where=name:a",
                   "where=name:a", "where=name:a", "where=name:a", "where=name:a", "where=name:a",
                   "where=name:a");
}

static void test_long_and_binary_values(void **state)
{
    (void)state;
    char text[TR_KPI_TEXT_MAX + 32] = "where=name:";
    memset(text + strlen(text), 'x', TR_KPI_TEXT_MAX);
    assert_int_equal(ask(arena, "sessions", (const char *const[]){text, NULL}, &question),
                     TR_KPI_PROBLEM);
    assert_string_equal(ask_problem.parameter, "where");
    char bars[256] = "where=name:";
    memset(bars + strlen(bars), '|', 150);
    assert_int_equal(ask(arena, "sessions", (const char *const[]){bars, NULL}, &question),
                     TR_KPI_PROBLEM);
}

static struct tr_kpi_condition condition(const char *text)
{
    struct tr_kpi_condition parsed;
    const char *wrong = tr_kpi_parse_condition(tr_slice_of(text), arena, &parsed);
    if (wrong != NULL)
        fail_msg("%s: %s", text, wrong);
    return parsed;
}

static void test_conditions(void **state)
{
    (void)state;
    struct tr_kpi_condition parsed = condition("country:DE");
    assert_string_equal(parsed.dimension.fragment, "country");
    assert_int_equal(parsed.count, 1);
    assert_true(tr_slice_is(parsed.values[0], "DE"));
    assert_false(parsed.negated || parsed.glob);
    parsed = condition("!properties.plan.tier:pro|a\\|b|");
    assert_true(parsed.negated);
    assert_true(tr_slice_is(parsed.dimension.property, "plan.tier"));
    assert_int_equal(parsed.count, 3);
    assert_true(tr_slice_is(parsed.values[1], "a|b"));
    assert_int_equal(parsed.values[2].size, 0);
    parsed = condition("path~/a_b%\\*:x*");
    assert_true(parsed.glob);
    assert_true(tr_slice_is(parsed.values[0], "/a\\_b\\%\\\\%:x%"));
    assert_string_equal(condition("url~/docs/*").dimension.fragment, "path");
    assert_string_equal(condition("url~https://*").dimension.fragment, "url");
    assert_string_equal(condition("name:a~b").dimension.fragment, "name");
    assert_int_equal(condition("name:").count, 1);
    assert_true(tr_slice_is(condition("name:a\\b\\").values[0], "a\\b\\"));
}

static void test_catalogue_tells_all(void **state)
{
    (void)state;
    json_t *catalogue = tr_kpi_catalogue();
    json_t *list = json_object_get(catalogue, "kpis");
    assert_int_equal(json_array_size(list), tr_kpi_entry_count);
    for (size_t i = 0; i < tr_kpi_entry_count; i++) {
        const json_t *parameters = json_object_get(json_array_get(list, i), "parameters");
        assert_non_null(json_object_get(parameters, "where"));
        bool takes = tr_kpi_entries[i].takes & TR_KPI_TAKES_GOAL;
        assert_int_equal(json_object_get(parameters, "goal") != NULL, takes);
        assert_string_equal(tr_kpi_name(i), tr_kpi_entries[i].name);
    }
    assert_null(tr_kpi_name(tr_kpi_entry_count));
    json_decref(catalogue);
}

static void test_steps(void **state)
{
    (void)state;
    assert_int_equal(ASK(arena, &question, "funnel", "steps=page_view:/a_b/*,page_view:x,sign_up"),
                     0);
    assert_int_equal(question.step_count, 3);
    assert_true(tr_slice_is(question.steps[0].text, "page_view:/a_b/*"));
    assert_true(tr_slice_is(question.steps[0].name, "page_view"));
    assert_true(tr_slice_is(question.steps[0].path, "/a\\_b/%"));
    assert_true(tr_slice_is(question.steps[1].name, "page_view:x"));
    assert_null(question.steps[1].path.data);
    assert_true(tr_slice_is(question.steps[2].name, "sign_up"));
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
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_named_days_in_to),
        cmocka_unit_test(test_unknown_kpi),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_and_binary_values),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_catalogue_tells_all),
        cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
