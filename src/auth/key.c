/* SPDX-License-Identifier: MIT */
/*
 * Making keys: prefix, 32 random characters of [0-9a-z] (165 bits), 6 characters of checksum, the
 * CRC-32C of all before in base 36, by which a scanner for leaked secrets knows one for real.
 */
#include "auth_priv.h"

#include "traction/base/hash.h"

#include <errno.h>

enum { RANDOM_CHARACTERS = 32, CHECKSUM_CHARACTERS = 6, HINT_CHARACTERS = 9 };

static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";
static const char *const prefixes[] = {
    [TR_SCOPE_WRITE] = "tw_", [TR_SCOPE_READ] = "tr_", [TR_SCOPE_ADMIN] = "ta_"};

static char random_character(void)
{
    uint8_t byte;
    do
        tr_random(&byte, 1);
    while (byte >= 36 * 7); /* so that each character is as likely as any other */
    return alphabet[byte % 36];
}

static void make_key(enum tr_scope scope, char key_out[TR_KEY_BYTES])
{
    size_t size = strlen(prefixes[scope]);
    memcpy(key_out, prefixes[scope], size);
    for (int i = 0; i < RANDOM_CHARACTERS; i++)
        key_out[size++] = random_character();
    uint32_t checksum = tr_crc32c(0, key_out, size);
    for (int i = 0; i < CHECKSUM_CHARACTERS; i++, checksum /= 36)
        key_out[size++] = alphabet[checksum % 36];
    key_out[size] = '\0';
}

int tr_auth_create_key(struct tr_pg *pg, int32_t project_id, enum tr_scope scope,
                       char key_out[TR_KEY_BYTES], struct tr_error *error)
{
    char key[TR_KEY_BYTES];
    uint8_t digest[TR_DIGEST_BYTES];
    make_key(scope, key);
    tr_sha256(key, strlen(key), digest);
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *made = NULL;
    tr_pg_bind_bytea(params, tr_slice((const char *)digest, sizeof digest));
    tr_pg_bind_int4(params, project_id);
    tr_pg_bind_text(params, tr_slice_of(tr_auth_scope_name(scope)));
    tr_pg_bind_text(params, tr_slice(key, HINT_CHARACTERS));
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/key_add"), params, &made, error);
    if (result < 0)
        return result;
    if (tr_pg_rows(made) != 1)
        return tr_error_set(error, -ENOENT, "there is no project number %d", (int)project_id);
    memcpy(key_out, key, sizeof key);
    return 0;
}
