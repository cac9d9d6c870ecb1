/* SPDX-License-Identifier: MIT */
/*
 * The query threads. Each waits on the one mailbox, has a connection of its own, and answers one
 * task at a time; a lost connection is made again once for the task that met it. What a key, and
 * all keys together, may have under way is bounded at the gate, so the mailbox is.
 */
#include "api_priv.h"

#include "traction/base/clock.h"
#include "traction/base/log.h"
#include "traction/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tr_api_options_init(struct tr_api_options *options)
{
    *options = (struct tr_api_options){
        .query_threads = 2,
        .statement_timeout_ms = 10000,
        .queries_per_key = 4,
        .queries_waiting = 64,
        .body_bytes = 64 << 10,
        .batch = 50,
        .live_listeners = 2000,
        .live_listeners_per_key = 1000,
        .live_projects = 100,
        .sign_in_attempts = 10,
    };
}

/* The gate
 * ---------------------------------------------------------------------------------------- */

enum gate_outcome tr_api_enter(struct tr_api *api, uint64_t key)
{
    struct gate *gate = &api->gate;
    enum gate_outcome outcome = GATE_OPEN;
    int same = 0;
    pthread_mutex_lock(&gate->lock);
    for (size_t i = 0; i < gate->count; i++)
        same += gate->keys[i] == key;
    if (same >= (key == TR_API_SIGN_IN ? 1 : api->options.queries_per_key))
        outcome = GATE_KEY_BUSY;
    else if (gate->count == (size_t)api->options.queries_waiting)
        outcome = GATE_FULL;
    else
        gate->keys[gate->count++] = key;
    pthread_mutex_unlock(&gate->lock);
    return outcome;
}

static void leave(struct tr_api *api, uint64_t key)
{
    struct gate *gate = &api->gate;
    pthread_mutex_lock(&gate->lock);
    for (size_t i = 0; i < gate->count; i++) {
        if (gate->keys[i] != key)
            continue;
        gate->keys[i] = gate->keys[--gate->count];
        break;
    }
    pthread_mutex_unlock(&gate->lock);
}

/* Tasks
 * ------------------------------------------------------------------------------------------- */

struct task *tr_api_task_new(struct tr_api *api, struct tr_http_request *request)
{
    struct task *task = tr_calloc(1, sizeof *task);
    task->api = api;
    task->request = request;
    task->loop = request->loop;
    task->arena = tr_arena_new(BATCH_BYTES + TR_KPI_ARENA_BYTES);
    tr_buf_init(&task->batch, BATCH_BYTES + TR_KPI_ARENA_BYTES);
    task->now_us = request->received_us;
    return task;
}

void tr_api_task_free(struct task *task)
{
    tr_buf_fini(&task->batch);
    tr_arena_free(task->arena);
    free(task);
}

static void on_answer(struct tr_message *message)
{
    struct task *task = (struct task *)((char *)message - offsetof(struct task, message));
    tr_api_respond(task->request, task->status, task->content_type, task->answer, task->csv,
                   task->set_cookie);
    tr_api_task_free(task);
}

/* Marks a task among the messages; what it does is its run(). */
static void on_task(struct tr_message *message)
{
    (void)message;
}

void tr_api_submit(struct task *take_task)
{
    take_task->message.run = on_task;
    tr_mailbox_post(take_task->api->mailbox, &take_task->message);
}

/* Threads
 * ----------------------------------------------------------------------------------------- */

static int connect_pg(struct query_thread *thread, struct tr_error *error)
{
    const struct tr_api_options *options = &thread->api->options;
    const struct tr_pg_options pg = {
        .url = options->database_url,
        .application = "traction query",
        .statement_timeout_ms = options->statement_timeout_ms,
        .read_only = true,
        .interrupt = thread->interrupt,
    };
    if (thread->pg != NULL && !tr_pg_is_broken(thread->pg))
        return 0;
    tr_pg_close(TR_TAKE(thread->pg));
    return tr_pg_connect(&thread->pg, &pg, error);
}

/* Once with the connection there is, and once more with a new one if it turns out to be lost. */
static int run(struct query_thread *thread, struct task *task, struct tr_error *error)
{
    int result = 0;
    for (int attempt = 0; attempt < 2; attempt++) {
        result = connect_pg(thread, error);
        if (result < 0)
            return result;
        result = task->run(task, thread->pg, error);
        if (result == 0 || !tr_pg_is_broken(thread->pg))
            return result;
    }
    return result;
}

static void complain(struct query_thread *thread, const struct tr_error *error)
{
    if (!thread->complained && !atomic_load(&thread->api->stopping))
        tr_log(TR_LOG_ERROR, "a question could not be answered: %s", error->message);
    thread->complained = true;
}

static void answer_task(struct query_thread *thread, struct task *task)
{
    struct tr_error error = TR_ERROR_INIT;
    int result = run(thread, task, &error);
    bool away = thread->pg == NULL || tr_pg_is_broken(thread->pg);
    if (result < 0) {
        complain(thread, &error);
        tr_api_answer_problem(
            task, &(struct tr_kpi_problem){
                      .status = away ? 503 : 500,
                      .message = away ? "the database cannot be reached; ask again"
                                      : "the database could not answer; the log says why",
                  });
    } else {
        thread->complained = false;
    }
    tr_metric_add(task->status < 500 ? TR_METRIC_QUERIES : TR_METRIC_QUERIES_FAILED, 1);
}

static void *run_thread(void *context)
{
    struct query_thread *thread = context;
    struct tr_api *api = thread->api;
    for (;;) {
        struct tr_message *message = tr_mailbox_wait_one(api->mailbox, -1);
        if (message == NULL)
            continue;
        if (message->run == NULL)
            break;
        struct task *task = (struct task *)((char *)message - offsetof(struct task, message));
        if (!atomic_load(&api->stopping))
            answer_task(thread, task);
        leave(api, task->key.number);
        if (atomic_load(&api->stopping)) {
            tr_api_task_free(task); /* no loop runs any more that could send it */
            continue;
        }
        task->message.run = on_answer;
        tr_loop_post(task->loop, &task->message);
    }
    tr_pg_close(TR_TAKE(thread->pg));
    return NULL;
}

int tr_api_start(struct tr_api **api_out, const struct tr_api_options *options,
                 struct tr_error *error)
{
    struct tr_api *api = tr_calloc(1, sizeof *api);
    api->options = *options;
    if (api->options.query_threads > THREADS_MAX)
        api->options.query_threads = THREADS_MAX;
    api->mailbox = tr_mailbox_new();
    pthread_mutex_init(&api->gate.lock, NULL);
    pthread_mutex_init(&api->listening.lock, NULL);
    api->attempts = tr_attempts_new(options->sign_in_attempts);
    api->gate.keys = tr_calloc((size_t)options->queries_waiting, sizeof *api->gate.keys);
    for (int i = 0; i < api->options.query_threads; i++) {
        struct query_thread *thread = &api->threads[i];
        thread->api = api;
        thread->interrupt = tr_pg_interrupt_new();
        int code = pthread_create(&thread->thread, NULL, run_thread, thread);
        if (code != 0) {
            tr_api_stop(api);
            return tr_error_set(error, -code, "could not start a query thread: %s", strerror(code));
        }
        thread->started = true;
    }
    int result = tr_api_live_start(api, error);
    if (result < 0) {
        tr_api_stop(api);
        return result;
    }
    *api_out = api;
    return 0;
}

/* Nobody is there any more to hear the answer it may be waiting for. */
static void end_thread(struct query_thread *thread)
{
    tr_mailbox_post(thread->api->mailbox, &thread->stop);
    tr_pg_interrupt_raise(thread->interrupt);
}

void tr_api_stop(struct tr_api *api)
{
    if (api == NULL)
        return;
    atomic_store(&api->stopping, true);
    for (int i = 0; i < THREADS_MAX; i++)
        if (api->threads[i].started)
            end_thread(&api->threads[i]);
    for (int i = 0; i < THREADS_MAX; i++)
        if (api->threads[i].started)
            pthread_join(api->threads[i].thread, NULL);
    for (int i = 0; i < THREADS_MAX; i++)
        tr_pg_interrupt_free(api->threads[i].interrupt);
    tr_api_live_stop(api);
    tr_mailbox_free(api->mailbox);
    pthread_mutex_destroy(&api->gate.lock);
    free(api->gate.keys);
    tr_attempts_free(api->attempts);
    free(api);
}
