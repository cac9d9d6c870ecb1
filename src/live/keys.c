/* SPDX-License-Identifier: MIT */
/*
 * Counts of texts over a sliding window, in slots of half a minute. At most TR_LIVE_KEYS texts are
 * told apart; a new one then takes the place of the rarest, so that only the tail is inexact.
 */
#include "live_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/hash.h"

#include <stdlib.h>

void tr_live_keys_init(struct keys *keys)
{
    *keys = (struct keys){.list = tr_calloc(TR_LIVE_KEYS, sizeof *keys->list)};
}

void tr_live_keys_fini(struct keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->list[i].text);
    free(keys->list);
}

static void empty_slot(struct keys *keys, size_t slot)
{
    for (size_t i = 0; i < keys->count; i++) {
        keys->list[i].total -= keys->list[i].slots[slot];
        keys->list[i].slots[slot] = 0;
    }
}

void tr_live_keys_advance(struct keys *keys, int64_t now_s)
{
    int64_t slot = now_s / TR_LIVE_SLOT_S;
    if (slot - keys->slot > TR_LIVE_SLOTS)
        keys->slot = slot - TR_LIVE_SLOTS;
    while (keys->slot < slot)
        empty_slot(keys, (size_t)(++keys->slot % TR_LIVE_SLOTS));
}

static struct key *find(const struct keys *keys, struct tr_slice text, uint32_t hash)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct key *key = &keys->list[i];
        if (key->hash == hash && key->size == text.size &&
            memcmp(key->text, text.data, text.size) == 0)
            return key;
    }
    return NULL;
}

static struct key *place_for(struct keys *keys)
{
    if (keys->count < TR_LIVE_KEYS)
        return &keys->list[keys->count++];
    struct key *rarest = keys->list;
    for (size_t i = 1; i < keys->count && rarest->total > 0; i++)
        if (keys->list[i].total < rarest->total)
            rarest = &keys->list[i];
    free(rarest->text);
    return rarest;
}

void tr_live_keys_add(struct keys *keys, struct tr_slice text, int64_t at_s, int64_t n)
{
    int64_t slot = at_s / TR_LIVE_SLOT_S;
    if (slot > keys->slot)
        slot = keys->slot;
    if (slot <= keys->slot - TR_LIVE_SLOTS || n <= 0 || n > UINT32_MAX)
        return;
    uint32_t hash = tr_crc32c(0, text.data, text.size);
    struct key *key = find(keys, text, hash);
    if (key == NULL) {
        key = place_for(keys);
        *key =
            (struct key){.text = tr_strndup(text.data, text.size), .size = text.size, .hash = hash};
    }
    key->slots[slot % TR_LIVE_SLOTS] += (uint32_t)n;
    key->total += n;
}

static bool comes_first(const struct key *a, const struct key *b)
{
    if (a->total != b->total)
        return a->total > b->total;
    size_t size = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->text, b->text, size);
    return order != 0 ? order < 0 : a->size < b->size;
}

size_t tr_live_keys_top(const struct keys *keys, const struct key **out, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        const struct key *key = &keys->list[i];
        if (key->total <= 0 || (count == room && !comes_first(key, out[count - 1])))
            continue;
        size_t at = count < room ? count++ : count - 1;
        for (; at > 0 && comes_first(key, out[at - 1]); at--)
            out[at] = out[at - 1];
        out[at] = key;
    }
    return count;
}
