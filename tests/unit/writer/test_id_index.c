/* SPDX-License-Identifier: MIT */
/* src/writer/id_index.c: everything added is found, nothing else, across generations. */
#include "writer_priv.h"

#include "traction/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void digest_of(unsigned number, uint8_t digest[16])
{
    struct tr_slice part = tr_slice((const char *)&number, sizeof number);
    tr_digest128(&part, 1, digest);
}

/* Two generations on disk and one in the table. */
enum { IDS = 1200000 };

static void add_range(struct id_index *index, unsigned from, unsigned to, int64_t received_us)
{
    for (unsigned i = from; i < to; i++) {
        uint8_t digest[16];
        digest_of(i, digest);
        tr_id_index_add(index, digest, 1, received_us);
    }
}

static size_t count_known(struct id_index *index, unsigned from, unsigned to)
{
    size_t known = 0;
    for (unsigned i = from; i < to; i += 7) {
        uint8_t digest[16];
        digest_of(i, digest);
        int found = tr_id_index_contains(index, digest, NULL);
        assert_in_range(found, 0, 1);
        known += (size_t)found;
    }
    return known;
}

static void test_knows_exactly_what_was_added(void **state)
{
    (void)state;
    struct id_index *index = tr_id_index_new("/tmp");
    add_range(index, 0, IDS, 1000);
    assert_int_equal(count_known(index, 0, IDS), (IDS + 6) / 7);
    assert_int_equal(count_known(index, IDS, 2 * IDS), 0);
    tr_id_index_clear(index);
    assert_int_equal(count_known(index, 0, IDS), 0);
    tr_id_index_free(index);
}

static void test_expires_old_generations(void **state)
{
    (void)state;
    struct id_index *index = tr_id_index_new("/tmp");
    add_range(index, 0, 600000, 1000);
    add_range(index, 600000, IDS, 2000);
    tr_id_index_expire(index, 1000);
    assert_int_equal(count_known(index, 0, IDS), (IDS + 6) / 7);
    tr_id_index_expire(index, 1001);
    assert_int_equal(count_known(index, 600000, IDS), (600000 + 6) / 7);
    assert_true(count_known(index, 0, 500000) < 500000 / 7);
    tr_id_index_free(index);
}

static void test_no_room_on_disk_forgets_nothing(void **state)
{
    (void)state;
    struct id_index *index = tr_id_index_new("/nonexistent");
    add_range(index, 0, IDS, 1000);
    assert_int_equal(count_known(index, 0, IDS), (IDS + 6) / 7);
    tr_id_index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knows_exactly_what_was_added),
        cmocka_unit_test(test_expires_old_generations),
        cmocka_unit_test(test_no_room_on_disk_forgets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
