/* SPDX-License-Identifier: MIT */
/* src/live/keys.c: a sliding window of counts, bounded. */
#include "live_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void add(struct keys *keys, const char *text, int64_t at_s, int64_t n)
{
    tr_live_keys_add(keys, tr_slice_of(text), at_s, n);
}

static int64_t total_of(const struct keys *keys, const char *text)
{
    const struct key *top[TR_LIVE_KEYS];
    size_t count = tr_live_keys_top(keys, top, TR_LIVE_KEYS);
    for (size_t i = 0; i < count; i++)
        if (tr_slice_is(tr_slice(top[i]->text, top[i]->size), text))
            return top[i]->total;
    return 0;
}

static void test_window(void **state)
{
    (void)state;
    struct keys keys;
    tr_live_keys_init(&keys);
    tr_live_keys_advance(&keys, 3000);
    add(&keys, "a", 3000, 2);
    add(&keys, "a", 2800, 3);
    add(&keys, "a", 2699, 100); /* too old */
    add(&keys, "a", 9999, 1);   /* not yet: counts as now */
    add(&keys, "a", 3000, -1);
    assert_int_equal(total_of(&keys, "a"), 6);
    tr_live_keys_advance(&keys, 3060);
    assert_int_equal(total_of(&keys, "a"), 6);
    tr_live_keys_advance(&keys, 3090);
    assert_int_equal(total_of(&keys, "a"), 3);
    tr_live_keys_advance(&keys, 3300);
    assert_int_equal(total_of(&keys, "a"), 0);
    add(&keys, "a", 3300, 5);
    tr_live_keys_advance(&keys, 1000000);
    assert_int_equal(total_of(&keys, "a"), 0);
    tr_live_keys_fini(&keys);
}

static void test_top(void **state)
{
    (void)state;
    struct keys keys;
    const struct key *top[3];
    tr_live_keys_init(&keys);
    tr_live_keys_advance(&keys, 300);
    assert_int_equal(tr_live_keys_top(&keys, top, 3), 0);
    add(&keys, "b", 300, 2);
    add(&keys, "ab", 300, 2);
    add(&keys, "a", 300, 2);
    add(&keys, "most", 300, 9);
    add(&keys, "least", 300, 1);
    assert_int_equal(tr_live_keys_top(&keys, top, 3), 3);
    assert_string_equal(top[0]->text, "most");
    assert_string_equal(top[1]->text, "a");
    assert_string_equal(top[2]->text, "ab");
    tr_live_keys_fini(&keys);
}

static void test_bounded(void **state)
{
    (void)state;
    struct keys keys;
    char text[32];
    tr_live_keys_init(&keys);
    tr_live_keys_advance(&keys, 300);
    add(&keys, "often", 300, 1000);
    for (int i = 0; i < 3 * TR_LIVE_KEYS; i++) {
        snprintf(text, sizeof text, "once %d", i);
        add(&keys, text, 300, 1);
    }
    assert_int_equal(keys.count, TR_LIVE_KEYS);
    assert_int_equal(total_of(&keys, "often"), 1000);
    tr_live_keys_fini(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
