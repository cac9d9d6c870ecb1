/* SPDX-License-Identifier: MIT */
/*
 * Landing a batch:
 *
 *   1  mark the duplicates that are known
 *   2  make missing partitions                     (on their own)
 *   3  find out whose the items are, and in which sessions
 *   4  begin; copy the rows
 *   5  lock the head of the id log; read what other servers committed meanwhile; if one of our ids
 *      is among it, roll back and begin again; if there was anything, repeat 3
 *   6  note our ids; add rollups, ledger, rejects; move the position; commit
 *
 * 5 comes after 4 so that servers copy side by side and take turns only for the rest.
 */
#include "writer_loop.h"

#include "traction/base/log.h"
#include "traction/metrics.h"

#include <errno.h>
#include <inttypes.h>

enum { CONFLICT = 1, PARTITION_TRIES = 3 };

static bool has_known_id(struct tr_writer *writer, const struct landing *landing, int *result,
                         struct tr_error *error)
{
    for (size_t i = 0; i < landing->count && *result == 0; i++) {
        const struct item *item = &landing->items[i];
        if (item->record.type != TR_RECORD_EVENT || item->duplicate || !item->record.has_client_id)
            continue;
        int known = tr_id_index_contains(writer->ids, item->record.id_digest, error);
        if (known > 0)
            return true;
        *result = known;
    }
    return false;
}

static int64_t newest_received(const struct landing *landing)
{
    int64_t newest_us = INT64_MIN;
    for (size_t i = 0; i < landing->count; i++)
        if (landing->items[i].record.received_us > newest_us)
            newest_us = landing->items[i].record.received_us;
    return newest_us;
}

/* Whoever was erased is not known any more. */
static void forget_erased(struct tr_writer *writer, int64_t erasures)
{
    if (writer->erasures >= 0 && writer->erasures != erasures) {
        tr_members_clear(writer->members);
        tr_people_clear(writer->people);
    }
    writer->erasures = erasures;
}

/* Takes our turn; CONFLICT when another server committed one of our ids since we last looked.
 * *others_out: somebody committed something. */
static int take_turn(struct tr_writer *writer, struct landing *landing, int64_t *run_out,
                     bool *others_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *locked = NULL;
    tr_pg_params_clear(landing->params);
    tr_pg_bind_timestamptz(landing->params, newest_received(landing));
    int result = tr_pg_query(writer->pg, tr_pg_sql("queries/writer/lock_head"), landing->params,
                             &locked, error);
    if (result < 0)
        return result;
    int64_t run = tr_pg_get_int(locked, 0, 0);
    *run_out = run;
    *others_out = run != writer->last_run + 1;
    forget_erased(writer, tr_pg_get_int(locked, 0, 2));
    if (!*others_out)
        return 0;
    writer->newest_us = tr_pg_get_timestamptz(locked, 0, 1);
    result = tr_writer_catch_up(writer, run - 1, 0, error);
    if (result == 0 && has_known_id(writer, landing, &result, error))
        result = CONFLICT;
    return result;
}

/* The digests of what is stored, and when they were received. */
struct own_ids {
    struct tr_buf digests;
    int64_t received_from_us;
    int64_t received_to_us;
};

static void gather_ids(const struct landing *landing, struct own_ids *own)
{
    own->received_from_us = INT64_MAX;
    own->received_to_us = INT64_MIN;
    for (size_t i = 0; i < landing->count; i++) {
        const struct tr_record *record = &landing->items[i].record;
        if (record->type != TR_RECORD_EVENT || landing->items[i].duplicate ||
            !record->has_client_id)
            continue;
        tr_buf_append(&own->digests, record->id_digest, 16);
        if (record->received_us < own->received_from_us)
            own->received_from_us = record->received_us;
        if (record->received_us > own->received_to_us)
            own->received_to_us = record->received_us;
    }
}

static int note_ids(struct landing *landing, const struct own_ids *own, int64_t run,
                    struct tr_error *error)
{
    if (own->digests.size == 0)
        return 0;
    tr_pg_params_clear(landing->params);
    tr_pg_bind_int8(landing->params, run);
    tr_pg_bind_int4(landing->params, landing->server_id);
    tr_pg_bind_timestamptz(landing->params, own->received_from_us);
    tr_pg_bind_timestamptz(landing->params, own->received_to_us);
    tr_pg_bind_bytea(landing->params, tr_buf_slice(&own->digests));
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/add_ids"), landing->params, NULL,
                       error);
}

/* What the items change in the rollups. */
struct rollups {
    struct counts *counts;
    struct sketches *sketches;
    struct sessions *sessions;
    struct subscriptions *subscriptions;
    struct notes *notes;
};

/* Whose the items are, and in which sessions. */
static int resolve(struct tr_writer *writer, struct landing *landing, struct tr_error *error)
{
    int result = tr_aliases_resolve(writer->aliases, landing, writer->newest_us, error);
    if (result == 0)
        result = tr_visits_resolve(&writer->visits, landing, error);
    return result;
}

static void gather_rollups(struct tr_writer *writer, struct landing *landing,
                           struct rollups *rollups)
{
    rollups->counts = tr_counts_new(landing->arena);
    tr_counts_add_items(rollups->counts, landing);
    rollups->sketches = tr_sketches_gather(landing);
    rollups->sessions = tr_sessions_gather(landing, writer->visits);
    rollups->subscriptions = tr_subscriptions_gather(landing);
    tr_members_gather(writer->members, landing);
    tr_people_gather(writer->people, landing);
    rollups->notes = tr_notes_gather(landing);
}

static int store_rollups(struct tr_writer *writer, struct landing *landing,
                         const struct rollups *rollups, struct tr_error *error)
{
    int result = tr_aliases_store(writer->aliases, landing, error);
    if (result == 0)
        result = tr_visits_store(writer->visits, landing, error);
    if (result == 0)
        result = tr_members_store(writer->members, landing, error);
    if (result == 0)
        result =
            tr_people_store(writer->people, landing, rollups->counts, writer->calendars, error);
    if (result == 0)
        result = tr_sessions_store(rollups->sessions, error);
    if (result == 0)
        result = tr_subscriptions_store(rollups->subscriptions, landing, error);
    if (result == 0)
        result = tr_sketches_store(rollups->sketches, landing, error);
    if (result == 0)
        result = tr_counts_store(rollups->counts, landing, error);
    return result;
}

static int move_position(const struct tr_writer *writer, struct landing *landing,
                         struct tr_error *error)
{
    const struct item *last = &landing->items[landing->count - 1];
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    tr_pg_params_clear(landing->params);
    tr_pg_bind_int4(landing->params, landing->server_id);
    tr_pg_bind_int8(landing->params, (int64_t)writer->position);
    tr_pg_bind_int8(landing->params, (int64_t)last->end);
    tr_pg_bind_timestamptz(landing->params, last->record.received_us);
    int code = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/move_position"), landing->params,
                           &result, error);
    if (code == 0 && tr_pg_affected(result) != 1) {
        code = tr_error_set(error, -EBUSY, "another process lands this spool's events");
        tr_error_hint(error, "A copied data folder must not run beside its original.");
    }
    return code;
}

static int transact(struct tr_writer *writer, struct landing *landing, struct own_ids *own,
                    int64_t *run_out, struct tr_error *error)
{
    struct rollups rollups;
    int result = tr_pg_execute(writer->pg, "begin", error);
    if (result < 0)
        return result;
    /* Two cores: PostgreSQL takes the rows while the rollups are gathered here. */
    tr_helper_start(writer->copier, tr_copy_rows, landing);
    gather_rollups(writer, landing, &rollups);
    result = tr_helper_finish(writer->copier, error);
    bool others = false;
    if (result == 0)
        result = take_turn(writer, landing, run_out, &others, error);
    if (result == 0 && others) {
        tr_aliases_clear(writer->aliases);
        result = resolve(writer, landing, error);
        if (result == 0)
            gather_rollups(writer, landing, &rollups);
    }
    if (result != 0)
        return result;
    gather_ids(landing, own);
    result = note_ids(landing, own, *run_out, error);
    if (result == 0)
        result = store_rollups(writer, landing, &rollups, error);
    if (result == 0)
        result = tr_notes_store(rollups.notes, landing, *run_out, error);
    if (result == 0)
        result = tr_ledger_store(landing, error);
    if (result == 0)
        result = tr_rejects_store(landing, error);
    if (result == 0)
        result = tr_retention_note_late(writer, landing, error);
    if (result == 0)
        result = move_position(writer, landing, error);
    if (result == 0)
        result = tr_pg_execute(writer->pg, "commit", error);
    return result;
}

static void count_outcomes(const struct landing *landing)
{
    uint64_t stored = 0;
    uint64_t duplicates = 0;
    for (size_t i = 0; i < landing->count; i++) {
        if (landing->items[i].record.type != TR_RECORD_EVENT)
            continue;
        duplicates += landing->items[i].duplicate;
        stored += !landing->items[i].duplicate;
    }
    tr_metric_add(TR_METRIC_EVENTS_STORED, stored);
    tr_metric_add(TR_METRIC_EVENTS_DUPLICATE, duplicates);
    tr_metric_add(TR_METRIC_WRITER_BATCHES, 1);
}

static void after_commit(struct tr_writer *writer, const struct landing *landing,
                         const struct own_ids *own, int64_t run)
{
    tr_id_index_add(writer->ids, (const uint8_t *)own->digests.data, own->digests.size / 16,
                    own->received_to_us);
    writer->last_run = run;
    int64_t newest_us = newest_received(landing);
    if (newest_us > writer->newest_us)
        writer->newest_us = newest_us;
    writer->position = landing->items[landing->count - 1].end;
    tr_members_committed(writer->members);
    tr_people_committed(writer->people);
    tr_aliases_committed(writer->aliases);
    tr_spool_landed(writer->options.spool, writer->position);
    tr_tickets_committed(&writer->tickets, landing->items, landing->count);
    count_outcomes(landing);
}

static void after_failure(struct tr_writer *writer)
{
    tr_members_rolled_back(writer->members);
    tr_people_rolled_back(writer->people);
    tr_aliases_rolled_back(writer->aliases);
    tr_metric_add(TR_METRIC_WRITER_RETRIES, 1);
    if (!tr_pg_is_broken(writer->pg))
        tr_pg_execute(writer->pg, "rollback", NULL);
}

static int attempt(struct tr_writer *writer, struct item *items, size_t count,
                   enum tr_pg_error_class *class_out, char sqlstate_out[6], struct tr_error *error)
{
    tr_arena_reset(writer->attempt_arena);
    struct landing landing = {
        .pg = writer->pg,
        .params = writer->params,
        .arena = writer->attempt_arena,
        .items = items,
        .count = count,
        .server_id = writer->server_id,
    };
    struct own_ids own = {0};
    tr_buf_init(&own.digests, count * 16 + 16);
    int64_t run = 0;
    *class_out = TR_PG_WAIT;
    int result = tr_items_mark_duplicates(items, count, writer->ids, writer->attempt_arena, error);
    if (result == 0)
        result = tr_calendars_date(writer->calendars, &landing, error);
    if (result == 0)
        result = tr_partitions_need(writer->partitions, &landing, error);
    if (result == 0)
        result = resolve(writer, &landing, error);
    if (result == 0)
        result = transact(writer, &landing, &own, &run, error);
    if (result == 0) {
        after_commit(writer, &landing, &own, run);
    } else {
        if (result < 0 && result != -EBUSY)
            *class_out = tr_pg_error_class(writer->pg);
        memcpy(sqlstate_out, tr_pg_sqlstate(writer->pg), 6);
        after_failure(writer);
    }
    tr_buf_fini(&own.digests);
    return result;
}

int tr_writer_land(struct tr_writer *writer, struct item *items, size_t count,
                   struct tr_error *error)
{
    for (int partition_tries = 0;;) {
        enum tr_pg_error_class class = TR_PG_WAIT;
        char sqlstate[6];
        int result = attempt(writer, items, count, &class, sqlstate, error);
        if (result == 0)
            return 0;
        if (result == CONFLICT)
            continue;
        if (class == TR_PG_NO_PARTITION && partition_tries++ < PARTITION_TRIES) {
            tr_partitions_clear(writer->partitions);
            continue;
        }
        if (class != TR_PG_DATA || (count == 1 && items->record.type == TR_RECORD_REJECT))
            return result;
        if (count == 1) {
            tr_log(TR_LOG_ERROR, "writer: an event is set aside: %s", error->message);
            tr_item_quarantine(items, sqlstate, error->message, writer->batch->arena);
            tr_metric_add(TR_METRIC_EVENTS_QUARANTINED, 1);
            continue;
        }
        result = tr_writer_land(writer, items, count / 2, error);
        if (result < 0)
            return result;
        items += count / 2;
        count -= count / 2;
    }
}
