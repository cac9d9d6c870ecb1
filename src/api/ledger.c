/* SPDX-License-Identifier: MIT */
/*
 * GET /v1/ledger: what became of everything that was received for a project. Read in one statement,
 * with the position up to which this server's spool has landed, so that the records beyond it are
 * exactly those that the ledger does not have yet.
 */
#include "api_priv.h"

#include <stdio.h>
#include <string.h>

struct ledger {
    int64_t landed;
    int64_t stored;
    int64_t duplicate;
    int64_t rejected_sum;
    json_t *rejected;
    uint64_t position;
};

static void add_outcome(struct ledger *ledger, struct tr_slice outcome, int64_t events)
{
    static const char prefix[] = "rejected:";
    if (tr_slice_is(outcome, "landed"))
        ledger->landed = events;
    else if (tr_slice_is(outcome, "stored"))
        ledger->stored = events;
    else if (tr_slice_is(outcome, "duplicate"))
        ledger->duplicate = events;
    else if (tr_slice_is(outcome, "position"))
        ledger->position = (uint64_t)events;
    else if (tr_slice_starts(outcome, prefix)) {
        size_t skip = sizeof prefix - 1;
        ledger->rejected_sum += events;
        json_object_setn_new(ledger->rejected, outcome.data + skip, outcome.size - skip,
                             json_integer(events));
    }
}

static int read_ledger(struct task *task, struct tr_pg *pg, struct ledger *ledger,
                       struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    tr_pg_bind_int4(params, task->project.id);
    tr_pg_bind_uuid(params, tr_spool_uuid(task->api->options.spool));
    int result = tr_pg_query(pg, tr_pg_sql("queries/kpi/ledger"), params, &rows, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++)
        add_outcome(ledger, tr_pg_get_bytes(rows, row, 0), tr_pg_get_int(rows, row, 1));
    return result;
}

int tr_api_run_ledger(struct task *task, struct tr_pg *pg, struct tr_error *error)
{
    struct ledger ledger = {.rejected = json_object()};
    uint64_t waiting = 0;
    int result = read_ledger(task, pg, &ledger, error);
    if (result == 0)
        result = tr_spool_count(task->api->options.spool, ledger.position,
                                (uint32_t)task->project.id, &waiting, error);
    bool balanced = ledger.landed == ledger.stored + ledger.duplicate + ledger.rejected_sum;
    json_t *answer =
        json_pack("{s:s, s:I, s:I, s:I, s:o, s:I, s:b}", "project", task->project_uuid, "received",
                  (json_int_t)ledger.landed + (json_int_t)waiting, "stored",
                  (json_int_t)ledger.stored, "duplicate", (json_int_t)ledger.duplicate, "rejected",
                  ledger.rejected, "waiting", (json_int_t)waiting, "balanced", balanced);
    if (result == 0)
        tr_api_answer(task, 200, answer);
    json_decref(answer);
    return result;
}
