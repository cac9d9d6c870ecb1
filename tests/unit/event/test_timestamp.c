/* SPDX-License-Identifier: MIT */
/* Covers src/event/timestamp.c; the C library's calendar is the oracle. */
#include "event_priv.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static void test_table(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T10:15:30.250Z", 1795428930 * SECOND + 250000},
        {"2026-11-23t10:15:30.25z", 1795428930 * SECOND + 250000},
        {"2026-11-23 11:15:30+01:00", 1795428930 * SECOND},
        {"2026-11-23T04:45:30-05:30", 1795428930 * SECOND},
        {"2026-11-23T10:15:30.123456789Z", 1795428930 * SECOND + 123456},
        {"2016-12-31T23:59:60Z", 1483228800 * SECOND - 1},
        {"2016-12-31T23:59:60.5Z", 1483228800 * SECOND - 1},
        {"2024-02-29T00:00:00Z", 1709164800 * SECOND},
        {"2000-02-29T00:00:00Z", 951782400 * SECOND},
        {"0000-01-01T00:00:00Z", -62167219200 * SECOND},
        {"9999-12-31T23:59:59Z", 253402300799 * SECOND},
        {"1795428930250", 1795428930 * SECOND + 250000},
        {"1795428930250.5", 1795428930 * SECOND + 250500},
        {"1.79542893025e12", 1795428930 * SECOND + 250000},
        {"-1", -1000},
        {"1e400", TR_TIMESTAMP_FAR_US},
        {"-1e20", -TR_TIMESTAMP_FAR_US},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t us = 0;
        if (!tr_timestamp_parse(tr_slice_of(cases[i].text), &us) || us != cases[i].us)
            fail_msg("%s: %" PRId64, cases[i].text, us);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "yesterday",
        "2026-11-23",
        "2026-11-23T10:15:30",
        "2026-11-23T10:15Z",
        "2026-11-23T10:15:30.Z",
        "2026-11-23T10:15:30.1234567890Z",
        "2026-11-23T10:15:30+0100",
        "2026-11-23T10:15:30+24:00",
        "2026-11-23T10:15:30+01:60",
        "2026-11-23T10:15:30ZZ",
        "2026-11-23T24:00:00Z",
        "2026-11-23T10:60:00Z",
        "2026-11-23T10:15:61Z",
        "2026-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "+300000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        " 2026-11-23T10:15:30Z",
        "2026/11/23T10:15:30Z",
        "0x10",
        "true",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t us = 0;
        if (tr_timestamp_parse(tr_slice_of(cases[i]), &us))
            fail_msg("taken: %s", cases[i]);
    }
}

static void test_every_day(void **state)
{
    (void)state;
    for (int64_t day = -700000; day < 2900000; day += 13) {
        time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        char text[40];
        gmtime_r(&seconds, &tm);
        if (tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999)
            continue;
        snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday);
        int64_t us = 0;
        assert_true(tr_timestamp_parse(tr_slice_of(text), &us));
        assert_true(us == day * 86400 * SECOND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
