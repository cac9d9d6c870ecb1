/* SPDX-License-Identifier: MIT */
/*
 * People: passwords and tokens. A password is stored as $scrypt$ln=15,r=8,p=1$salt$hash, both in
 * hexadecimal digits, so that what it costs can grow (RFC 7914; the parameters are those that OWASP
 * recommends for 32 MiB).
 */
#include "auth_priv.h"

#include "traction/base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SALT_BYTES = 16, HASH_BYTES = 32, LOG_N = 15, R = 8, P = 3, TOKEN_BYTES = 20 };

static const char *const role_names[] = {[TR_ROLE_NONE] = "none",
                                         [TR_ROLE_VIEWER] = "viewer",
                                         [TR_ROLE_MEMBER] = "member",
                                         [TR_ROLE_OWNER] = "owner"};

const char *tr_auth_role_name(enum tr_role role)
{
    return role_names[role];
}

enum tr_role tr_auth_role_parse(struct tr_slice name)
{
    for (int i = TR_ROLE_VIEWER; i <= TR_ROLE_OWNER; i++)
        if (tr_slice_is(name, role_names[i]))
            return (enum tr_role)i;
    return TR_ROLE_NONE;
}

bool tr_auth_is_email(struct tr_slice email)
{
    const char *at = email.size > 0 ? memchr(email.data, '@', email.size) : NULL;
    if (at == NULL || at == email.data || at == email.data + email.size - 1 || email.size > 254)
        return false;
    for (size_t i = 0; i < email.size; i++)
        if ((unsigned char)email.data[i] <= ' ' || email.data[i] == 0x7f)
            return false;
    return true;
}

int tr_auth_hash_password(struct tr_slice password, char hash_out[TR_PASSWORD_HASH_BYTES],
                          struct tr_error *error)
{
    uint8_t salt[SALT_BYTES];
    uint8_t hash[HASH_BYTES];
    char salt_text[2 * SALT_BYTES + 1];
    char hash_text[2 * HASH_BYTES + 1];
    tr_random(salt, sizeof salt);
    if (!tr_scrypt(password, tr_slice((const char *)salt, sizeof salt), LOG_N, R, P, hash))
        return tr_error_set(error, -ENOMEM, "there is no memory for a password's hash");
    tr_hex(salt, sizeof salt, salt_text);
    tr_hex(hash, sizeof hash, hash_text);
    snprintf(hash_out, TR_PASSWORD_HASH_BYTES, "$scrypt$ln=%d,r=%d,p=%d$%s$%s", LOG_N, R, P,
             salt_text, hash_text);
    return 0;
}

static bool parse_hex(const char *text, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

/* False also for a hash that is none. */
static bool is_password(struct tr_slice password, const char *stored)
{
    int log_n = 0;
    int r = 0;
    int p = 0;
    char salt_text[2 * SALT_BYTES + 1];
    char hash_text[2 * HASH_BYTES + 1];
    uint8_t salt[SALT_BYTES];
    uint8_t hash[HASH_BYTES];
    uint8_t computed[HASH_BYTES];
    if (sscanf(stored, "$scrypt$ln=%d,r=%d,p=%d$%32[0-9a-f]$%64[0-9a-f]", &log_n, &r, &p, salt_text,
               hash_text) != 5 ||
        log_n < 1 || log_n > 20 || r < 1 || r > 16 || p < 1 || p > 16)
        return false;
    return strlen(salt_text) == (size_t)2 * SALT_BYTES &&
           strlen(hash_text) == (size_t)2 * HASH_BYTES && parse_hex(salt_text, salt, sizeof salt) &&
           parse_hex(hash_text, hash, sizeof hash) &&
           tr_scrypt(password, tr_slice((const char *)salt, sizeof salt), log_n, r, p, computed) &&
           tr_equal_in_constant_time(computed, hash, sizeof hash);
}

void tr_auth_take_user(const struct tr_pg_result *row, struct tr_user *user_out)
{
    struct tr_slice email = tr_pg_get_bytes(row, 0, tr_pg_column(row, "email"));
    user_out->id = (int32_t)tr_pg_get_int(row, 0, tr_pg_column(row, "id"));
    user_out->role = tr_auth_role_parse(tr_pg_get_bytes(row, 0, tr_pg_column(row, "role")));
    snprintf(user_out->email, sizeof user_out->email, "%.*s", (int)email.size, email.data);
}

int tr_auth_check_password(struct tr_pg *pg, struct tr_slice email, struct tr_slice password,
                           struct tr_user *user_out, struct tr_error *error)
{
    /* Of nobody: so that an address that is not known takes as long. */
    static const char nobody[] = "$scrypt$ln=15,r=8,p=3$00000000000000000000000000000000$"
                                 "00000000000000000000000000000000"
                                 "00000000000000000000000000000000";
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_text(params, email);
    tr_pg_bind_null(params);
    int result = tr_pg_query(pg, tr_pg_sql("queries/access/user_password"), params, &row, error);
    if (result < 0)
        return result;
    int column = tr_pg_column(row, "password");
    bool known = tr_pg_rows(row) == 1 && !tr_pg_is_null(row, 0, column);
    struct tr_slice stored = known ? tr_pg_get_bytes(row, 0, column) : tr_slice_of(nobody);
    TR_CLEANUP(tr_freep) char *text = tr_strndup(stored.data, stored.size);
    if (!is_password(password, text) || !known)
        return TR_AUTH_UNKNOWN;
    tr_auth_take_user(row, user_out);
    return 0;
}

void tr_auth_make_token(const char *prefix, char token_out[TR_KEY_BYTES], uint8_t digest_out[32])
{
    uint8_t random[TOKEN_BYTES];
    char text[2 * TOKEN_BYTES + 1];
    tr_random(random, sizeof random);
    tr_hex(random, sizeof random, text);
    int size = snprintf(token_out, TR_KEY_BYTES, "%s%s", prefix, text);
    tr_sha256(token_out, (size_t)size, digest_out);
}

int tr_auth_put_owner(struct tr_pg *pg, const char *email, const char *password,
                      struct tr_error *error)
{
    char hash[TR_PASSWORD_HASH_BYTES];
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    int result = tr_auth_hash_password(tr_slice_of(password), hash, error);
    if (result < 0)
        return result;
    tr_pg_bind_text(params, tr_slice_of(email));
    tr_pg_bind_text(params, tr_slice_of(hash));
    return tr_pg_query(pg, tr_pg_sql("queries/access/user_put"), params, &row, error);
}

int tr_auth_make_link(struct tr_pg *pg, const char *email, int seconds,
                      char token_out[TR_KEY_BYTES], struct tr_error *error)
{
    uint8_t digest[TR_DIGEST_BYTES];
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_auth_make_token("tl_", token_out, digest);
    tr_pg_bind_bytea(params, tr_slice((const char *)digest, sizeof digest));
    tr_pg_bind_text(params, tr_slice_of(email));
    tr_pg_bind_float8(params, seconds);
    int result = tr_pg_query(pg, tr_pg_sql("queries/access/link_add"), params, &row, error);
    if (result == 0 && tr_pg_rows(row) == 0)
        return tr_error_set(error, -ENOENT, "there is no user %s", email);
    return result < 0 ? result : 0;
}
