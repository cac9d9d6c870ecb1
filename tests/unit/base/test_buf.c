/* SPDX-License-Identifier: MIT */
/* src/base/buf.c, src/base/arena.c: bounds hold, bytes are where they should be. */
#include "traction/base/arena.h"
#include "traction/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_buf_keeps_its_maximum(void **state)
{
    (void)state;
    struct tr_buf buf;
    tr_buf_init(&buf, 10);
    tr_buf_append(&buf, "12345678", 8);
    assert_false(tr_buf_overflowed(&buf));
    tr_buf_append(&buf, "abc", 3);
    assert_true(tr_buf_overflowed(&buf));
    assert_int_equal(buf.size, 8);
    tr_buf_clear(&buf, 0);
    assert_false(tr_buf_overflowed(&buf));
    tr_buf_fini(&buf);
}

static void test_buf_is_big_endian(void **state)
{
    (void)state;
    struct tr_buf buf;
    tr_buf_init(&buf, 100);
    tr_buf_append_u8(&buf, 1);
    tr_buf_append_be16(&buf, 0x0203);
    tr_buf_append_be32(&buf, 0x04050607);
    tr_buf_append_be64(&buf, UINT64_C(0x08090a0b0c0d0e0f));
    for (size_t i = 0; i < buf.size; i++)
        assert_int_equal(buf.data[i], i + 1);
    tr_buf_consume(&buf, 3);
    assert_int_equal(buf.data[0], 4);
    tr_buf_fini(&buf);
}

static void test_arena_blocks_and_reset(void **state)
{
    (void)state;
    struct tr_arena *arena = tr_arena_new(1 << 20);
    char *first = tr_arena_strndup(arena, "hello", 5);
    for (int i = 0; i < 100; i++)
        memset(tr_arena_alloc(arena, 5000), i, 5000);
    assert_string_equal(first, "hello");
    assert_true(((uintptr_t)tr_arena_alloc(arena, 1) & 15) == 0);
    tr_arena_reset(arena);
    assert_int_equal(tr_arena_used(arena), 0);
    assert_string_equal(tr_arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    tr_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_keeps_its_maximum),
        cmocka_unit_test(test_buf_is_big_endian),
        cmocka_unit_test(test_arena_blocks_and_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
