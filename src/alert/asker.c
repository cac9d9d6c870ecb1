/* SPDX-License-Identifier: MIT */
/*
 * The threads that ask: each with a connection of its own, so that one slow question does not hold
 * up the others. An inquiry goes out by their mailbox and comes back by the engine's; a question
 * that has not come back is not asked again, so nothing piles up.
 */
#include "engine_priv.h"

#include "traction/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS_MAX = 16, CONNECT_TIMEOUT_S = 3 };

#define MINUTE_US (INT64_C(60) * 1000000)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

struct asking_thread {
    struct asker *asker;
    pthread_t thread;
    bool started;
    struct tr_pg *pg; /* NULL: not connected */
    struct tr_pg_interrupt *interrupt;
    struct tr_message stop; /* run NULL */
};

struct asker {
    struct tr_alert_options options;
    struct tr_mailbox *questions;
    struct tr_mailbox *answers; /* borrowed */
    void (*answered)(struct tr_message *message);
    void *context;
    struct asking_thread threads[THREADS_MAX];
    _Atomic bool stopping;
};

/* Inquiries ------------------------------------------------------------------------------------ */

static void add_parameter(struct inquiry *inquiry, const char *name, struct tr_slice value)
{
    inquiry->parameters[inquiry->parameter_count++] =
        (struct tr_kpi_parameter){tr_slice_of(name), value};
}

static int64_t quarter_before(int64_t us)
{
    return us - us % (15 * MINUTE_US);
}

/* Long windows begin where rollups can answer: on a quarter of an hour, or on a day. */
static void add_range(struct inquiry *inquiry, const struct question *question, int64_t end_us)
{
    int64_t to_us = end_us - question->offset_us;
    int64_t from_us = to_us - question->window_us;
    if (question->window_us >= HOUR_US) {
        from_us = quarter_before(from_us);
        if (question->offset_us >= HOUR_US)
            to_us = quarter_before(to_us);
    }
    bool days = question->window_us >= 7 * DAY_US && question->window_us % DAY_US == 0 &&
                question->offset_us < DAY_US;
    if (days)
        add_parameter(inquiry, "from",
                      tr_slice_of(tr_arena_printf(inquiry->arena, "-%lldd",
                                                  (long long)(question->window_us / DAY_US))));
    else
        add_parameter(inquiry, "from", tr_kpi_time_text(from_us, inquiry->arena));
    add_parameter(inquiry, "to", tr_kpi_time_text(to_us, inquiry->arena));
    add_parameter(inquiry, "interval", TR_SLICE("none"));
}

static struct inquiry *make_inquiry(const struct question *question, int64_t now_us, int64_t lag_us)
{
    struct inquiry *inquiry = tr_calloc(1, sizeof *inquiry);
    struct tr_arena *arena = tr_arena_new(TR_KPI_ARENA_BYTES);
    inquiry->arena = arena;
    inquiry->key = tr_arena_printf(arena, "%s", question->key);
    inquiry->project = (struct tr_kpi_project){
        .id = question->project_id,
        .timezone = tr_arena_printf(arena, "%s", question->timezone),
        .currency = tr_arena_printf(arena, "%s", question->currency),
    };
    inquiry->kpi = tr_slice_of(tr_arena_printf(arena, "%s", question->kpi));
    inquiry->is_silence = question->is_silence;
    inquiry->now_us = now_us;
    for (size_t i = 0; i < question->parameter_count; i++)
        inquiry->parameters[inquiry->parameter_count++] =
            (struct tr_kpi_parameter){tr_arena_dup(arena, question->parameters[i].name),
                                      tr_arena_dup(arena, question->parameters[i].value)};
    add_range(inquiry, question, now_us - lag_us);
    return inquiry;
}

void tr_inquiry_free(struct inquiry *inquiry)
{
    json_decref(inquiry->answer);
    tr_arena_free(inquiry->arena);
    free(inquiry);
}

/* Threads -------------------------------------------------------------------------------------- */

static int connect_pg(struct asking_thread *thread, struct tr_error *error)
{
    const struct tr_pg_options options = {
        .url = thread->asker->options.database_url,
        .application = "traction alert query",
        .statement_timeout_ms = thread->asker->options.statement_timeout_ms,
        .connect_timeout_s = CONNECT_TIMEOUT_S,
        .read_only = true,
        .interrupt = thread->interrupt,
    };
    if (thread->pg != NULL && !tr_pg_is_broken(thread->pg))
        return 0;
    tr_pg_close(TR_TAKE(thread->pg));
    return tr_pg_connect(&thread->pg, &options, error);
}

static int ask_silence(struct tr_pg *pg, struct inquiry *inquiry, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, inquiry->project.id);
    tr_pg_bind_timestamptz(params, inquiry->now_us);
    int result = tr_pg_query(pg, tr_pg_sql("queries/alert/silence_of"), params, &row, error);
    if (result < 0)
        return result;
    inquiry->answer = json_object();
    if (!tr_pg_is_null(row, 0, 0)) {
        json_object_set_new(inquiry->answer, "value", json_real(tr_pg_get_float(row, 0, 0)));
        json_object_set_new(inquiry->answer, "n", json_integer(tr_pg_get_int(row, 0, 1)));
    }
    return 0;
}

static int ask_kpi(struct tr_pg *pg, struct inquiry *inquiry, struct tr_error *error)
{
    struct tr_kpi_problem problem = {0};
    int result = tr_kpi_answer(pg, &inquiry->project, inquiry->kpi, inquiry->parameters,
                               inquiry->parameter_count, inquiry->now_us, inquiry->now_us,
                               inquiry->arena, &inquiry->answer, &problem, error);
    return result == TR_KPI_PROBLEM ? tr_error_set(error, -EINVAL, "%s", problem.message) : result;
}

static int ask(struct tr_pg *pg, struct inquiry *inquiry, struct tr_error *error)
{
    return inquiry->is_silence ? ask_silence(pg, inquiry, error) : ask_kpi(pg, inquiry, error);
}

int tr_question_ask(struct tr_pg *pg, const struct question *question, int64_t now_us,
                    json_t **answer_out, struct tr_error *error)
{
    struct inquiry *inquiry = make_inquiry(question, now_us, 0);
    int result = ask(pg, inquiry, error);
    if (result == 0)
        *answer_out = TR_TAKE(inquiry->answer);
    tr_inquiry_free(inquiry);
    return result;
}

static void answer(struct asking_thread *thread, struct inquiry *inquiry)
{
    struct tr_error error = TR_ERROR_INIT;
    int64_t began_us = tr_clock_mono_us();
    int result = connect_pg(thread, &error);
    if (result == 0)
        result = ask(thread->pg, inquiry, &error);
    if (result < 0)
        snprintf(inquiry->failure, sizeof inquiry->failure, "%s", error.message);
    inquiry->took_us = tr_clock_mono_us() - began_us;
}

static void *run_thread(void *context)
{
    struct asking_thread *thread = context;
    struct asker *asker = thread->asker;
    for (;;) {
        struct tr_message *message = tr_mailbox_wait_one(asker->questions, -1);
        if (message == NULL)
            continue;
        if (message->run == NULL)
            break;
        struct inquiry *inquiry = (struct inquiry *)message;
        if (atomic_load(&asker->stopping)) {
            tr_inquiry_free(inquiry);
            continue;
        }
        answer(thread, inquiry);
        tr_mailbox_post(asker->answers, &inquiry->message);
    }
    tr_pg_close(TR_TAKE(thread->pg));
    return NULL;
}

int tr_asker_start(struct asker **asker_out, const struct tr_alert_options *options,
                   struct tr_mailbox *mailbox, void (*answered)(struct tr_message *message),
                   void *context, struct tr_error *error)
{
    struct asker *asker = tr_calloc(1, sizeof *asker);
    asker->options = *options;
    asker->questions = tr_mailbox_new();
    asker->answers = mailbox;
    asker->answered = answered;
    asker->context = context;
    int count = options->query_threads < THREADS_MAX ? options->query_threads : THREADS_MAX;
    for (int i = 0; i < count; i++) {
        struct asking_thread *thread = &asker->threads[i];
        thread->asker = asker;
        thread->interrupt = tr_pg_interrupt_new();
        int result = tr_thread_start(&thread->thread, "alert query", run_thread, thread, error);
        if (result < 0) {
            tr_asker_stop(asker);
            return result;
        }
        thread->started = true;
    }
    *asker_out = asker;
    return 0;
}

void tr_asker_begin_stop(struct asker *asker)
{
    if (asker == NULL || atomic_exchange(&asker->stopping, true))
        return;
    for (int i = 0; i < THREADS_MAX; i++)
        if (asker->threads[i].started) {
            tr_mailbox_post(asker->questions, &asker->threads[i].stop);
            tr_pg_interrupt_raise(asker->threads[i].interrupt);
        }
}

void tr_asker_stop(struct asker *asker)
{
    if (asker == NULL)
        return;
    tr_asker_begin_stop(asker);
    for (int i = 0; i < THREADS_MAX; i++)
        if (asker->threads[i].started)
            pthread_join(asker->threads[i].thread, NULL);
    for (int i = 0; i < THREADS_MAX; i++)
        tr_pg_interrupt_free(asker->threads[i].interrupt);
    for (struct tr_message *left = tr_mailbox_wait(asker->questions, 0); left != NULL;) {
        struct tr_message *next = left->next;
        if (left->run != NULL)
            tr_inquiry_free((struct inquiry *)left);
        left = next;
    }
    tr_mailbox_free(asker->questions);
    free(asker);
}

void tr_asker_ask(struct asker *asker, const struct question *question, int64_t now_us,
                  int64_t lag_us)
{
    struct inquiry *inquiry = make_inquiry(question, now_us, lag_us);
    inquiry->message.run = asker->answered;
    inquiry->context = asker->context;
    tr_mailbox_post(asker->questions, &inquiry->message);
}
