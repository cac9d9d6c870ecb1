/* SPDX-License-Identifier: MIT */
/* src/base/sketch.c: within 1 %, merging is exact, stored bytes come back, rubbish is refused. */
#include "traction/base/sketch.h"

#include "traction/base/alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_value_is_within_one_percent(void **state)
{
    (void)state;
    for (double value = 0.001; value < 1e9; value *= 1.037) {
        double back = tr_sketch_value(tr_sketch_index(value));
        assert_true(fabs(back - value) <= value * TR_SKETCH_RELATIVE_ERROR * 1.0000001);
    }
    assert_true(tr_sketch_value(tr_sketch_index(0)) == 0);
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a;
    double two = *(const double *)b;
    return one < two ? -1 : one > two;
}

static void test_quantiles_against_sorted_values(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static double values[COUNT];
    struct tr_sketch *sketch = tr_calloc(1, sizeof *sketch);
    srand(7);
    for (int i = 0; i < COUNT; i++) {
        values[i] = exp(12.0 * rand() / RAND_MAX);
        tr_sketch_add(sketch, tr_sketch_index(values[i]), 1);
    }
    qsort(values, COUNT, sizeof *values, compare);
    for (int percent = 1; percent <= 99; percent++) {
        double exact = values[(COUNT * percent + 99) / 100 - 1];
        double got = tr_sketch_quantile(sketch, percent / 100.0);
        assert_true(fabs(got - exact) <= exact * 0.0101);
    }
    free(sketch);
}

static void test_encoding_round_trip_and_merge(void **state)
{
    (void)state;
    struct tr_sketch *one = tr_calloc(1, sizeof *one);
    struct tr_sketch *two = tr_calloc(1, sizeof *two);
    for (int i = TR_SKETCH_INDEX_ZERO; i <= TR_SKETCH_INDEX_MAX; i += 13)
        tr_sketch_add(one, i, (int64_t)i * i * 1000 + 1);
    struct tr_buf bytes;
    tr_buf_init(&bytes, 1 << 16);
    tr_sketch_encode(one, &bytes);
    assert_int_equal(tr_sketch_merge(two, tr_buf_slice(&bytes), NULL), 0);
    assert_memory_equal(one, two, sizeof *one);
    assert_int_equal(tr_sketch_merge(two, tr_buf_slice(&bytes), NULL), 0);
    assert_int_equal(tr_sketch_count(two), 2 * tr_sketch_count(one));
    for (size_t cut = 0; cut < bytes.size; cut++) {
        tr_sketch_init(two);
        struct tr_error error = TR_ERROR_INIT;
        int result = tr_sketch_merge(two, tr_slice(bytes.data, cut), &error);
        assert_true(result == 0 || error.message[0] != '\0');
    }
    tr_buf_fini(&bytes);
    free(one);
    free(two);
}

static void test_rubbish_is_refused(void **state)
{
    (void)state;
    struct tr_sketch *sketch = tr_calloc(1, sizeof *sketch);
    static const char *const bad[] = {"", "\x02", "\x01\x80", "\x01\xff\xff\x7f\x01",
                                      "\x01\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(tr_sketch_merge(sketch, tr_slice_of(bad[i]), NULL) < 0);
    free(sketch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_is_within_one_percent),
        cmocka_unit_test(test_quantiles_against_sorted_values),
        cmocka_unit_test(test_encoding_round_trip_and_merge),
        cmocka_unit_test(test_rubbish_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
