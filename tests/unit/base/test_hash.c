/* SPDX-License-Identifier: MIT */
/* src/base/hash.c against published vectors. */
#include "traction/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* RFC 3720, appendix B.4. */
static void test_crc32c(void **state)
{
    (void)state;
    char bytes[32] = {0};
    assert_int_equal(tr_crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(tr_crc32c(0, bytes, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (char)i;
    assert_int_equal(tr_crc32c(0, bytes, 32), 0x46dd794e);
    uint32_t in_two = tr_crc32c(tr_crc32c(0, bytes, 13), bytes + 13, 19);
    assert_int_equal(in_two, 0x46dd794e);
}

/* FIPS 180-4, the "abc" example. */
static void test_sha256(void **state)
{
    (void)state;
    uint8_t digest[32];
    char hex[65];
    tr_sha256("abc", 3, digest);
    tr_hex(digest, 32, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_digest_tells_parts_apart(void **state)
{
    (void)state;
    struct tr_slice one[] = {TR_SLICE("ab"), TR_SLICE("c")};
    struct tr_slice two[] = {TR_SLICE("a"), TR_SLICE("bc")};
    uint8_t a[16];
    uint8_t b[16];
    tr_digest128(one, 2, a);
    tr_digest128(two, 2, b);
    assert_memory_not_equal(a, b, 16);
}

static void test_uuid7_is_ordered_by_time(void **state)
{
    (void)state;
    char before[37];
    char after[37];
    tr_uuid7(1700000000000000, before);
    tr_uuid7(1700000000001000, after);
    assert_int_equal(strlen(before), 36);
    assert_int_equal(before[14], '7');
    assert_true(strchr("89ab", before[19]) != NULL);
    assert_true(memcmp(before, after, 13) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_digest_tells_parts_apart),
        cmocka_unit_test(test_uuid7_is_ordered_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
