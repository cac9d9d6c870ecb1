/* SPDX-License-Identifier: MIT */
/* What outlives a request: options, rates, the day's salt; and the table of all routes. */
#include "intake_priv.h"

#include "traction/base/clock.h"
#include "traction/base/file.h"
#include "traction/base/hash.h"
#include "traction/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTES_MAX = 128, SALT_FILE_BYTES = 8 + SALT_BYTES };
#define DAY_US (INT64_C(86400) * 1000000)

void tr_intake_options_init(struct tr_intake_options *options)
{
    *options = (struct tr_intake_options){.ack = TR_INTAKE_ACK_DISK, .commit_timeout_ms = 10000};
    tr_event_limits_init(&options->limits);
}

static void free_intake(struct tr_intake *intake)
{
    pthread_mutex_destroy(&intake->salt_lock);
    free(intake->salt_path);
    free(intake);
}

int tr_intake_new(struct tr_intake **intake_out, const struct tr_intake_options *options,
                  struct tr_error *error)
{
    struct tr_intake *intake = tr_calloc(1, sizeof *intake);
    intake->options = *options;
    intake->salt_day = -1;
    intake->salt_path = options->salt_path != NULL ? tr_strdup(options->salt_path) : NULL;
    pthread_mutex_init(&intake->salt_lock, NULL);
    int result = tr_intake_enrich_init(intake, error);
    if (result < 0) {
        free_intake(intake);
        return result;
    }
    *intake_out = intake;
    return 0;
}

void tr_intake_free(struct tr_intake *intake)
{
    if (intake == NULL)
        return;
    tr_intake_enrich_fini(intake);
    free_intake(intake);
}

/* The salt of visitors without any identity. A new one every day; the old one is overwritten, and
 * with it the only way to tell that two days' visitors were one. */
static void renew_salt(struct tr_intake *intake, int64_t day)
{
    char *data = NULL;
    size_t size = 0;
    int64_t kept_day = -1;
    bool kept = intake->salt_path != NULL &&
                tr_file_read_all(intake->salt_path, SALT_FILE_BYTES, &data, &size, NULL) == 0 &&
                size == SALT_FILE_BYTES && data != NULL;
    if (kept)
        memcpy(&kept_day, data, 8);
    if (kept && kept_day == day) {
        memcpy(intake->salt, data + 8, SALT_BYTES);
    } else {
        tr_random(intake->salt, SALT_BYTES);
        char file[SALT_FILE_BYTES];
        memcpy(file, &day, 8);
        memcpy(file + 8, intake->salt, SALT_BYTES);
        struct tr_error error = TR_ERROR_INIT;
        if (intake->salt_path != NULL &&
            tr_file_replace(intake->salt_path, file, sizeof file, 0600, &error) < 0)
            tr_log(TR_LOG_WARNING, "intake: %s", error.message);
    }
    free(data);
    intake->salt_day = day;
}

void tr_intake_salt(struct tr_intake *intake, int64_t now_us, uint8_t salt_out[SALT_BYTES])
{
    pthread_mutex_lock(&intake->salt_lock);
    if (intake->salt_day != now_us / DAY_US)
        renew_salt(intake, now_us / DAY_US);
    memcpy(salt_out, intake->salt, SALT_BYTES);
    pthread_mutex_unlock(&intake->salt_lock);
}

bool tr_intake_take_rate(struct tr_intake *intake, const struct tr_key *key, size_t events)
{
    if (intake->options.events_per_second <= 0)
        return true;
    _Atomic uint64_t *slot = &intake->rates[key->number % RATE_SLOTS];
    uint64_t second = (uint64_t)(tr_clock_mono_us() / 1000000) & UINT32_MAX;
    uint64_t before = atomic_load(slot);
    uint64_t after = 0;
    do {
        uint64_t used = before >> 32 == second ? before & UINT32_MAX : 0;
        if (used > 0 && used + events > (uint64_t)intake->options.events_per_second)
            return false;
        after = second << 32 | (used + events);
    } while (!atomic_compare_exchange_weak(slot, &before, after));
    return true;
}

static struct tr_http_route routes[ROUTES_MAX];
static size_t route_count;
static pthread_once_t routes_once = PTHREAD_ONCE_INIT;

static void add_routes(const struct tr_http_route *table, size_t count)
{
    if (count > ROUTES_MAX - route_count)
        abort();
    memcpy(routes + route_count, table, count * sizeof *table);
    route_count += count;
}

static void join_routes(void)
{
    add_routes(tr_events_routes, tr_events_route_count);
    add_routes(tr_pixel_routes, tr_pixel_route_count);
    add_routes(tr_segment_routes, tr_segment_route_count);
}

const struct tr_http_route *tr_intake_routes(size_t *count_out)
{
    pthread_once(&routes_once, join_routes);
    *count_out = route_count;
    return routes;
}
