/* SPDX-License-Identifier: MIT */
/*
 * Active people in bounded memory. Up to TR_LIVE_PEOPLE are kept, which is exact; beyond, only
 * those whose key ends with `level` zero bits, each of whom stands for 2^level. Notes of very large
 * batches hold samples of their own, by the bits at the other end of the key, so that both
 * multiply; who was in several notes counts as in the most complete of them. The sum of what people
 * stand for is then an unbiased estimate (Horvitz and Thompson).
 */
#include "live_priv.h"

#include "traction/base/alloc.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>

enum { SLOTS_FIRST = 256 };

void tr_live_people_init(struct people *people)
{
    *people = (struct people){.capacity = SLOTS_FIRST};
    people->slots = tr_calloc(people->capacity, sizeof *people->slots);
}

void tr_live_people_fini(struct people *people)
{
    free(people->slots);
}

static uint64_t tail_of(const uint8_t key[16])
{
    uint64_t tail;
    memcpy(&tail, key + 8, sizeof tail);
    return be64toh(tail);
}

/* Keys are digests: any of their bits will do, but for those that sampling looks at. */
static size_t home_of(const struct people *people, const uint8_t key[16])
{
    return (size_t)(tail_of(key) >> 24) & (people->capacity - 1);
}

static struct person *slot_of(const struct people *people, const uint8_t key[16])
{
    size_t at = home_of(people, key);
    while (people->slots[at].last_s != 0 && memcmp(people->slots[at].key, key, 16) != 0)
        at = (at + 1) & (people->capacity - 1);
    return &people->slots[at];
}

static bool is_kept(const struct people *people, const uint8_t key[16])
{
    return (tail_of(key) & ((UINT64_C(1) << people->level) - 1)) == 0;
}

bool tr_live_people_knows(const struct people *people, const uint8_t key[16])
{
    return slot_of(people, key)->last_s != 0;
}

/* Puts those seen since into a table of their own. */
static void rebuild(struct people *people, size_t capacity, int32_t since_s)
{
    struct people old = *people;
    people->slots = tr_calloc(capacity, sizeof *people->slots);
    people->capacity = capacity;
    people->used = 0;
    for (size_t i = 0; i < old.capacity; i++) {
        const struct person *person = &old.slots[i];
        if (person->last_s < since_s || person->last_s == 0 || !is_kept(people, person->key))
            continue;
        *slot_of(people, person->key) = *person;
        people->used++;
    }
    free(old.slots);
}

static void make_room(struct people *people)
{
    if (people->used < people->capacity / 2)
        return;
    if (people->used < TR_LIVE_PEOPLE) {
        rebuild(people, people->capacity * 2, 1);
        return;
    }
    people->level++;
    rebuild(people, people->capacity, 1);
}

void tr_live_people_see(struct people *people, const uint8_t key[16], int32_t last_s, int level)
{
    if (!is_kept(people, key) || last_s <= 0)
        return;
    struct person *person = slot_of(people, key);
    if (person->last_s == 0) {
        memcpy(person->key, key, 16);
        person->last_s = last_s;
        person->level = (uint8_t)level;
        people->used++;
        make_room(people);
        return;
    }
    if (last_s > person->last_s)
        person->last_s = last_s;
    if (level < person->level)
        person->level = (uint8_t)level;
}

void tr_live_people_join(struct people *people, const uint8_t from[16], const uint8_t to[16])
{
    struct person *person = slot_of(people, from);
    if (person->last_s == 0 || memcmp(from, to, 16) == 0)
        return;
    struct person copy = *person;
    person->last_s = 1; /* long ago; the slot stays, for those behind it */
    tr_live_people_see(people, to, copy.last_s, copy.level);
}

void tr_live_people_prune(struct people *people, int32_t before_s)
{
    size_t alive = 0;
    for (size_t i = 0; i < people->capacity; i++)
        alive += people->slots[i].last_s >= before_s && people->slots[i].last_s != 0;
    size_t capacity = people->capacity;
    while (capacity > SLOTS_FIRST && alive < capacity / 8)
        capacity /= 2;
    rebuild(people, capacity, before_s);
    if (people->used == 0)
        people->level = 0;
}

struct people_count tr_live_people_count(const struct people *people, int32_t since_s)
{
    double sum = 0;
    double variance = 0;
    for (size_t i = 0; i < people->capacity; i++) {
        const struct person *person = &people->slots[i];
        if (person->last_s < since_s || person->last_s == 0)
            continue;
        double weight = ldexp(1, person->level + people->level);
        sum += weight;
        variance += weight * weight - weight;
    }
    return (struct people_count){sum, sum > 0 ? 2 * sqrt(variance) / sum : 0};
}
