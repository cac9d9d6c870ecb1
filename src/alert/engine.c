/* SPDX-License-Identifier: MIT */
/*
 * The engine's thread. Of all servers on a database the one whose connection holds the lock leads:
 * it asks what rules want to know, judges the answers, writes down what changed and sends what is
 * to be told. Whatever it writes goes over that same connection, so that one that lost the lock
 * cannot write. The others look every two seconds whether they may lead.
 *
 * Time is PostgreSQL's, so that it goes on evenly from one leader to the next.
 */
#include "engine_priv.h"

#include "traction/base/clock.h"
#include "traction/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    TICK_MS = 500,
    STAND_BY_MS = 2000,
    CONNECT_TIMEOUT_S = 2,
    STATEMENT_TIMEOUT_MS = 10000,
    SAVE_EVERY_S = 15,
    REFRESH_EVERY_S = 60,
    LOOK_AT_RECEIVERS_EVERY_S = 5,
    PRUNE_EVERY_S = 3600,
    FORGET_AFTER_S = 86400,
    SLOW_SHARE = 10,  /* a question may take a tenth of the time at most */
    LAG_US = 3000000, /* less is how things are when all is well */
    LAG_MAX_US = 15 * 60 * 1000000,
    LAST_REQUESTS_MS = 3000,
    GRACE_MS = 250, /* for what the last request's answer changed */
    BOOK_GROWTH_BYTES = 64 << 20,
};

#define SECOND_US INT64_C(1000000)

struct tr_alert {
    struct tr_alert_options options;
    struct tr_mailbox *mailbox;
    struct tr_outbound *outbound;
    struct asker *asker;
    struct deliveries *deliveries;
    struct away *away;
    struct changes *changes;
    struct gauges *gauges;
    pthread_t thread;
    bool started;
    _Atomic bool stopping;
    int64_t stop_us; /* monotonic, when that began */
    /* The thread's own from here on. */
    struct tr_pg *pg;
    struct tr_pg_interrupt *interrupt;
    bool leads;
    bool complained;
    struct book *book;
    size_t book_bytes; /* when it was loaded */
    bool reload;
    int64_t clock_us; /* PostgreSQL's less the monotonic one */
    int64_t lag_us;
    int64_t tick_us; /* monotonic, as the next: when each is due */
    int64_t send_us;
    int64_t save_us;
    int64_t refresh_us;
    int64_t receivers_us;
    int64_t prune_us;
};

void tr_alert_options_init(struct tr_alert_options *options)
{
    *options = (struct tr_alert_options){
        .interval_ms = 2000,
        .query_threads = 2,
        .statement_timeout_ms = 5000,
        .group_wait_ms = 500,
        .give_up_s = 86400,
        .database_away_s = 30,
        .evaluate = true,
        .expose = true,
    };
    tr_outbound_options_init(&options->outbound);
}

static int64_t now_of(const struct tr_alert *alert)
{
    return tr_clock_mono_us() + alert->clock_us;
}

/* True once, when it is due; then not for a while. */
static bool is_due(int64_t *due_us, int every_s)
{
    int64_t now_us = tr_clock_mono_us();
    if (now_us < *due_us)
        return false;
    *due_us = now_us + every_s * SECOND_US;
    return true;
}

/* Looking at answers --------------------------------------------------------------------------- */

/* Groups that the answer no longer has: too little is known of them, and after a day nothing. */
static void look_at_vanished(struct tr_alert *alert, struct rule_entry *entry, int64_t now_us)
{
    bool stays = entry->rule.no_data == TR_ALERT_NO_DATA_ALERT;
    struct series **at = &entry->series;
    while (*at != NULL) {
        struct series *series = *at;
        if (series->found) {
            at = &series->next;
            continue;
        }
        bool old = now_us - series->seen_us > FORGET_AFTER_S * SECOND_US;
        const struct finding nothing = {.found = old ? TR_ALERT_HOLDS_NOT : TR_ALERT_TOO_LITTLE};
        tr_changes_look(alert->changes, alert->book, entry, series, &nothing, now_us);
        if (series->state.phase == TR_ALERT_INACTIVE && (old || !stays)) {
            tr_changes_drop(alert->changes, entry, series);
            *at = series->next;
        } else {
            at = &series->next;
        }
    }
}

/* What is pending is looked at again when it may fire, not some time later. */
static void look_in_time(struct tr_alert *alert, struct rule_entry *entry)
{
    for (const struct series *series = entry->series; series != NULL; series = series->next) {
        int64_t fires_us = series->state.active_us + entry->rule.for_us - alert->clock_us;
        if (series->state.phase != TR_ALERT_PENDING)
            continue;
        for (size_t i = 0; i < entry->question_count; i++)
            if (entry->questions[i]->due_us > fires_us)
                entry->questions[i]->due_us = fires_us;
    }
}

static void look_at_rule(struct tr_alert *alert, struct rule_entry *entry, int64_t now_us)
{
    const json_t *answers[QUESTIONS_A_RULE];
    struct finding findings[TR_ALERT_GROUPS_MAX];
    for (size_t i = 0; i < entry->question_count; i++) {
        answers[i] = entry->questions[i]->answer;
        if (answers[i] == NULL)
            return;
    }
    for (struct series *series = entry->series; series != NULL; series = series->next)
        series->found = false;
    size_t count = tr_alert_judge(&entry->rule, answers, findings);
    for (size_t i = 0; i < count; i++) {
        struct series *series = tr_book_series(alert->book, entry, findings[i].series);
        series->found = true;
        series->seen_us = now_us;
        tr_changes_look(alert->changes, alert->book, entry, series, &findings[i], now_us);
    }
    look_at_vanished(alert, entry, now_us);
    look_in_time(alert, entry);
}

static bool asks(const struct rule_entry *entry, const struct question *question)
{
    for (size_t i = 0; i < entry->question_count; i++)
        if (entry->questions[i] == question)
            return true;
    return false;
}

static void complain(struct question *question, const struct inquiry *inquiry)
{
    bool failed = inquiry->answer == NULL;
    if (failed && !question->complained)
        tr_log(TR_LOG_WARNING, "alerts: %s cannot be looked at: %s", question->kpi,
               inquiry->failure);
    else if (!failed && question->complained)
        tr_log(TR_LOG_INFO, "alerts: %s can be looked at again", question->kpi);
    question->complained = failed;
}

static void take_answer(struct tr_alert *alert, struct question *question, struct inquiry *inquiry)
{
    int64_t pause_us = alert->options.interval_ms * INT64_C(1000);
    question->busy = false;
    complain(question, inquiry);
    if (inquiry->took_us * SLOW_SHARE > pause_us)
        question->due_us = tr_clock_mono_us() + inquiry->took_us * SLOW_SHARE;
    json_decref(question->answer);
    question->answer = TR_TAKE(inquiry->answer);
    for (size_t i = 0; i < alert->book->rule_count && question->answer != NULL; i++)
        if (asks(&alert->book->rules[i], question))
            look_at_rule(alert, &alert->book->rules[i], inquiry->now_us);
}

/* The book may be another than when it was asked, and there may be none. */
static void on_answer(struct tr_message *message)
{
    struct inquiry *inquiry = (struct inquiry *)message;
    struct tr_alert *alert = inquiry->context;
    struct question *question =
        alert->leads && alert->book != NULL ? tr_book_question(alert->book, inquiry->key) : NULL;
    if (question != NULL && question->busy)
        take_answer(alert, question, inquiry);
    tr_inquiry_free(inquiry);
}

/* Asking --------------------------------------------------------------------------------------- */

static void ask_what_is_due(struct tr_alert *alert)
{
    int64_t now_us = tr_clock_mono_us();
    int64_t interval_us = alert->options.interval_ms * INT64_C(1000);
    for (size_t i = 0; i < alert->book->question_count; i++) {
        struct question *question = alert->book->questions[i];
        if (question->busy || question->due_us > now_us)
            continue;
        question->busy = true;
        question->due_us = now_us + interval_us;
        tr_asker_ask(alert->asker, question, now_of(alert), alert->lag_us);
    }
}

/* Not all at the same moment. */
static void spread_questions(struct tr_alert *alert)
{
    int64_t now_us = tr_clock_mono_us();
    int64_t interval_us = alert->options.interval_ms * INT64_C(1000);
    size_t count = alert->book->question_count;
    for (size_t i = 0; i < count; i++)
        alert->book->questions[i]->due_us = now_us + interval_us * (int64_t)i / (int64_t)count;
}

/* Leading -------------------------------------------------------------------------------------- */

static void disconnect(struct tr_alert *alert)
{
    if (alert->leads)
        tr_log(TR_LOG_WARNING, "alerts: the connection is lost; another server may evaluate now");
    alert->leads = false;
    tr_deliveries_use(alert->deliveries, NULL);
    tr_changes_clear(alert->changes);
    tr_pg_close(TR_TAKE(alert->pg));
}

static int connect_pg(struct tr_alert *alert, struct tr_error *error)
{
    const struct tr_pg_options options = {
        .url = alert->options.database_url,
        .application = "traction alert",
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .connect_timeout_s = CONNECT_TIMEOUT_S,
        .interrupt = alert->interrupt,
    };
    if (alert->pg != NULL && !tr_pg_is_broken(alert->pg))
        return 0;
    disconnect(alert);
    return tr_pg_connect(&alert->pg, &options, error);
}

static int load_book(struct tr_alert *alert, struct tr_error *error)
{
    struct book *book = NULL;
    int result = tr_book_load(alert->pg, &book, error);
    if (result < 0)
        return result;
    tr_book_free(alert->book);
    alert->book = book;
    alert->book_bytes = tr_arena_used(book->arena);
    alert->reload = false;
    tr_away_learn(alert->away, book);
    if (!alert->leads)
        return 0;
    spread_questions(alert);
    for (size_t i = 0; i < book->rule_count; i++)
        if (book->rules[i].removed)
            tr_changes_end_rule(alert->changes, book, &book->rules[i], now_of(alert));
    return 0;
}

static int try_to_lead(struct tr_alert *alert, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    if (alert->leads || !alert->options.evaluate)
        return 0;
    int result = tr_pg_query(alert->pg, tr_pg_sql("queries/alert/lead"), NULL, &row, error);
    if (result < 0 || !tr_pg_get_bool(row, 0, tr_pg_column(row, "leads")))
        return result;
    tr_log(TR_LOG_INFO, "alerts: this server evaluates");
    alert->leads = true;
    alert->reload = true;
    alert->send_us = 0;
    tr_deliveries_use(alert->deliveries, alert->pg);
    return 0;
}

/* What time it is, how far behind events are, and whether rules are others now. */
static int tick(struct tr_alert *alert, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    int result = tr_pg_query(alert->pg, tr_pg_sql("queries/alert/tick"), NULL, &row, error);
    if (result < 0)
        return result;
    int64_t now_us = tr_pg_get_timestamptz(row, 0, tr_pg_column(row, "now"));
    int64_t lag_us = tr_pg_get_int(row, 0, tr_pg_column(row, "lag_us"));
    int64_t version = tr_pg_get_int(row, 0, tr_pg_column(row, "version"));
    alert->clock_us = now_us - tr_clock_mono_us();
    alert->lag_us = lag_us < LAG_US ? 0 : lag_us < LAG_MAX_US ? lag_us : LAG_MAX_US;
    bool grown = alert->book != NULL &&
                 tr_arena_used(alert->book->arena) > alert->book_bytes + BOOK_GROWTH_BYTES;
    if (alert->book == NULL || alert->book->version != version || grown || alert->reload)
        return load_book(alert, error);
    return 0;
}

static void save_values(struct tr_alert *alert)
{
    for (size_t i = 0; i < alert->book->rule_count; i++) {
        struct rule_entry *entry = &alert->book->rules[i];
        for (struct series *series = entry->series; series != NULL; series = series->next)
            if (series->unsaved && !entry->removed)
                tr_changes_save(alert->changes, entry, series);
    }
}

static int prune(struct tr_alert *alert, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    tr_pg_bind_timestamptz(params, now_of(alert));
    return tr_pg_query(alert->pg, tr_pg_sql("queries/alert/prune"), params, NULL, error);
}

static int look_at_receivers(struct tr_alert *alert, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(alert->pg, tr_pg_sql("queries/alert/failing"), NULL, &rows, error);
    if (result == 0)
        tr_gauges_update_receivers(alert->gauges, rows);
    return result;
}

static int commit(struct tr_alert *alert, struct tr_error *error)
{
    if (!alert->leads || !tr_changes_any(alert->changes))
        return 0;
    int result = tr_changes_commit(alert->changes, alert->pg, error);
    /* Whatever of it took effect is what counts. */
    alert->reload = alert->reload || result < 0;
    if (result == 0)
        alert->send_us = 0;
    return result;
}

static int send_what_is_due(struct tr_alert *alert, struct tr_error *error)
{
    int64_t next_us = INT64_MAX;
    int64_t tick_us = tr_clock_mono_us() + (int64_t)TICK_MS * 1000;
    if (tr_clock_mono_us() < alert->send_us)
        return 0;
    int result = tr_deliveries_send(alert->deliveries, alert->book, now_of(alert), &next_us, error);
    if (result == DELIVERIES_STALE) {
        alert->tick_us = 0;
        return 0;
    }
    /* Tests of receivers are asked for by others, and come in unannounced. */
    alert->send_us = next_us == INT64_MAX || next_us - alert->clock_us > tick_us
                         ? tick_us
                         : next_us - alert->clock_us;
    return result;
}

static int lead(struct tr_alert *alert, struct tr_error *error)
{
    int result = 0;
    ask_what_is_due(alert);
    if (is_due(&alert->save_us, SAVE_EVERY_S))
        save_values(alert);
    result = commit(alert, error);
    if (result == 0)
        result = send_what_is_due(alert, error);
    if (result == 0 && is_due(&alert->refresh_us, REFRESH_EVERY_S))
        tr_deliveries_refresh(alert->deliveries, alert->book, now_of(alert));
    if (result == 0 && is_due(&alert->receivers_us, LOOK_AT_RECEIVERS_EVERY_S))
        result = look_at_receivers(alert, error);
    if (result == 0 && is_due(&alert->prune_us, PRUNE_EVERY_S))
        result = prune(alert, error);
    return result;
}

static int tick_if_due(struct tr_alert *alert, struct tr_error *error)
{
    int64_t now_us = tr_clock_mono_us();
    if (now_us < alert->tick_us)
        return 0;
    int result = connect_pg(alert, error);
    if (result == 0)
        result = try_to_lead(alert, error);
    if (result == 0)
        result = tick(alert, error);
    alert->tick_us = tr_clock_mono_us() + (alert->leads ? TICK_MS : STAND_BY_MS) * INT64_C(1000);
    tr_away_look(alert->away, result == 0);
    tr_gauges_update(alert->gauges, alert->book, alert->leads);
    return result;
}

static void turn(struct tr_alert *alert)
{
    struct tr_error error = TR_ERROR_INIT;
    int result = tick_if_due(alert, &error);
    if (result == 0 && alert->leads)
        result = lead(alert, &error);
    if (result == 0) {
        alert->complained = false;
        return;
    }
    if (!alert->complained && !atomic_load(&alert->stopping))
        tr_log(TR_LOG_ERROR, "alerts: %s; trying again", error.message);
    alert->complained = true;
    if (alert->pg == NULL)
        return;
    if (tr_pg_is_broken(alert->pg))
        disconnect(alert);
    else
        tr_pg_execute(alert->pg, "rollback", NULL);
}

/* The thread ----------------------------------------------------------------------------------- */

static int wait_ms(const struct tr_alert *alert)
{
    int64_t until_us = alert->tick_us;
    if (alert->leads && alert->send_us < until_us)
        until_us = alert->send_us;
    int64_t ms = (until_us - tr_clock_mono_us()) / 1000 + 1;
    return ms < 1 ? 1 : ms > STAND_BY_MS ? STAND_BY_MS : (int)ms;
}

static void run_messages(struct tr_message *message)
{
    while (message != NULL) {
        struct tr_message *next = message->next;
        message->run(message);
        message = next;
    }
}

/* What receivers were sent is noted, if they answer soon, so that nobody sends it again. */
static void end_requests(struct tr_alert *alert)
{
    int64_t until_us = tr_clock_mono_us() + LAST_REQUESTS_MS * INT64_C(1000);
    while (alert->leads && tr_deliveries_any(alert->deliveries) && tr_clock_mono_us() < until_us)
        run_messages(tr_mailbox_wait(alert->mailbox, 50));
}

static void *run(void *context)
{
    struct tr_alert *alert = context;
    while (!atomic_load(&alert->stopping)) {
        turn(alert);
        run_messages(tr_mailbox_wait(alert->mailbox, wait_ms(alert)));
        struct tr_error error = TR_ERROR_INIT;
        if (commit(alert, &error) < 0)
            tr_log(TR_LOG_ERROR, "alerts: %s; trying again", error.message);
    }
    end_requests(alert);
    alert->leads = false;
    tr_deliveries_use(alert->deliveries, NULL);
    tr_pg_close(TR_TAKE(alert->pg));
    return NULL;
}

int tr_alert_start(struct tr_alert **alert_out, const struct tr_alert_options *options,
                   struct tr_error *error)
{
    struct tr_alert *alert = tr_calloc(1, sizeof *alert);
    alert->options = *options;
    alert->mailbox = tr_mailbox_new();
    alert->interrupt = tr_pg_interrupt_new();
    alert->gauges = tr_gauges_new();
    alert->changes = tr_changes_new(options->public_url);
    int result = tr_outbound_start(&alert->outbound, &options->outbound, error);
    if (result == 0) {
        alert->deliveries = tr_deliveries_new(&alert->options, alert->outbound, alert->mailbox);
        alert->away = tr_away_new(&alert->options, alert->outbound, alert->mailbox);
        result =
            tr_asker_start(&alert->asker, &alert->options, alert->mailbox, on_answer, alert, error);
    }
    if (result == 0)
        result = tr_thread_start(&alert->thread, "alert", run, alert, error);
    alert->started = result == 0;
    if (result < 0) {
        tr_alert_stop(alert);
        return result;
    }
    *alert_out = alert;
    return 0;
}

void tr_alert_begin_stop(struct tr_alert *alert)
{
    if (alert == NULL || atomic_exchange(&alert->stopping, true))
        return;
    alert->stop_us = tr_clock_mono_us();
    tr_mailbox_wake(alert->mailbox);
    tr_asker_begin_stop(alert->asker);
}

/* First it may end by itself; what still waits for PostgreSQL then is ended. */
static void join(struct tr_alert *alert)
{
    struct timespec until;
    int64_t left_us = alert->stop_us + LAST_REQUESTS_MS * INT64_C(1000) - tr_clock_mono_us();
    int64_t until_us = tr_clock_wall_us() + (left_us > 0 ? left_us : 0) + GRACE_MS * INT64_C(1000);
    until.tv_sec = (time_t)(until_us / 1000000);
    until.tv_nsec = (long)(until_us % 1000000) * 1000;
    if (pthread_timedjoin_np(alert->thread, NULL, &until) == 0)
        return;
    tr_pg_interrupt_raise(alert->interrupt);
    pthread_join(alert->thread, NULL);
}

void tr_alert_stop(struct tr_alert *alert)
{
    if (alert == NULL)
        return;
    tr_alert_begin_stop(alert);
    if (alert->started)
        join(alert);
    tr_asker_stop(alert->asker);
    if (alert->outbound != NULL)
        tr_outbound_stop(alert->outbound);
    run_messages(tr_mailbox_wait(alert->mailbox, 0));
    tr_away_free(alert->away);
    tr_deliveries_free(alert->deliveries);
    tr_changes_free(alert->changes);
    tr_book_free(alert->book);
    tr_gauges_free(alert->gauges);
    tr_pg_interrupt_free(alert->interrupt);
    tr_mailbox_free(alert->mailbox);
    free(alert);
}

void tr_alert_render(struct tr_alert *alert, struct tr_buf *out)
{
    tr_gauges_render(alert->gauges, alert->options.expose, out);
}
