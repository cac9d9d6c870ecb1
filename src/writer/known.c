/* SPDX-License-Identifier: MIT */
/* A direct-mapped cache with exact keys: a collision forgets, it never lies. */
#include "writer_priv.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    uint8_t key[KNOWN_KEY_BYTES];
    int64_t value;
    bool used;
};

struct known {
    size_t slots; /* a power of two */
    struct slot *table;
};

struct known *tr_known_new(size_t slots)
{
    struct known *known = tr_calloc(1, sizeof *known);
    known->slots = slots;
    known->table = tr_calloc(slots, sizeof *known->table);
    return known;
}

void tr_known_free(struct known *known)
{
    if (known == NULL)
        return;
    free(known->table);
    free(known);
}

void tr_known_clear(struct known *known)
{
    memset(known->table, 0, known->slots * sizeof *known->table);
}

/* The first 16 bytes of a key are a digest; the rest tells sets and days apart. */
static struct slot *slot_of(const struct known *known, const uint8_t *key)
{
    uint64_t digest;
    uint64_t rest;
    memcpy(&digest, key, sizeof digest);
    memcpy(&rest, key + 16, sizeof rest);
    uint64_t mixed = (digest ^ rest * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
    return &known->table[(mixed >> 32) & (known->slots - 1)];
}

int64_t tr_known_get(const struct known *known, const uint8_t key[KNOWN_KEY_BYTES], int64_t missing)
{
    const struct slot *slot = slot_of(known, key);
    return slot->used && memcmp(slot->key, key, KNOWN_KEY_BYTES) == 0 ? slot->value : missing;
}

void tr_known_set(struct known *known, const uint8_t key[KNOWN_KEY_BYTES], int64_t value)
{
    struct slot *slot = slot_of(known, key);
    memcpy(slot->key, key, KNOWN_KEY_BYTES);
    slot->value = value;
    slot->used = true;
}
