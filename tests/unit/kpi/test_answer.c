/* SPDX-License-Identifier: MIT */
/* src/kpi/shape.c, text.c: the answer's JSON and CSV. */
#include "ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct tr_arena *arena;
static struct tr_kpi_question question;
static int64_t starts[] = {0, INT64_C(86400000000)};
static struct tr_kpi_range range = {
    .to_us = INT64_C(2) * 86400000000, .starts = starts, .bucket_count = 2};
static const struct tr_kpi_plan plan = {.source = TR_KPI_ROLLUP};

static const char *render(const struct tr_kpi_numbers *numbers, bool csv)
{
    const struct tr_kpi_result result = {
        .question = &question,
        .range = &range,
        .plan = &plan,
        .numbers = numbers,
        .now_us = INT64_MAX,
        .as_of_us = 1500000,
    };
    question.interval = TR_KPI_DAY;
    json_t *answer = tr_kpi_answer_json(&result);
    struct tr_slice text = csv ? tr_kpi_csv(answer, arena) : tr_kpi_json(answer, arena);
    json_decref(answer);
    return tr_arena_strndup(arena, text.data, text.size);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        return;
    fputs(text, stderr);
    fputs("\nhas not: ", stderr);
    fputs(part, stderr);
    fail();
}

static void test_count(void **state)
{
    (void)state;
    struct tr_kpi_point series[2] = {{.known = true, .x = 5, .n = 9}};
    const struct tr_kpi_numbers numbers = {.total = {.known = true, .x = 7, .n = 9},
                                           .series = series};
    assert_int_equal(ASK(arena, &question, "active_users", "where=name~*"), 0);
    const char *text = render(&numbers, false);
    assert_has(text, "{\"kpi\":\"active_users\",\"unit\":\"users\",\"from\":"
                     "\"1970-01-01T00:00:00Z\",\"to\":\"1970-01-03T00:00:00Z\"");
    assert_has(text, "\"where\":[\"name~*\"],\"value\":7,\"series\":["
                     "{\"t\":\"1970-01-01T00:00:00Z\",\"value\":5},"
                     "{\"t\":\"1970-01-02T00:00:00Z\",\"value\":0}]");
    assert_has(text, "\"n\":9,\"error\":0,\"notes\":[],\"source\":\"rollup\","
                     "\"as_of\":\"1970-01-01T00:00:01.5Z\"}");
    assert_string_equal(render(&numbers, true), "t,value\r\n1970-01-01T00:00:00Z,5\r\n"
                                                "1970-01-02T00:00:00Z,0\r\n");
}

static void test_ratio_without_data_is_null(void **state)
{
    (void)state;
    struct tr_kpi_point series[2] = {{.known = true, .x = 1, .y = 4}, {0}};
    const struct tr_kpi_numbers numbers = {.total = series[0], .series = series};
    assert_int_equal(ASK(arena, &question, "error_rate"), 0);
    assert_has(render(&numbers, false),
               "\"value\":0.25,\"series\":[{\"t\":\"1970-01-01T00:00:00Z\",\"value\":0.25,\"n\":4},"
               "{\"t\":\"1970-01-02T00:00:00Z\",\"value\":null,\"n\":0}]");
    assert_string_equal(render(&numbers, true),
                        "t,value,n\r\n1970-01-01T00:00:00Z,0.25,4\r\n1970-01-02T00:00:00Z,,0\r\n");
}

static void test_money_prints_as_it_is(void **state)
{
    (void)state;
    static const struct tr_kpi_field fields[] = {
        {"value", TR_PG_KIND_FLOAT},
        {"n", TR_PG_KIND_INT},
        {"currencies", TR_PG_KIND_JSON},
        {"note", TR_PG_KIND_TEXT},
    };
    const struct tr_kpi_cell cells[][4] = {
        {{.number = 19.99},
         {.integer = 3},
         {.text = TR_SLICE("{\"INR\": 19.99, \"USD\": 12345678901234567890}")},
         {.text = TR_SLICE("USD is left out")}},
        {{.number = 0.1}, {.integer = 1}, {.text = TR_SLICE("{}")}, {.null = true}},
        {{.number = -9999999999999.99}, {.integer = 1}, {.text = TR_SLICE("{}")}, {.null = true}},
    };
    struct tr_kpi_point series[2] = {{.known = true, .cells = cells[1]},
                                     {.known = true, .cells = cells[2]}};
    const struct tr_kpi_numbers numbers = {
        .total = {.known = true, .cells = cells[0]},
        .series = series,
        .fields = fields,
        .field_count = 4,
    };
    assert_int_equal(ASK(arena, &question, "revenue"), 0);
    const char *text = render(&numbers, false);
    assert_has(text, "\"unit\":\"INR\"");
    assert_has(
        text, "\"value\":19.99,\"n\":3,\"currencies\":{\"INR\":19.99,\"USD\":1.23456789012346e19}");
    assert_has(text, "\"value\":0.1,\"n\":1,");
    assert_has(text, "\"value\":-9999999999999.99,");
    assert_has(text, "\"notes\":[\"USD is left out\"");
    assert_null(strstr(text, "\"note\":"));
}

static void test_groups_and_formulas(void **state)
{
    (void)state;
    struct tr_kpi_point points[3][2] = {{{.known = true, .x = 3}}, {{.known = true, .x = -5}}};
    struct tr_kpi_group first = {
        .label = TR_SLICE("=1+\"1\",2"), .total = {.known = true, .x = 3}, .series = points[0]};
    struct tr_kpi_group second = {.total = {.known = true, .x = -5}, .series = points[1]};
    struct tr_kpi_group other = {.other = true, .series = points[2]};
    const struct tr_kpi_numbers numbers = {.series = points[2],
                                           .groups = {[0] = &other, [1] = &first, [2] = &second}};
    assert_int_equal(ASK(arena, &question, "event_count", "by=properties.@x"), 0);
    const char *text = render(&numbers, false);
    assert_has(text, "\"groups\":[{\"by\":\"=1+\\\"1\\\",2\",\"value\":3,\"series\":[");
    assert_has(text, "{\"by\":null,\"value\":-5,");
    assert_has(text, "{\"by\":\"other\",\"other\":true,\"value\":0,");
    text = render(&numbers, true);
    assert_has(text, "t,properties.@x,value\r\n1970-01-01T00:00:00Z,\"'=1+\"\"1\"\",2\",3\r\n");
    assert_has(text, "1970-01-01T00:00:00Z,,-5\r\n");
    assert_has(text, "1970-01-02T00:00:00Z,other,0\r\n");
}

static void test_features(void **state)
{
    (void)state;
    struct tr_kpi_point series[2] = {{.known = true, .x = 4, .y = 10}, {0}};
    struct tr_kpi_point points[2] = {{.known = true, .x = 4, .people = 2}, {0}};
    struct tr_kpi_group group = {.label = TR_SLICE("export"),
                                 .total = {.known = true, .x = 4, .people = 5},
                                 .series = points};
    struct tr_kpi_group other = {
        .other = true, .total = {.known = true, .x = 3, .people = 1}, .series = points};
    const struct tr_kpi_numbers numbers = {.total = {.known = true, .x = 4, .y = 20},
                                           .series = series,
                                           .groups = {[0] = &other, [1] = &group}};
    assert_int_equal(ASK(arena, &question, "feature_usage"), 0);
    const char *text = render(&numbers, false);
    assert_has(text, "\"active_users\":20");
    assert_has(text, "\"uses\":4,\"people\":5,\"adoption\":0.25");
    assert_has(text, "\"uses\":4,\"people\":2,\"adoption\":0.2}");
    assert_has(text, "\"uses\":0,\"people\":0,\"adoption\":null}");
    assert_has(text, "\"other\":true,\"value\":3,\"uses\":3,\"people\":1,\"adoption\":0.05,");
    assert_has(text, "\"uses\":4,\"people\":null,\"adoption\":null}");
}

static const char *vitals(int64_t good, int64_t poor, const char *metric)
{
    struct tr_kpi_point series[2] = {{.known = true, .value = 0.5, .x = 2, .y = 1, .n = 4}};
    struct tr_kpi_point points[2] = {{0}};
    struct tr_kpi_group group = {
        .label = tr_slice_of(metric),
        .total = {.known = true, .value = 2600, .x = good, .y = poor, .n = 4},
        .series = points};
    const struct tr_kpi_numbers numbers = {
        .total = series[0], .series = series, .groups = {[1] = &group}};
    assert_int_equal(ASK(arena, &question, "web_vitals"), 0);
    return render(&numbers, false);
}

static void test_vitals(void **state)
{
    (void)state;
    const char *text = vitals(3, 0, "LCP");
    assert_has(text, "\"value\":0.5,\"good\":0.5,\"needs_improvement\":0.25,\"poor\":0.25,\"n\":4,"
                     "\"passed\":true,\"series\":[{\"t\":\"1970-01-01T00:00:00Z\",\"value\":0.5,"
                     "\"good\":0.5,");
    assert_has(text,
               "\"value\":null,\"good\":null,\"needs_improvement\":null,\"poor\":null,\"n\":0}]");
    assert_has(text, "{\"by\":\"LCP\",\"value\":2600.0,\"p50\":");
    assert_has(text, "\"rating\":\"good\",\"good\":0.75,");
    assert_has(text, "\"rating\":null,\"good\":null,");
    text = vitals(2, 1, "INP");
    assert_has(text, "\"passed\":false");
    assert_has(text, "\"rating\":\"needs_improvement\"");
    text = vitals(2, 2, "TTFB");
    assert_has(text, "\"passed\":null");
    assert_has(text, "\"rating\":\"poor\"");
}

static void test_empty_groups_have_a_header(void **state)
{
    (void)state;
    struct tr_kpi_point series[2] = {{0}};
    const struct tr_kpi_numbers numbers = {.series = series};
    assert_int_equal(ASK(arena, &question, "event_count", "by=country"), 0);
    assert_string_equal(render(&numbers, true), "t,country,value\r\n");
}

/* A whole whose columns are value, n and one of JSON. */
static const char *csv_of_list(const char *kpi, const char *name, const char *list, const char *by)
{
    const struct tr_kpi_field fields[] = {{"value", TR_PG_KIND_FLOAT}, {name, TR_PG_KIND_JSON}};
    const struct tr_kpi_cell cells[] = {{.number = 0.5}, {.text = tr_slice_of(list)}};
    struct tr_kpi_point point = {.known = true, .cells = cells};
    struct tr_kpi_group group = {.label = TR_SLICE("=a"), .total = point};
    const struct tr_kpi_numbers numbers = {
        .total = point, .fields = fields, .field_count = 2, .groups = {[1] = &group}};
    const char *steps = strcmp(kpi, "funnel") == 0 ? "steps=a,b" : "from=-7d";
    assert_int_equal(ASK(arena, &question, kpi, steps, by), 0);
    return render(&numbers, true);
}

static void test_lists(void **state)
{
    (void)state;
    static const char steps[] =
        "[{\"step\":1,\"name\":\"a,\",\"people\":4,\"share_of_first\":1,\"share_of_previous\":null}"
        ","
        "{\"step\":2,\"name\":\"b\",\"people\":1,\"share_of_first\":0.25,\"share_of_previous\":0."
        "25,"
        "\"median_seconds_from_first\":60.5,\"median_seconds_from_previous\":60.5}]";
    static const char cohorts[] =
        "[{\"t\":\"2026-11-02\",\"size\":3,\"periods\":[{\"n\":0,\"active\":3,\"share\":1},"
        "{\"n\":1,\"active\":null,\"share\":null}]},{\"t\":\"2026-11-09\",\"size\":1,"
        "\"periods\":[{\"n\":0,\"active\":1,\"share\":1}]}]";
    assert_string_equal(csv_of_list("funnel", "steps", steps, "source=events"),
                        "step,name,people,share_of_first,share_of_previous,"
                        "median_seconds_from_first,median_seconds_from_previous\r\n"
                        "1,\"a,\",4,1,,,\r\n2,b,1,0.25,0.25,60.5,60.5\r\n");
    assert_string_equal(csv_of_list("retention", "cohorts", cohorts, "by=country"),
                        "country,t,size,n,active,share\r\n'=a,2026-11-02,3,0,3,1\r\n"
                        "'=a,2026-11-02,3,1,,\r\n'=a,2026-11-09,1,0,1,1\r\n");
    assert_string_equal(csv_of_list("retention", "cohorts", "[]", "source=events"),
                        "t,size,n,active,share\r\n");
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
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_ratio_without_data_is_null),
        cmocka_unit_test(test_money_prints_as_it_is),
        cmocka_unit_test(test_groups_and_formulas),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_vitals),
        cmocka_unit_test(test_empty_groups_have_a_header),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
