/* SPDX-License-Identifier: MIT */
#include "traction/base/hash.h"

#include <endian.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

/* Reflected Castagnoli polynomial. */
#define CRC32C_POLYNOMIAL 0x82f63b78u

static uint32_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
        crc_table[i] = crc;
    }
}

static uint32_t crc_portable(uint32_t crc, const uint8_t *bytes, size_t size)
{
    pthread_once(&crc_once, make_crc_table);
    for (size_t i = 0; i < size; i++)
        crc = crc_table[(crc ^ bytes[i]) & 0xff] ^ (crc >> 8);
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *bytes,
                                                            size_t size)
{
    uint64_t wide = crc;
    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; size > 0; bytes++, size--)
        crc = __builtin_ia32_crc32qi(crc, *bytes);
    return crc;
}
#endif

uint32_t tr_crc32c(uint32_t crc, const void *data, size_t size)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_sse42(crc, data, size);
#endif
    return ~crc_portable(crc, data, size);
}

/* Fetched once and a context per thread: looking the algorithm up costs more than the digest. */
static EVP_MD *sha256_method;
static pthread_key_t sha256_context;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

static void prepare_sha256(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (sha256_method == NULL || pthread_key_create(&sha256_context, free_context) != 0)
        abort();
}

static EVP_MD_CTX *begin_sha256(void)
{
    pthread_once(&sha256_once, prepare_sha256);
    EVP_MD_CTX *context = pthread_getspecific(sha256_context);
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        if (context == NULL || pthread_setspecific(sha256_context, context) != 0)
            abort();
    }
    if (EVP_DigestInit_ex2(context, sha256_method, NULL) != 1)
        abort();
    return context;
}

static void end_sha256(EVP_MD_CTX *context, uint8_t digest_out[32])
{
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context, digest_out, &size) != 1 || size != 32)
        abort();
}

void tr_sha256(const void *data, size_t size, uint8_t digest_out[32])
{
    EVP_MD_CTX *context = begin_sha256();
    EVP_DigestUpdate(context, data, size);
    end_sha256(context, digest_out);
}

void tr_digest128(const struct tr_slice *parts, size_t count, uint8_t digest_out[16])
{
    EVP_MD_CTX *context = begin_sha256();
    for (size_t i = 0; i < count; i++) {
        uint32_t size = htobe32((uint32_t)parts[i].size);
        EVP_DigestUpdate(context, &size, sizeof size);
        if (parts[i].size > 0)
            EVP_DigestUpdate(context, parts[i].data, parts[i].size);
    }
    uint8_t digest[32];
    end_sha256(context, digest);
    memcpy(digest_out, digest, 16);
}

void tr_hmac_sha256(struct tr_slice key, const struct tr_slice *parts, size_t count,
                    uint8_t digest_out[32])
{
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    bool done = context != NULL &&
                EVP_MAC_init(context, (const unsigned char *)key.data, key.size, params) == 1;
    for (size_t i = 0; i < count && done; i++)
        done = EVP_MAC_update(context, (const unsigned char *)parts[i].data, parts[i].size) == 1;
    size_t size = 0;
    if (!done || EVP_MAC_final(context, digest_out, &size, 32) != 1)
        abort();
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
}

void tr_random(void *out, size_t size)
{
    char *bytes = out;
    while (size > 0) {
        ssize_t got = getrandom(bytes, size, 0);
        if (got < 0)
            abort();
        bytes += got;
        size -= (size_t)got;
    }
}

void tr_hex(const void *data, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

/* Random bits are drawn a page at a time: a system call per event would be felt. */
static void draw_bits(uint8_t out[10])
{
    static _Thread_local uint8_t pool[4000];
    static _Thread_local size_t left;
    if (left < 10) {
        tr_random(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= 10;
    memcpy(out, pool + left, 10);
}

void tr_uuid7(int64_t wall_us, char out[37])
{
    uint8_t bytes[16];
    uint64_t ms = htobe64((uint64_t)(wall_us / 1000) << 16);
    memcpy(bytes, &ms, 6);
    draw_bits(bytes + 6);
    bytes[6] = (uint8_t)(0x70 | (bytes[6] & 0x0f));
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f));
    char hex[33];
    tr_hex(bytes, 16, hex);
    static const int groups[] = {8, 4, 4, 4, 12};
    const char *from = hex;
    for (int i = 0; i < 5; i++) {
        memcpy(out, from, (size_t)groups[i]);
        out += groups[i];
        from += groups[i];
        *out++ = i < 4 ? '-' : '\0';
    }
}

const char *tr_crypto_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

bool tr_scrypt(struct tr_slice password, struct tr_slice salt, int log_n, int r, int p,
               uint8_t key_out[32])
{
    uint64_t n = UINT64_C(1) << log_n;
    return EVP_PBE_scrypt(password.data, password.size, (const unsigned char *)salt.data, salt.size,
                          n, (uint64_t)r, (uint64_t)p, 256 * (uint64_t)r * n, key_out, 32) == 1;
}

bool tr_equal_in_constant_time(const void *a, const void *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}
