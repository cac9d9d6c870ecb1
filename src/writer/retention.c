/* SPDX-License-Identifier: MIT */
/*
 * Retention: events older than their project keeps them go, by whole UTC days. A day that no
 * project keeps is dropped as a partition. Days that only some keep are listed (expired_day), and
 * their rows deleted a few megabytes at a time, between batches. Rollups stay.
 *
 * What lands late, on a day that has expired already, puts its day on the list again. Both the
 * bounds and that note are written under the lock of the head, so no event falls in between.
 *
 * Nothing here is worth a batch: what fails for another reason than a lost connection is told, and
 * tried again later.
 */
#include "writer_loop.h"

#include "traction/base/clock.h"
#include "traction/base/log.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)
#define SECOND_US INT64_C(1000000)

enum {
    PIECE_BLOCKS = 1024, /* 8 MiB */
    MORE_S = 1,
    NO_MORE_S = 60,
};

static const char begin_short[] = "begin; set local lock_timeout = '500ms'";

static int ask(struct tr_writer *writer, const char *query, struct tr_pg_result **result_out,
               struct tr_error *error)
{
    tr_pg_params_clear(writer->params);
    tr_pg_bind_timestamptz(writer->params, tr_clock_wall_us());
    return tr_pg_query(writer->pg, tr_pg_sql(query), writer->params, result_out, error);
}

static int move_bounds(struct tr_writer *writer, bool *more_out, struct tr_error *error)
{
    (void)more_out;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *moves = NULL;
    int result = ask(writer, "queries/writer/retention_moves", &moves, error);
    if (result < 0 || !tr_pg_get_bool(moves, 0, 0))
        return result;
    result = tr_pg_execute(writer->pg, begin_short, error);
    if (result == 0)
        result =
            tr_pg_query(writer->pg, tr_pg_sql("queries/writer/lock_head_only"), NULL, NULL, error);
    if (result == 0)
        result = ask(writer, "queries/writer/expire_days", NULL, error);
    return result < 0 ? result : tr_pg_execute(writer->pg, "commit", error);
}

static int drop_partition(struct tr_writer *writer, bool *more_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *dropped = NULL;
    int result = ask(writer, "queries/writer/drop_partition", &dropped, error);
    if (result < 0 || tr_pg_is_null(dropped, 0, 0))
        return result;
    tr_partitions_forget(writer->partitions, tr_pg_get_date(dropped, 0, 0));
    *more_out = true;
    return 0;
}

/* What next_expired.sql answers. */
struct piece {
    int32_t project_id;
    int32_t day;
    int64_t block;
    int64_t blocks;
};

static int delete_piece(struct tr_writer *writer, const struct piece *piece, struct tr_error *error)
{
    struct tr_pg_params *params = writer->params;
    tr_pg_params_clear(params);
    tr_pg_bind_int4(params, piece->project_id);
    tr_pg_bind_date(params, piece->day);
    tr_pg_bind_int8(params, piece->block);
    tr_pg_bind_int8(params, piece->block + PIECE_BLOCKS);
    int result =
        tr_pg_query(writer->pg, tr_pg_sql("queries/writer/delete_expired"), params, NULL, error);
    if (result < 0)
        return result;
    tr_pg_params_clear(params);
    tr_pg_bind_int4(params, piece->project_id);
    tr_pg_bind_date(params, piece->day);
    tr_pg_bind_int8(params, piece->block + PIECE_BLOCKS);
    tr_pg_bind_int8(params, piece->blocks);
    return tr_pg_query(writer->pg, tr_pg_sql("queries/writer/note_expired"), params, NULL, error);
}

static int sweep(struct tr_writer *writer, bool *more_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *next = NULL;
    int result = tr_pg_execute(writer->pg, begin_short, error);
    if (result == 0)
        result = ask(writer, "queries/writer/next_expired", &next, error);
    if (result == 0 && tr_pg_rows(next) > 0) {
        const struct piece piece = {
            .project_id = (int32_t)tr_pg_get_int(next, 0, 0),
            .day = tr_pg_get_date(next, 0, 1),
            .block = tr_pg_get_int(next, 0, 2),
            .blocks = tr_pg_get_int(next, 0, 3),
        };
        *more_out = true;
        result = delete_piece(writer, &piece, error);
    }
    return result < 0 ? result : tr_pg_execute(writer->pg, "commit", error);
}

static void complain(struct tr_writer *writer, const struct tr_error *error)
{
    bool locked = strcmp(tr_pg_sqlstate(writer->pg), "55P03") == 0; /* passes by itself */
    if (!locked && !writer->retention_failed)
        tr_log(TR_LOG_WARNING, "writer: events beyond their retention stay for now: %s",
               error->message);
    writer->retention_failed = writer->retention_failed || !locked;
}

int tr_retention_step(struct tr_writer *writer, struct tr_error *error)
{
    static int (*const parts[])(struct tr_writer *, bool *,
                                struct tr_error *) = {move_bounds, drop_partition, sweep};
    bool more = false;
    bool failed = false;
    if (tr_clock_mono_us() < writer->retention_us)
        return 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int result = parts[i](writer, &more, error);
        if (result == 0)
            continue;
        if (tr_pg_is_broken(writer->pg))
            return result;
        failed = true;
        complain(writer, error);
        result = tr_pg_execute(writer->pg, "rollback", error);
        if (result < 0)
            return result;
    }
    writer->retention_failed = writer->retention_failed && failed;
    writer->retention_us = tr_clock_mono_us() + (more ? MORE_S : NO_MORE_S) * SECOND_US;
    return 0;
}

/* What lands late -------------------------------------------------------------------------------
 */

/* Projects and days, each pair once: a table with open addressing, twice as large as needed. */
struct pairs {
    uint64_t *slots; /* 0: free */
    size_t mask;
    size_t count;
};

static void add_pair(struct pairs *pairs, int32_t project_id, int32_t day)
{
    uint64_t pair = (uint64_t)(uint32_t)project_id << 32 | (uint32_t)day;
    size_t at = (size_t)(pair * 0x9e3779b97f4a7c15u >> 32) & pairs->mask;
    while (pairs->slots[at] != 0 && pairs->slots[at] != pair)
        at = (at + 1) & pairs->mask;
    pairs->count += pairs->slots[at] == 0;
    pairs->slots[at] = pair;
}

static void gather_late(const struct landing *landing, struct pairs *pairs)
{
    /* The youngest day that can have expired ended a day ago; clocks may differ by some hours. */
    int64_t before_us = tr_clock_wall_us() - DAY_US / 2;
    size_t size = 2;
    while (size < landing->count * 2)
        size *= 2;
    pairs->mask = size - 1;
    for (size_t i = 0; i < landing->count; i++) {
        const struct item *item = &landing->items[i];
        if (item->record.type != TR_RECORD_EVENT || item->duplicate ||
            item->record.timestamp_us >= before_us)
            continue;
        if (pairs->slots == NULL)
            pairs->slots = tr_arena_calloc(landing->arena, size * sizeof *pairs->slots);
        add_pair(pairs, item->record.project_id, (int32_t)(item->record.timestamp_us / DAY_US));
    }
}

int tr_retention_note_late(struct tr_writer *writer, const struct landing *landing,
                           struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *noted = NULL;
    struct pairs pairs = {.count = 0};
    gather_late(landing, &pairs);
    if (pairs.count == 0)
        return 0;
    tr_pg_params_clear(landing->params);
    tr_pg_array_begin(landing->params, TR_PG_INT4);
    for (size_t i = 0; i <= pairs.mask; i++)
        if (pairs.slots[i] != 0)
            tr_pg_array_int(landing->params, (int32_t)(pairs.slots[i] >> 32));
    tr_pg_array_end(landing->params);
    tr_pg_array_begin(landing->params, TR_PG_DATE);
    for (size_t i = 0; i <= pairs.mask; i++)
        if (pairs.slots[i] != 0)
            tr_pg_array_int(landing->params, (int32_t)pairs.slots[i]);
    tr_pg_array_end(landing->params);
    int result = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/late_events"), landing->params,
                             &noted, error);
    if (result == 0 && tr_pg_affected(noted) > 0)
        writer->retention_us = 0;
    return result;
}
