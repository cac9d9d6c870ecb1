/* SPDX-License-Identifier: MIT */
/* src/http/inflate.c: formats, cuts, damage, what follows, and bombs against little room. */
#include "wire_priv.h"

#include <stdlib.h>
#include <zlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { GZIP = 15 + 16, ZLIB = 15, RAW = -15, PACKED_SIZE = 1 << 16, PLAIN_SIZE = 1 << 16 };

static const struct {
    int window_bits;
    enum tr_http_coding coding;
} formats[] = {{GZIP, TR_HTTP_GZIP}, {ZLIB, TR_HTTP_DEFLATE}, {RAW, TR_HTTP_DEFLATE}};

static size_t pack(int window_bits, const void *plain, size_t size, char *out)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY),
                     Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)plain;
    stream.avail_in = (uInt)size;
    stream.next_out = (Bytef *)out;
    stream.avail_out = PACKED_SIZE;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return PACKED_SIZE - stream.avail_out;
}

/* In two pieces, into rooms of the given size. Returns the last status. */
static int unpack(enum tr_http_coding coding, const char *packed, size_t size, size_t cut,
                  size_t room, char *out, size_t *size_out)
{
    static struct tr_http_inflate *spare; /* every other one is used again */
    struct tr_http_inflate *inflate = spare;
    spare = NULL;
    if (inflate != NULL)
        tr_http_inflate_reset(inflate, coding);
    else
        spare = inflate = tr_http_inflate_new(coding);
    int status = TR_HTTP_MORE;
    *size_out = 0;
    for (int part = 0; part < 2 && status == TR_HTTP_MORE; part++) {
        struct tr_slice input =
            part == 0 ? tr_slice(packed, cut) : tr_slice(packed + cut, size - cut);
        do {
            size_t written;
            status = tr_http_inflate_next(inflate, &input, out + *size_out, room, &written);
            assert_true(written <= room);
            *size_out += written;
            assert_true(*size_out + room <= 2 * PLAIN_SIZE);
        } while (status == TR_HTTP_DATA);
        if (status == TR_HTTP_DONE && part == 0 && cut < size)
            status = TR_HTTP_REFUSED; /* bytes follow */
    }
    if (status < 0 && tr_http_inflate_message(inflate) == NULL)
        assert_true(cut < size);
    if (spare == NULL)
        tr_http_inflate_free(inflate);
    return status;
}

static void test_formats(void **state)
{
    (void)state;
    static const char plain[] = "{\"event\":\"x\",\"value\":1},{\"event\":\"x\",\"value\":2}";
    char packed[PACKED_SIZE];
    static char out[2 * PLAIN_SIZE];
    for (size_t format = 0; format < 3; format++) {
        size_t size = pack(formats[format].window_bits, plain, sizeof plain, packed);
        for (size_t cut = 0; cut <= size; cut++)
            for (size_t room = 1; room < 100; room += 49) {
                size_t got;
                int status = unpack(formats[format].coding, packed, size, cut, room, out, &got);
                assert_int_equal(status, TR_HTTP_DONE);
                assert_int_equal(got, sizeof plain);
                assert_memory_equal(out, plain, got);
            }
    }
}

static void test_truncated(void **state)
{
    (void)state;
    char packed[PACKED_SIZE];
    static char out[2 * PLAIN_SIZE];
    for (size_t format = 0; format < 3; format++) {
        size_t size = pack(formats[format].window_bits, "hello hello", 11, packed);
        for (size_t shorter = 0; shorter < size; shorter++) {
            size_t got;
            int status =
                unpack(formats[format].coding, packed, shorter, shorter / 2, 100, out, &got);
            assert_int_equal(status, TR_HTTP_MORE);
        }
    }
}

static void test_followed(void **state)
{
    (void)state;
    char packed[PACKED_SIZE];
    static char out[2 * PLAIN_SIZE];
    for (size_t format = 0; format < 3; format++) {
        size_t size = pack(formats[format].window_bits, "hello", 5, packed);
        memcpy(packed + size, packed, size); /* a second member, too */
        for (size_t longer = size + 1; longer <= 2 * size; longer++)
            for (size_t cut = 0; cut <= longer; cut++) {
                size_t got;
                int status = unpack(formats[format].coding, packed, longer, cut, 100, out, &got);
                assert_int_equal(status, TR_HTTP_REFUSED);
            }
    }
}

static void test_damaged(void **state)
{
    (void)state;
    char packed[PACKED_SIZE];
    static char out[2 * PLAIN_SIZE];
    size_t size = pack(GZIP, "hello hello hello", 17, packed);
    for (size_t bit = 0; bit < size * 8; bit++) {
        size_t got;
        packed[bit / 8] ^= (char)(1 << bit % 8);
        int status = unpack(TR_HTTP_GZIP, packed, size, size / 2, 100, out, &got);
        /* Some bits mean nothing: flags and time in the header, padding at the end of the data. */
        if (status == TR_HTTP_DONE) {
            assert_int_equal(got, 17);
            assert_memory_equal(out, "hello hello hello", got);
        }
        packed[bit / 8] ^= (char)(1 << bit % 8);
    }
}

static void test_wrong_format(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"a\":1}", "hello, this is no gzip", "\x1f\x8b\x09\x01"};
    static char out[2 * PLAIN_SIZE];
    for (size_t i = 0; i < 3; i++) {
        size_t got;
        assert_int_equal(unpack(TR_HTTP_GZIP, texts[i], strlen(texts[i]), 1, 100, out, &got),
                         TR_HTTP_REFUSED);
    }
}

/* zlib's own FDICT flag asks for a dictionary nobody has. */
static void test_dictionary(void **state)
{
    (void)state;
    static const char text[] = "\x78\xbb\x00\x00\x00\x01xxxx";
    static char out[2 * PLAIN_SIZE];
    size_t got;
    assert_int_equal(unpack(TR_HTTP_DEFLATE, text, sizeof text - 1, 3, 100, out, &got),
                     TR_HTTP_REFUSED);
}

/* A bomb never writes beyond the room it is given, and waits there. */
static void test_bomb(void **state)
{
    (void)state;
    static char zeros[32 << 20];
    static char packed[PACKED_SIZE];
    char room[64];
    size_t size = pack(GZIP, zeros, sizeof zeros, packed);
    struct tr_http_inflate *inflate = tr_http_inflate_new(TR_HTTP_GZIP);
    struct tr_slice input = tr_slice(packed, size);
    for (int i = 0; i < 1000; i++) {
        size_t written;
        assert_int_equal(tr_http_inflate_next(inflate, &input, room, sizeof room, &written),
                         TR_HTTP_DATA);
        assert_int_equal(written, sizeof room);
    }
    tr_http_inflate_free(inflate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),      cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_followed),     cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_wrong_format), cmocka_unit_test(test_dictionary),
        cmocka_unit_test(test_bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
