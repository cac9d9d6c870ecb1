/* SPDX-License-Identifier: MIT */
/* src/live/people.c: exact while they fit, an honest estimate beyond. */
#include "live_priv.h"

#include "traction/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void key_of(uint64_t number, uint8_t key[16])
{
    uint8_t digest[32];
    tr_sha256(&number, sizeof number, digest);
    memcpy(key, digest, 16);
}

static void see(struct people *people, uint64_t number, int32_t last_s, int level)
{
    uint8_t key[16];
    key_of(number, key);
    tr_live_people_see(people, key, last_s, level);
}

static void test_exact(void **state)
{
    (void)state;
    struct people people;
    tr_live_people_init(&people);
    for (int round = 0; round < 2; round++)
        for (uint64_t i = 0; i < 50000; i++)
            see(&people, i, (int32_t)(1000 + i % 100), 0);
    struct people_count count = tr_live_people_count(&people, 1000);
    assert_true(count.value == 50000 && count.error == 0);
    assert_true(tr_live_people_count(&people, 1090).value == 5000);
    tr_live_people_prune(&people, 1090);
    assert_true(tr_live_people_count(&people, 1).value == 5000);
    see(&people, 3, 2000, 0); /* is back */
    assert_true(tr_live_people_count(&people, 1).value == 5001);
    tr_live_people_prune(&people, 3000);
    assert_true(tr_live_people_count(&people, 1).value == 0);
    assert_in_range(people.capacity, 1, 4096);
    tr_live_people_fini(&people);
}

static void test_later_sighting_counts(void **state)
{
    (void)state;
    struct people people;
    tr_live_people_init(&people);
    see(&people, 1, 500, 0);
    see(&people, 1, 400, 0);
    assert_true(tr_live_people_count(&people, 500).value == 1);
    tr_live_people_fini(&people);
}

static void test_bounded(void **state)
{
    (void)state;
    struct people people;
    tr_live_people_init(&people);
    const double many = 400000;
    for (uint64_t i = 0; i < (uint64_t)many; i++)
        see(&people, i, 1000, 0);
    assert_in_range(people.capacity, 1, 2 * TR_LIVE_PEOPLE);
    struct people_count count = tr_live_people_count(&people, 1000);
    assert_true(count.error > 0 && count.error < 0.03);
    /* Within four standard errors; the keys are always the same. */
    assert_true(count.value > many * (1 - 2 * count.error));
    assert_true(count.value < many * (1 + 2 * count.error));
    tr_live_people_prune(&people, 2000);
    see(&people, 7, 2000, 0);
    count = tr_live_people_count(&people, 2000);
    assert_true(count.value == 1 && count.error == 0); /* exact again */
    tr_live_people_fini(&people);
}

static bool is_in_sample(uint64_t number, int level)
{
    uint8_t key[16];
    key_of(number, key);
    return level == 0 || key[0] >> (8 - level) == 0;
}

static void test_samples_of_large_batches(void **state)
{
    (void)state;
    struct people people;
    tr_live_people_init(&people);
    const int level = 3;
    const uint64_t many = 40000;
    for (uint64_t i = 0; i < many; i++)
        if (is_in_sample(i, level))
            see(&people, i, 1000, level);
    struct people_count count = tr_live_people_count(&people, 1000);
    assert_true(count.error > 0);
    assert_true(count.value > (double)many * (1 - 2 * count.error));
    assert_true(count.value < (double)many * (1 + 2 * count.error));
    /* Those of a small batch are all there: whoever was in both stands for one. */
    double before = count.value;
    uint64_t both = 0;
    while (!is_in_sample(both, level))
        both++;
    see(&people, both, 1001, 0);
    see(&people, many + 1, 1001, 0);
    assert_true(tr_live_people_count(&people, 1000).value == before - 8 + 1 + 1);
    tr_live_people_fini(&people);
}

static void test_join(void **state)
{
    (void)state;
    struct people people;
    uint8_t anonymous[16];
    uint8_t user[16];
    uint8_t stranger[16];
    key_of(1, anonymous);
    key_of(2, user);
    key_of(3, stranger);
    tr_live_people_init(&people);
    see(&people, 1, 1200, 0);
    see(&people, 2, 1100, 0);
    tr_live_people_join(&people, anonymous, user);
    assert_true(tr_live_people_count(&people, 1000).value == 1);
    assert_true(tr_live_people_count(&people, 1150).value == 1); /* the visitor's time */
    tr_live_people_join(&people, stranger, user);
    tr_live_people_join(&people, user, user);
    assert_true(tr_live_people_count(&people, 1150).value == 1);
    assert_true(tr_live_people_knows(&people, user));
    assert_false(tr_live_people_knows(&people, stranger));
    tr_live_people_fini(&people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),   cmocka_unit_test(test_later_sighting_counts),
        cmocka_unit_test(test_bounded), cmocka_unit_test(test_samples_of_large_batches),
        cmocka_unit_test(test_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
