/* SPDX-License-Identifier: MIT */
/* src/kpi/when.c: the ends of a range, and instants as text. */
#include "kpi_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW INT64_C(1795428930250000) /* 2026-11-23T10:15:30.25Z */
#define SECOND INT64_C(1000000)

static struct tr_kpi_when parse(const char *text)
{
    struct tr_kpi_when when;
    if (!tr_kpi_parse_when(tr_slice_of(text), NOW, &when))
        fail_msg("%s was refused", text);
    return when;
}

static void assert_instant(const char *text, const char *want)
{
    struct tr_kpi_when when = parse(text);
    char got[TR_KPI_TIME_BYTES];
    assert_int_equal(when.kind, TR_KPI_INSTANT);
    tr_kpi_format_time(when.instant_us, got);
    assert_string_equal(got, want);
}

static void test_instants(void **state)
{
    (void)state;
    assert_instant("now", "2026-11-23T10:15:30.25Z");
    assert_instant("-24h", "2026-11-22T10:15:30.25Z");
    assert_instant("-90m", "2026-11-23T08:45:30.25Z");
    assert_instant("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z");
    assert_instant("2026-11-01t05:30:00+05:30", "2026-11-01T00:00:00Z");
    assert_instant("2026-11-01 00:00:00 05:45", "2026-10-31T18:15:00Z"); /* "+" as a space */
    assert_instant("2026-11-01T00:00:00-03:30", "2026-11-01T03:30:00Z");
    assert_instant("2026-11-01T00:00:00.1234567Z", "2026-11-01T00:00:00.123456Z");
    assert_instant("2024-02-29T23:59:60Z", "2024-03-01T00:00:00Z");
    assert_instant("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
    assert_instant("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z");
}

static void test_days(void **state)
{
    (void)state;
    assert_int_equal(parse("1970-01-02").date, 1);
    assert_int_equal(parse("2000-03-01").date, 11017);
    assert_true(parse("2026-11-23").named);
    assert_int_equal(parse("today").days, 0);
    assert_int_equal(parse("yesterday").days, -1);
    assert_true(parse("yesterday").named);
    assert_int_equal(parse("-7d").days, -7);
    assert_int_equal(parse("-7d").kind, TR_KPI_TODAY);
    assert_false(parse("-7d").named);
    assert_int_equal(parse("-2w").days, -14);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "-",
        "-d",
        "-7",
        "-7y",
        "-99999999d",
        "-36501d",
        "7d",
        "-1.5d",
        "- 7d",
        "tomorrow",
        "2026",
        "2026-13-01",
        "2026-02-29",
        "2026-00-10",
        "2026-1-1",
        "0000-01-01",
        "2026-11-01T00:00:00",
        "2026-11-01T24:00:00Z",
        "2026-11-01T00:60:00Z",
        "2026-11-01T00:00Z",
        "2026-11-01T00:00:00.Z",
        "2026-11-01T00:00:00+5:30",
        "2026-11-01T00:00:00+25:00",
        "2026-11-01T00:00:00Zx",
        "2026-11-01x",
        "NOW",
        "-7d ",
    };
    struct tr_kpi_when when;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (tr_kpi_parse_when(tr_slice_of(texts[i]), NOW, &when))
            fail_msg("\"%s\" was taken", texts[i]);
}

/* Every prefix and every single byte changed: no crash, whatever the verdict. */
static void test_mangled(void **state)
{
    (void)state;
    static const char text[] = "2026-11-01T00:00:00.123456+05:30";
    struct tr_kpi_when when;
    for (size_t i = 0; i < sizeof text; i++)
        for (int byte = 0; byte < 256; byte++) {
            char copy[sizeof text];
            memcpy(copy, text, sizeof text);
            copy[i] = (char)byte;
            tr_kpi_parse_when(tr_slice(copy, i + 1), NOW, &when);
            tr_kpi_parse_when(tr_slice(copy, sizeof text - 1), NOW, &when);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instants),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_mangled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
