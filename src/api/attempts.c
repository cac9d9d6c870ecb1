/* SPDX-License-Identifier: MIT */
/*
 * Failures to sign in are counted for a quarter of an hour: for an address of the network and a
 * user together, for the network's address alone and, more generously so that nobody can be locked
 * out easily, for the user alone. In memory, a fixed number of places; the oldest gives way.
 */
#include "api_priv.h"

#include "traction/base/clock.h"
#include "traction/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_US (INT64_C(15) * 60 * 1000000)

enum { PLACES = 4096, KINDS = 3 };

struct place {
    uint8_t who[16];
    int64_t since_us; /* monotonic */
    int count;
};

struct attempts {
    pthread_mutex_t lock;
    int limit;
    struct place places[PLACES];
};

struct attempts *tr_attempts_new(int limit)
{
    struct attempts *attempts = tr_calloc(1, sizeof *attempts);
    pthread_mutex_init(&attempts->lock, NULL);
    attempts->limit = limit;
    return attempts;
}

void tr_attempts_free(struct attempts *attempts)
{
    if (attempts == NULL)
        return;
    pthread_mutex_destroy(&attempts->lock);
    free(attempts);
}

static void name_kind(int kind, const char *email, const char *client, uint8_t who_out[16])
{
    static const char *const kinds[KINDS] = {"both", "address", "user"};
    const struct tr_slice parts[] = {tr_slice_of(kinds[kind]), tr_slice_of(kind == 1 ? "" : email),
                                     tr_slice_of(kind == 2 ? "" : client)};
    tr_digest128(parts, 3, who_out);
}

/* Its place, or the one that it may have. */
static struct place *find_place(struct attempts *attempts, const uint8_t who[16], int64_t now_us)
{
    struct place *oldest = &attempts->places[0];
    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &attempts->places[i];
        if (memcmp(place->who, who, sizeof place->who) == 0) {
            if (now_us - place->since_us > WINDOW_US)
                place->count = 0;
            return place;
        }
        if (place->since_us < oldest->since_us)
            oldest = place;
    }
    memcpy(oldest->who, who, sizeof oldest->who);
    oldest->count = 0;
    return oldest;
}

static bool count(struct attempts *attempts, const char *email, const char *client, int step)
{
    static const int factors[KINDS] = {1, 3, 10};
    int64_t now_us = tr_clock_mono_us();
    bool allowed = true;
    pthread_mutex_lock(&attempts->lock);
    for (int kind = 0; kind < KINDS; kind++) {
        uint8_t who[16];
        name_kind(kind, email, client, who);
        struct place *place = find_place(attempts, who, now_us);
        if (place->count == 0)
            place->since_us = now_us;
        place->count += step;
        allowed = allowed && place->count < factors[kind] * attempts->limit;
    }
    pthread_mutex_unlock(&attempts->lock);
    return allowed;
}

bool tr_attempts_allowed(struct attempts *attempts, const char *email, const char *client)
{
    return count(attempts, email, client, 0);
}

void tr_attempts_failed(struct attempts *attempts, const char *email, const char *client)
{
    count(attempts, email, client, 1);
}
