/* SPDX-License-Identifier: MIT */
/* Checksums, digests and random bytes. Any thread. */
#pragma once

#include "traction/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* CRC-32C (Castagnoli), RFC 3720 appendix B.4; crc is 0 at first, then the last result. */
uint32_t tr_crc32c(uint32_t crc, const void *data, size_t size);

/* SHA-256, FIPS 180-4. */
void tr_sha256(const void *data, size_t size, uint8_t digest_out[32]);

/* The first 16 bytes of SHA-256 over the parts, each preceded by its length as four bytes, so that
 * ("ab","c") and ("a","bc") differ. For keys that outsiders may choose: collisions can't be made.
 */
void tr_digest128(const struct tr_slice *parts, size_t count, uint8_t digest_out[16]);

/* scrypt (RFC 7914), for passwords: 128 * r * 2^log_n bytes of memory, and a tenth of a second or
 * so. False: there is not so much memory. */
bool tr_scrypt(struct tr_slice password, struct tr_slice salt, int log_n, int r, int p,
               uint8_t key_out[32]);
/* Whether two texts of a size are equal, in a time that does not tell where they differ. */
bool tr_equal_in_constant_time(const void *a, const void *b, size_t size);

/* HMAC-SHA-256 (RFC 2104) of the parts one after the other. */
void tr_hmac_sha256(struct tr_slice key, const struct tr_slice *parts, size_t count,
                    uint8_t digest_out[32]);

/* From the kernel; aborts if there are none. */
void tr_random(void *out, size_t size);

/* 2 × size hexadecimal digits and a terminator. */
void tr_hex(const void *data, size_t size, char *out);

/* A time-ordered UUID (version 7, RFC 9562 section 5.7), 36 characters and a terminator. */
void tr_uuid7(int64_t wall_us, char out[37]);

/* The version of the library behind these, such as "OpenSSL 3.0.15 3 Sep 2024". Static. */
const char *tr_crypto_version(void);
