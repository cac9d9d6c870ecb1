/* SPDX-License-Identifier: MIT */
/*
 * Connecting. Nothing remembered about the database survives a lost connection: what has landed,
 * and which ids are known, is read again. So an interrupted COMMIT needs no guess, and a failover
 * that lost its last commits is refilled from where its own position row stands.
 */
#include "writer_loop.h"

#include "traction/base/clock.h"
#include "traction/base/log.h"

#include <errno.h>
#include <inttypes.h>

enum { STATEMENT_TIMEOUT_MS = 60000, REJECTS_KEPT = 100000, IDS_PAGE = 64, ADVANCE_WAIT_MS = 50 };

void tr_writer_disconnect(struct tr_writer *writer)
{
    tr_pg_close(writer->pg);
    writer->pg = NULL;
    tr_batches_abandon(writer);
    tr_spool_reader_close(writer->reader);
    writer->reader = NULL;
}

static void forget_database(struct tr_writer *writer)
{
    tr_id_index_clear(writer->ids);
    tr_calendars_clear(writer->calendars);
    tr_partitions_clear(writer->partitions);
    tr_members_clear(writer->members);
    tr_people_clear(writer->people);
    writer->erasures = -1;
    tr_aliases_clear(writer->aliases);
    writer->last_run = 0;
}

static int open_position(struct tr_writer *writer, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    tr_pg_params_clear(writer->params);
    tr_pg_bind_uuid(writer->params, tr_spool_uuid(writer->options.spool));
    int code = tr_pg_query(writer->pg, tr_pg_sql("queries/writer/open_position"), writer->params,
                           &result, error);
    if (code < 0)
        return code;
    writer->server_id = (int)tr_pg_get_int(result, 0, 0);
    writer->position = (uint64_t)tr_pg_get_int(result, 0, 1);
    return 0;
}

/* The spool lost bytes that had landed (files were deleted): it goes on after them. */
static void advance_spool(struct tr_writer *writer)
{
    struct tr_spool_state state;
    tr_spool_get_state(writer->options.spool, &state);
    if (state.durable >= writer->position)
        return;
    tr_log(TR_LOG_WARNING,
           "writer: the spool ends at %" PRIu64 ", but %" PRIu64 " has landed; "
           "going on from there",
           state.durable, writer->position);
    tr_spool_advance(writer->options.spool, writer->position);
    tr_spool_wait(writer->options.spool, writer->position - 1, ADVANCE_WAIT_MS);
}

static int read_page(struct tr_writer *writer, int64_t run, int64_t since_us, int *rows_out,
                     struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    tr_pg_params_clear(writer->params);
    tr_pg_bind_int8(writer->params, writer->last_run);
    tr_pg_bind_int8(writer->params, run);
    tr_pg_bind_timestamptz(writer->params, since_us);
    int code = tr_pg_query(writer->pg, tr_pg_sql("queries/writer/read_ids"), writer->params,
                           &result, error);
    if (code < 0)
        return code;
    int rows = tr_pg_rows(result);
    for (int row = 0; row < rows; row++) {
        struct tr_slice ids = tr_pg_get_bytes(result, row, 2);
        tr_id_index_add(writer->ids, (const uint8_t *)ids.data, ids.size / 16,
                        tr_pg_get_timestamptz(result, row, 1));
        writer->last_run = tr_pg_get_int(result, row, 0);
    }
    *rows_out = rows;
    return 0;
}

int tr_writer_catch_up(struct tr_writer *writer, int64_t run, int64_t since_us,
                       struct tr_error *error)
{
    int rows = IDS_PAGE;
    while (rows == IDS_PAGE) {
        int result = read_page(writer, run, since_us, &rows, error);
        if (result < 0)
            return result;
    }
    writer->last_run = run;
    return 0;
}

/* Forgets what lies outside the dedupe window; *since_out is where it begins. */
static int prune_ids(struct tr_writer *writer, int64_t *since_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    tr_pg_params_clear(writer->params);
    tr_pg_bind_timestamptz(writer->params, tr_clock_wall_us());
    tr_pg_bind_int8(writer->params, writer->options.dedupe_window_us);
    int code = tr_pg_query(writer->pg, tr_pg_sql("queries/writer/prune_ids"), writer->params,
                           &result, error);
    if (code == 0)
        *since_out = tr_pg_get_timestamptz(result, 0, 0);
    return code;
}

static int load_ids(struct tr_writer *writer, struct tr_error *error)
{
    int64_t since_us = 0;
    int code = prune_ids(writer, &since_us, error);
    if (code < 0)
        return code;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    code = tr_pg_query(writer->pg, tr_pg_sql("queries/writer/read_head"), NULL, &result, error);
    if (code < 0)
        return code;
    writer->newest_us = tr_pg_get_timestamptz(result, 0, 1);
    return tr_writer_catch_up(writer, tr_pg_get_int(result, 0, 0), since_us, error);
}

int tr_writer_connect(struct tr_writer *writer, struct tr_error *error)
{
    tr_writer_disconnect(writer);
    forget_database(writer);
    struct tr_pg_options options = {
        .url = writer->options.database_url,
        .application = "traction writer",
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .interrupt = writer->interrupt,
    };
    int result = tr_pg_connect(&writer->pg, &options, error);
    if (result == 0)
        result = open_position(writer, error);
    if (result == 0)
        result = load_ids(writer, error);
    if (result == 0) {
        advance_spool(writer);
        result =
            tr_spool_reader_open(&writer->reader, writer->options.spool, writer->position, error);
    }
    if (result < 0) {
        tr_writer_disconnect(writer);
        return result;
    }
    tr_spool_landed(writer->options.spool, writer->position);
    return 0;
}

int tr_writer_maintain(struct tr_writer *writer, struct tr_error *error)
{
    int64_t since_us = 0;
    int result = prune_ids(writer, &since_us, error);
    if (result < 0)
        return result;
    tr_id_index_expire(writer->ids, since_us);
    tr_pg_params_clear(writer->params);
    tr_pg_bind_int8(writer->params, REJECTS_KEPT);
    result = tr_pg_query(writer->pg, tr_pg_sql("queries/writer/trim_rejects"), writer->params, NULL,
                         error);
    if (result == 0)
        result =
            tr_pg_query(writer->pg, tr_pg_sql("queries/writer/prune_notes"), NULL, NULL, error);
    if (result == 0)
        result = tr_partitions_ahead(writer->partitions, writer->pg,
                                     writer->options.partitions_ahead_days, error);
    return result;
}
