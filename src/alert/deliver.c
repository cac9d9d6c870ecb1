/* SPDX-License-Identifier: MIT */
/*
 * From the table of notifications to the receivers. Each receiver has one request under way at
 * most, and is told of things in their order; a request that failed is repeated with growing
 * pauses, and what comes after it waits. That a request was taken is noted before the next is sent,
 * so that a server that dies repeats one at most.
 */
#include "engine_priv.h"

#include "traction/base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    TOGETHER_MAX = 200, /* as queries/alert/waiting */
    REFUSED_ATTEMPTS = 3,
    PAUSE_MAX_S = 300,
    REFRESHED_MAX = 2000,
    DELIVERY_BYTES = 1 << 30
};

#define SECOND_US INT64_C(1000000)

struct delivery {
    struct tr_message message; /* first: back on the engine's mailbox */
    struct delivery *next;
    struct deliveries *owner;
    struct tr_outbound_request request;
    struct tr_arena *arena;
    int32_t project_id;
    const char *receiver;
    int64_t ids[TOGETHER_MAX]; /* none: nothing is to be noted */
    size_t count;
    int attempts; /* before this one */
    int64_t created_us;
};

struct deliveries {
    const struct tr_alert_options *options;
    struct tr_outbound *outbound;
    struct tr_mailbox *mailbox;
    char *mail_from;
    struct tr_pg *pg;
    struct delivery *under_way;
    int64_t now_us; /* PostgreSQL's clock, as of the last look */
};

struct deliveries *tr_deliveries_new(const struct tr_alert_options *options,
                                     struct tr_outbound *outbound, struct tr_mailbox *mailbox)
{
    struct deliveries *deliveries = tr_calloc(1, sizeof *deliveries);
    deliveries->options = options;
    deliveries->outbound = outbound;
    deliveries->mailbox = mailbox;
    deliveries->mail_from = tr_outbound_mail_from(&options->outbound);
    return deliveries;
}

void tr_deliveries_free(struct deliveries *deliveries)
{
    if (deliveries == NULL)
        return;
    free(deliveries->mail_from);
    free(deliveries);
}

void tr_deliveries_use(struct deliveries *deliveries, struct tr_pg *pg)
{
    deliveries->pg = pg;
}

/* Coming back ---------------------------------------------------------------------------------- */

/* No use in repeating: the receiver understood the request, and did not like what it says. */
static bool is_refused(const struct delivery *delivery)
{
    int status = delivery->request.status;
    return (status == 400 || status == 413 || status == 422) &&
           delivery->attempts + 1 >= REFUSED_ATTEMPTS;
}

static void bind_ids(struct tr_pg_params *params, const struct delivery *delivery, int64_t now_us)
{
    tr_pg_array_begin(params, TR_PG_INT8);
    for (size_t i = 0; i < delivery->count; i++)
        tr_pg_array_int(params, delivery->ids[i]);
    tr_pg_array_end(params);
    tr_pg_bind_int4(params, delivery->project_id);
    tr_pg_bind_text(params, tr_slice_of(delivery->receiver));
    tr_pg_bind_timestamptz(params, now_us);
}

static int note_failure(struct deliveries *deliveries, const struct delivery *delivery,
                        const char *why, bool give_up, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    int64_t pause_s = delivery->attempts < 9 ? INT64_C(1) << delivery->attempts : PAUSE_MAX_S;
    if (pause_s > PAUSE_MAX_S)
        pause_s = PAUSE_MAX_S;
    bind_ids(params, delivery, deliveries->now_us);
    tr_pg_bind_text(params, tr_slice_of(why));
    if (give_up)
        tr_pg_bind_null(params);
    else
        tr_pg_bind_timestamptz(params, deliveries->now_us + pause_s * SECOND_US);
    if (delivery->count > 0 && (delivery->attempts == 0 || give_up))
        tr_log(TR_LOG_WARNING, "alerts: receiver %s %s: %s", delivery->receiver,
               give_up ? "is told no more of a change" : "could not be told", why);
    return tr_pg_query(deliveries->pg, tr_pg_sql("queries/alert/note_failed"), params, NULL, error);
}

static int note_success(struct deliveries *deliveries, const struct delivery *delivery,
                        struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    bind_ids(params, delivery, deliveries->now_us);
    return tr_pg_query(deliveries->pg, tr_pg_sql("queries/alert/note_sent"), params, NULL, error);
}

static void note(struct deliveries *deliveries, const struct delivery *delivery)
{
    struct tr_error error = TR_ERROR_INIT;
    const char *why = delivery->request.error;
    int64_t age_us = deliveries->now_us - delivery->created_us;
    bool give_up = is_refused(delivery) ||
                   (delivery->count > 0 && age_us > deliveries->options->give_up_s * SECOND_US);
    int result = *why == '\0' ? note_success(deliveries, delivery, &error)
                              : note_failure(deliveries, delivery, why, give_up, &error);
    if (result < 0 && !tr_pg_is_broken(deliveries->pg))
        tr_log(TR_LOG_ERROR, "alerts: what a receiver was told could not be noted: %s",
               error.message);
}

static void free_delivery(struct delivery *delivery)
{
    struct delivery **at = &delivery->owner->under_way;
    while (*at != delivery)
        at = &(*at)->next;
    *at = delivery->next;
    tr_arena_free(delivery->arena);
    free(delivery);
}

static void on_done_here(struct tr_message *message)
{
    struct delivery *delivery = (struct delivery *)message;
    struct deliveries *deliveries = delivery->owner;
    if (deliveries->pg != NULL && !tr_pg_is_broken(deliveries->pg))
        note(deliveries, delivery);
    free_delivery(delivery);
}

/* On the outbound thread. */
static void on_done(struct tr_outbound_request *request)
{
    struct delivery *delivery =
        (struct delivery *)((char *)request - offsetof(struct delivery, request));
    delivery->message.run = on_done_here;
    tr_mailbox_post(delivery->owner->mailbox, &delivery->message);
}

/* Going out ------------------------------------------------------------------------------------ */

static bool is_busy(const struct deliveries *deliveries, int32_t project_id, struct tr_slice name)
{
    for (const struct delivery *delivery = deliveries->under_way; delivery != NULL;
         delivery = delivery->next)
        if (delivery->project_id == project_id && tr_slice_is(name, delivery->receiver))
            return true;
    return false;
}

static struct delivery *make_delivery(struct deliveries *deliveries, int32_t project_id,
                                      struct tr_slice receiver)
{
    struct delivery *delivery = tr_calloc(1, sizeof *delivery);
    delivery->owner = deliveries;
    delivery->arena = tr_arena_new(DELIVERY_BYTES);
    delivery->project_id = project_id;
    delivery->receiver = tr_arena_strndup(delivery->arena, receiver.data, receiver.size);
    delivery->next = deliveries->under_way;
    deliveries->under_way = delivery;
    return delivery;
}

static void send(struct delivery *delivery, const json_t *receiver, const char *group_key,
                 const json_t *alerts, int64_t now_us)
{
    struct deliveries *deliveries = delivery->owner;
    const struct tr_alert_options *options = deliveries->options;
    const struct tr_alert_message message = {
        .receiver = receiver,
        .group_key = group_key,
        .alerts = alerts,
        .external_url = options->public_url != NULL ? options->public_url : "",
        .mail_from = deliveries->mail_from,
        .now_us = now_us,
    };
    tr_alert_compose(&message, delivery->arena, &delivery->request);
    delivery->request.done = on_done;
    tr_outbound_send(deliveries->outbound, &delivery->request);
}

/* Rows of one receiver, the first of them its oldest. */
struct stretch {
    const struct tr_pg_result *rows;
    int first;
    int end;
};

static int64_t time_at(const struct tr_pg_result *rows, int row, const char *name)
{
    int column = tr_pg_column(rows, name);
    return tr_pg_is_null(rows, row, column) ? 0 : tr_pg_get_timestamptz(rows, row, column);
}

static struct tr_slice text_at(const struct tr_pg_result *rows, int row, const char *name)
{
    return tr_pg_get_bytes(rows, row, tr_pg_column(rows, name));
}

static bool has_fingerprint(const json_t *alerts, const json_t *alert)
{
    size_t i;
    json_t *other = NULL;
    json_array_foreach(alerts, i, other)
    {
        if (json_equal(json_object_get(other, "fingerprint"),
                       json_object_get(alert, "fingerprint")))
            return true;
    }
    return false;
}

/* What can go out together: up to where an alert changes a second time. A new reference. */
static json_t *gather(const struct stretch *stretch, struct delivery *delivery)
{
    json_t *alerts = json_array();
    for (int row = stretch->first; row < stretch->end && delivery->count < TOGETHER_MAX; row++) {
        struct tr_slice text = text_at(stretch->rows, row, "alert");
        json_t *alert = json_loadb(text.data, text.size, 0, NULL);
        if (has_fingerprint(alerts, alert)) {
            json_decref(alert);
            break;
        }
        json_array_append_new(alerts, alert);
        delivery->ids[delivery->count++] =
            tr_pg_get_int(stretch->rows, row, tr_pg_column(stretch->rows, "id"));
    }
    return alerts;
}

static int send_stretch(struct deliveries *deliveries, const struct book *book,
                        const struct stretch *stretch, int64_t now_us, int64_t *next_us,
                        struct tr_error *error)
{
    const struct tr_pg_result *rows = stretch->rows;
    int first = stretch->first;
    int32_t project_id = (int32_t)tr_pg_get_int(rows, first, tr_pg_column(rows, "project_id"));
    struct tr_slice name = text_at(rows, first, "receiver");
    if (is_busy(deliveries, project_id, name))
        return 0;
    int64_t created_us = time_at(rows, first, "created_at");
    int64_t due_us = created_us + (int64_t)deliveries->options->group_wait_ms * 1000;
    int64_t retry_us = time_at(rows, first, "next_at");
    if (retry_us > due_us)
        due_us = retry_us;
    if (due_us > now_us) {
        if (due_us < *next_us)
            *next_us = due_us;
        return 0;
    }
    struct delivery *delivery = make_delivery(deliveries, project_id, name);
    const struct receiver_entry *receiver = tr_book_receiver(book, project_id, delivery->receiver);
    delivery->created_us = created_us;
    delivery->attempts = (int)tr_pg_get_int(rows, first, tr_pg_column(rows, "attempts"));
    json_t *alerts = gather(stretch, delivery);
    int result = 0;
    if (receiver != NULL) {
        struct tr_slice key = text_at(rows, first, "group_key");
        send(delivery, receiver->receiver, tr_arena_strndup(delivery->arena, key.data, key.size),
             alerts, now_us);
    } else {
        result =
            note_failure(deliveries, delivery, "there is no such receiver any more", true, error);
        free_delivery(delivery);
        *next_us = now_us;
    }
    json_decref(alerts);
    return result;
}

static bool same_receiver(const struct tr_pg_result *rows, int one, int other)
{
    int project = tr_pg_column(rows, "project_id");
    return tr_pg_get_int(rows, one, project) == tr_pg_get_int(rows, other, project) &&
           tr_slice_equal(text_at(rows, one, "receiver"), text_at(rows, other, "receiver"));
}

int tr_deliveries_send(struct deliveries *deliveries, const struct book *book, int64_t now_us,
                       int64_t *next_us_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    deliveries->now_us = now_us;
    *next_us_out = INT64_MAX;
    int result =
        tr_pg_query(deliveries->pg, tr_pg_sql("queries/alert/waiting"), NULL, &rows, error);
    /* Receivers are others now: they are read before anything is sent. */
    if (result == 0 && tr_pg_rows(rows) > 0 &&
        tr_pg_get_int(rows, 0, tr_pg_column(rows, "version")) != book->version)
        return DELIVERIES_STALE;
    for (int row = 0; result == 0 && row < tr_pg_rows(rows);) {
        struct stretch stretch = {.rows = rows, .first = row, .end = row + 1};
        while (stretch.end < tr_pg_rows(rows) && same_receiver(rows, row, stretch.end))
            stretch.end++;
        result = send_stretch(deliveries, book, &stretch, now_us, next_us_out, error);
        row = stretch.end;
    }
    return result;
}

bool tr_deliveries_any(const struct deliveries *deliveries)
{
    return deliveries->under_way != NULL;
}

/* Alertmanagers -------------------------------------------------------------------------------- */

/* Of one receiver, all that fires and that it was told of; a new reference. */
static json_t *all_firing(const struct deliveries *deliveries, const struct book *book,
                          const struct receiver_entry *receiver, struct tr_arena *arena)
{
    json_t *alerts = json_array();
    for (size_t i = 0; i < book->rule_count; i++) {
        const struct rule_entry *entry = &book->rules[i];
        if (entry->project_id != receiver->project_id || entry->removed ||
            !tr_alert_is_told(&entry->rule, receiver->name))
            continue;
        for (const struct series *series = entry->series; series != NULL; series = series->next)
            if (series->told_us != 0 && series->state.phase == TR_ALERT_FIRING &&
                json_array_size(alerts) < REFRESHED_MAX)
                json_array_append_new(alerts,
                                      tr_alert_tell(entry, series, series->state.fired_us, 0,
                                                    deliveries->options->public_url, arena));
    }
    return alerts;
}

void tr_deliveries_refresh(struct deliveries *deliveries, const struct book *book, int64_t now_us)
{
    for (size_t i = 0; i < book->receiver_count; i++) {
        const struct receiver_entry *receiver = &book->receivers[i];
        struct tr_slice name = tr_slice_of(receiver->name);
        if (json_object_get(receiver->receiver, "alertmanager") == NULL ||
            is_busy(deliveries, receiver->project_id, name))
            continue;
        struct delivery *delivery = make_delivery(deliveries, receiver->project_id, name);
        json_t *alerts = all_firing(deliveries, book, receiver, delivery->arena);
        if (json_array_size(alerts) > 0)
            send(delivery, receiver->receiver, "{}", alerts, now_us);
        else
            free_delivery(delivery);
        json_decref(alerts);
    }
}
