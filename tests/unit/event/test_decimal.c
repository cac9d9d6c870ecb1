/* SPDX-License-Identifier: MIT */
/* Covers src/event/decimal.c: text to exact decimal, and PostgreSQL's numeric of it. */
#include "event_priv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_table(void **state)
{
    (void)state;
    static const struct {
        const char *number;
        const char *text;
        const char *binary; /* ndigits weight sign dscale digits, as hexadecimal int16 */
    } cases[] = {
        {"0", "0", "0000000000000000"},
        {"-0", "0", "0000000000000000"},
        {"-0.0000000000000000001", "0", "0000000000000000"},
        {"1", "1", "00010000000000000001"},
        {"-1", "-1", "00010000400000000001"},
        {"10000", "10000", "00010001000000000001"},
        {"10001", "10001", "000200010000000000010001"},
        {"19.50", "19.5",
         "0002000000000001"
         "00131388"},
        {"1234567.891", "1234567.891",
         "0003000100000003"
         "007b11d722ce"},
        {"0.0001", "0.0001", "0001ffff000000040001"},
        {"0.00001", "0.00001", "0001fffe0000000503e8"},
        {"0.000000001", "0.000000001", "0001fffd0000000903e8"},
        {"0.0000000000000000005", "0.000000000000000001", NULL},
        {"0.00000000000000000049", "0", NULL},
        {"0.9999999999999999996", "1", NULL},
        {"999999999999999", "999999999999999", "000400030000000003e7270f270f270f"},
        {"999999999999999.999999999", "999999999999999.999999999",
         "0007000300000009"
         "03e7270f270f270f270f270f2328"},
        {"1e3", "1000", NULL},
        {"1.5E+2", "150", NULL},
        {"12345e-3", "12.345", NULL},
        {"0.000123e6", "123", NULL},
        {"1e-400", "0", NULL},
        {"0e400", "0", NULL},
        {"0.00e99999999999999999999", "0", NULL},
        {"100000000000000000000e-20", "1", NULL},
        {"52.30000000000000426325641456060111522674560546875", "52.300000000000004263", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_decimal decimal;
        char text[TR_DECIMAL_TEXT_MAX + 1];
        char binary[TR_DECIMAL_BINARY_MAX];
        char hex[2 * TR_DECIMAL_BINARY_MAX + 1] = "";
        assert_int_equal(tr_decimal_parse(&decimal, tr_slice_of(cases[i].number), 0), 0);
        text[tr_decimal_text(&decimal, text)] = '\0';
        assert_string_equal(text, cases[i].text);
        size_t size = tr_decimal_binary(&decimal, binary);
        for (size_t j = 0; j < size; j++)
            snprintf(hex + 2 * j, 3, "%02x", (unsigned char)binary[j]);
        if (cases[i].binary != NULL)
            assert_string_equal(hex, cases[i].binary);
        assert_true(tr_decimal_double(&decimal) == strtod(text, NULL));
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *number;
        int outcome;
    } cases[] = {
        {"1e15", TR_DECIMAL_OUT_OF_RANGE},
        {"-1e15", TR_DECIMAL_OUT_OF_RANGE},
        {"999999999999999.9999999999999999995", TR_DECIMAL_OUT_OF_RANGE},
        {"9223372036854775808", TR_DECIMAL_OUT_OF_RANGE},
        {"1e308", TR_DECIMAL_OUT_OF_RANGE},
        {"1e400", TR_DECIMAL_NOT_FINITE},
        {"-1e400", TR_DECIMAL_NOT_FINITE},
        {"1e99999999999999999999", TR_DECIMAL_NOT_FINITE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_decimal decimal;
        assert_int_equal(tr_decimal_parse(&decimal, tr_slice_of(cases[i].number), 0),
                         cases[i].outcome);
    }
}

static void test_shift(void **state)
{
    (void)state;
    struct tr_decimal decimal;
    assert_int_equal(tr_decimal_parse(&decimal, TR_SLICE("1.5"), 3), 0);
    assert_int_equal(decimal.whole, 1500);
    assert_int_equal(tr_decimal_parse(&decimal, TR_SLICE("0.0000000000000000000015"), 3), 0);
    assert_int_equal(decimal.parts, 2);
}

/* Random decimals come back as the double that strtod() reads. */
static void test_doubles(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        snprintf(text, sizeof text, "%d.%0*d", rand_r(&seed) % 1000000, 1 + rand_r(&seed) % 8,
                 rand_r(&seed) % 10);
        struct tr_decimal decimal;
        assert_int_equal(tr_decimal_parse(&decimal, tr_slice_of(text), 0), 0);
        double value = strtod(text, NULL);
        assert_true(fabs(tr_decimal_double(&decimal) - value) <= fabs(value) * 0x1p-52);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_shift),
        cmocka_unit_test(test_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
