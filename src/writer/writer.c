/* SPDX-License-Identifier: MIT */
/*
 * The writer's thread: connected or trying to; landing or waiting. Any failure but a row's own
 * leads to the same place: wait, connect again, look where PostgreSQL stands, go on from there.
 */
#include "writer_loop.h"

#include "traction/base/clock.h"
#include "traction/base/log.h"
#include "traction/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENOUGH_BYTES = 1 << 20, /* worth a transaction without waiting for more */
    IDLE_WAIT_MS = 200,
    GROW_STEP_MS = 20,
    RETRY_FIRST_MS = 100,
    RETRY_LAST_MS = 2000,
    MAINTAIN_EVERY_S = 60,
    HEARTBEAT_EVERY_S = 3,
};
static const size_t attempt_arena_bytes = (size_t)1 << 30;

void tr_writer_options_init(struct tr_writer_options *options)
{
    *options = (struct tr_writer_options){
        .batch_events = 32768,
        .batch_wait_ms = 200,
        .dedupe_window_us = INT64_C(24) * 3600 * 1000000,
        .partitions_ahead_days = 14,
    };
}

static void set_state(struct tr_writer *writer, bool connected, const char *message)
{
    pthread_mutex_lock(&writer->lock);
    bool changed = writer->state.connected != connected;
    writer->state.connected = connected;
    writer->state.landed = writer->position;
    snprintf(writer->state.last_error, sizeof writer->state.last_error, "%.255s", message);
    pthread_mutex_unlock(&writer->lock);
    if (connected && changed)
        tr_log(TR_LOG_INFO, "writer: connected to PostgreSQL");
    if (!connected)
        tr_log(TR_LOG_WARNING, "writer: %s; events stay in the spool until it works", message);
}

static void set_landed_through(struct tr_writer *writer, int64_t us)
{
    pthread_mutex_lock(&writer->lock);
    if (us > writer->state.landed_through_us)
        writer->state.landed_through_us = us;
    writer->state.landed = writer->position;
    pthread_mutex_unlock(&writer->lock);
}

static bool must_stop(struct tr_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    bool stop = writer->stopping;
    if (stop && writer->pg != NULL && tr_clock_mono_us() < writer->stop_by_us) {
        struct tr_spool_state state;
        tr_spool_get_state(writer->options.spool, &state);
        stop = state.durable <= writer->position;
    }
    pthread_mutex_unlock(&writer->lock);
    return stop;
}

static void back_off(struct tr_writer *writer, const struct tr_error *error)
{
    set_state(writer, false, error->message);
    tr_writer_disconnect(writer);
    if (must_stop(writer))
        return;
    tr_mailbox_wait(writer->mailbox, writer->retry_ms);
    writer->retry_ms *= 2;
    if (writer->retry_ms > RETRY_LAST_MS)
        writer->retry_ms = RETRY_LAST_MS;
}

static bool due(int64_t *last_us, int every_s)
{
    int64_t now_us = tr_clock_mono_us();
    if (*last_us != 0 && now_us - *last_us < (int64_t)every_s * 1000000)
        return false;
    *last_us = now_us;
    return true;
}

/* Everything has landed: so has all that was received before `seen_us`. */
static int note_idle(struct tr_writer *writer, int64_t seen_us, struct tr_error *error)
{
    set_landed_through(writer, seen_us);
    if (!due(&writer->heartbeat_us, HEARTBEAT_EVERY_S))
        return 0;
    tr_pg_params_clear(writer->params);
    tr_pg_bind_int4(writer->params, writer->server_id);
    tr_pg_bind_timestamptz(writer->params, seen_us);
    return tr_pg_query(writer->pg, tr_pg_sql("queries/writer/heartbeat"), writer->params, NULL,
                       error);
}

/* Lets a small batch grow, unless somebody waits for its commit. */
static void let_grow(struct tr_writer *writer)
{
    int64_t until_us = tr_clock_mono_us() + (int64_t)writer->options.batch_wait_ms * 1000;
    struct tr_spool_state state;
    for (;;) {
        tr_spool_get_state(writer->options.spool, &state);
        if (state.durable - writer->position >= ENOUGH_BYTES ||
            tr_tickets_waiting(&writer->tickets) || tr_clock_mono_us() >= until_us)
            return;
        if (tr_mailbox_wait(writer->mailbox, GROW_STEP_MS) != NULL)
            abort(); /* nobody posts */
        pthread_mutex_lock(&writer->lock);
        bool stopping = writer->stopping;
        pthread_mutex_unlock(&writer->lock);
        if (stopping)
            return;
    }
}

static int land_next(struct tr_writer *writer, struct tr_error *error)
{
    int64_t began_us = tr_clock_mono_us();
    int result = tr_batches_next(writer, error);
    struct batch *batch = writer->batch;
    if (result == 0 && batch->count > 0) {
        struct tr_spool_state state;
        tr_spool_get_state(writer->options.spool, &state);
        if (state.durable - tr_spool_reader_position(writer->reader) >= ENOUGH_BYTES)
            tr_batches_prefetch(writer);
        int64_t received_us = batch->items[batch->count - 1].record.received_us;
        result = tr_writer_land(writer, batch->items, batch->count, error);
        if (result == 0)
            set_landed_through(writer, received_us);
    }
    tr_metric_add(TR_METRIC_WRITER_BUSY_US, (uint64_t)(tr_clock_mono_us() - began_us));
    return result;
}

static int work(struct tr_writer *writer, struct tr_error *error)
{
    if (due(&writer->maintained_us, MAINTAIN_EVERY_S)) {
        int result = tr_writer_maintain(writer, error);
        if (result < 0)
            return result;
    }
    int result = tr_retention_step(writer, error);
    if (result < 0)
        return result;
    if (writer->prefetching)
        return land_next(writer, error);
    int64_t seen_us = tr_clock_wall_us();
    uint64_t from = tr_spool_reader_position(writer->reader);
    if (tr_spool_wait(writer->options.spool, from, 0)) {
        let_grow(writer);
        return land_next(writer, error);
    }
    result = note_idle(writer, seen_us, error);
    if (result == 0)
        tr_spool_wait(writer->options.spool, from, IDLE_WAIT_MS);
    return result;
}

static void *run(void *context)
{
    struct tr_writer *writer = context;
    while (!must_stop(writer)) {
        struct tr_error error = TR_ERROR_INIT;
        if (writer->pg == NULL) {
            if (tr_writer_connect(writer, &error) < 0) {
                back_off(writer, &error);
                continue;
            }
            writer->maintained_us = 0;
            writer->retention_us = 0;
            set_state(writer, true, "");
        }
        if (work(writer, &error) < 0)
            back_off(writer, &error);
        else
            writer->retry_ms = RETRY_FIRST_MS;
    }
    tr_writer_disconnect(writer);
    pthread_mutex_lock(&writer->lock);
    writer->ended = true;
    pthread_cond_signal(&writer->has_ended);
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

static void free_writer(struct tr_writer *writer)
{
    tr_helper_free(writer->copier);
    tr_helper_free(writer->prefetch);
    tr_batches_fini(writer);
    tr_tickets_fini(&writer->tickets);
    tr_id_index_free(writer->ids);
    tr_calendars_free(writer->calendars);
    tr_partitions_free(writer->partitions);
    tr_members_free(writer->members);
    tr_people_free(writer->people);
    tr_aliases_free(writer->aliases);
    tr_pg_params_free(writer->params);
    tr_arena_free(writer->attempt_arena);
    tr_mailbox_free(writer->mailbox);
    tr_pg_interrupt_free(writer->interrupt);
    pthread_cond_destroy(&writer->has_ended);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

int tr_writer_start(struct tr_writer **writer_out, const struct tr_writer_options *options,
                    struct tr_error *error)
{
    struct tr_writer *writer = tr_calloc(1, sizeof *writer);
    writer->options = *options;
    writer->mailbox = tr_mailbox_new();
    writer->retry_ms = RETRY_FIRST_MS;
    writer->interrupt = tr_pg_interrupt_new();
    pthread_mutex_init(&writer->lock, NULL);
    init_condition(&writer->has_ended);
    tr_tickets_init(&writer->tickets);
    writer->ids = tr_id_index_new(options->spool_directory);
    writer->calendars = tr_calendars_new();
    writer->partitions = tr_partitions_new();
    writer->members = tr_members_new();
    writer->people = tr_people_new();
    writer->aliases = tr_aliases_new();
    writer->params = tr_pg_params_new();
    writer->attempt_arena = tr_arena_new(attempt_arena_bytes);
    tr_batches_init(writer);
    int result = tr_helper_new(&writer->copier, "copier", error);
    if (result == 0)
        result = tr_helper_new(&writer->prefetch, "prefetch", error);
    if (result == 0)
        result = tr_thread_start(&writer->thread, "writer", run, writer, error);
    if (result < 0) {
        free_writer(writer);
        return result;
    }
    *writer_out = writer;
    return 0;
}

/* Whether the thread ended by itself before stop_by_us. */
static bool wait_ended(struct tr_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    const struct timespec until = {
        .tv_sec = writer->stop_by_us / 1000000,
        .tv_nsec = writer->stop_by_us % 1000000 * 1000,
    };
    int code = 0;
    while (!writer->ended && code == 0)
        code = pthread_cond_timedwait(&writer->has_ended, &writer->lock, &until);
    bool ended = writer->ended;
    pthread_mutex_unlock(&writer->lock);
    return ended;
}

void tr_writer_stop(struct tr_writer *writer, int drain_ms)
{
    if (writer == NULL)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    writer->stop_by_us = tr_clock_mono_us() + (int64_t)drain_ms * 1000;
    pthread_mutex_unlock(&writer->lock);
    tr_mailbox_wake(writer->mailbox);
    tr_spool_wake(writer->options.spool);
    if (!wait_ended(writer)) {
        tr_log(TR_LOG_WARNING, "writer: PostgreSQL does not answer; what has not landed stays in "
                               "the spool");
        tr_pg_interrupt_raise(writer->interrupt);
    }
    pthread_join(writer->thread, NULL);
    free_writer(writer);
}

void tr_writer_get_state(struct tr_writer *writer, struct tr_writer_state *state_out)
{
    pthread_mutex_lock(&writer->lock);
    *state_out = writer->state;
    pthread_mutex_unlock(&writer->lock);
}
