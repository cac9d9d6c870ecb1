/* SPDX-License-Identifier: MIT */
/*
 * Partitions of traction.event, one per UTC day. Made by attaching a table, which does not wait for
 * queries on the others. Which exist is remembered; a partition that somebody dropped shows as a
 * failed batch, whereupon everything is looked at again.
 */
#include "writer_priv.h"

#include "traction/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)
/* Days since 1970 until 2150; timestamps are within a year of the clock. */
enum { DAYS_MAX = 65536 };

struct partitions {
    uint8_t exists[DAYS_MAX / 8];
};

struct partitions *tr_partitions_new(void)
{
    return tr_calloc(1, sizeof(struct partitions));
}

void tr_partitions_free(struct partitions *partitions)
{
    free(partitions);
}

void tr_partitions_clear(struct partitions *partitions)
{
    memset(partitions, 0, sizeof *partitions);
}

static bool exists(const struct partitions *partitions, int64_t day)
{
    return day >= 0 && day < DAYS_MAX && partitions->exists[day / 8] >> (day % 8) & 1;
}

static void note(struct partitions *partitions, int64_t day)
{
    if (day >= 0 && day < DAYS_MAX)
        partitions->exists[day / 8] |= (uint8_t)(1 << (day % 8));
}

void tr_partitions_forget(struct partitions *partitions, int32_t day)
{
    if (day >= 0 && day < DAYS_MAX)
        partitions->exists[day / 8] &= (uint8_t) ~(1 << (day % 8));
}

static int make(struct partitions *partitions, struct tr_pg *pg, int64_t day,
                struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    tr_pg_bind_date(params, (int32_t)day);
    int result = tr_pg_query(pg, tr_pg_sql("queries/writer/make_partition"), params, NULL, error);
    if (result == 0)
        note(partitions, day);
    return result;
}

int tr_partitions_need(struct partitions *partitions, const struct landing *landing,
                       struct tr_error *error)
{
    for (size_t i = 0; i < landing->count; i++) {
        const struct item *item = &landing->items[i];
        int64_t day = item->record.timestamp_us / DAY_US;
        if (item->record.type != TR_RECORD_EVENT || item->duplicate || exists(partitions, day))
            continue;
        int result = make(partitions, landing->pg, day, error);
        if (result < 0)
            return result;
    }
    return 0;
}

int tr_partitions_ahead(struct partitions *partitions, struct tr_pg *pg, int days,
                        struct tr_error *error)
{
    int64_t today = tr_clock_wall_us() / DAY_US;
    for (int64_t day = today - 1; day <= today + days; day++) {
        if (exists(partitions, day))
            continue;
        int result = make(partitions, pg, day, error);
        if (result < 0)
            return result;
    }
    return 0;
}
