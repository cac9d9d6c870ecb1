/* SPDX-License-Identifier: MIT */
/*
 * While PostgreSQL is away nothing can be evaluated, and nobody would be told: so the receivers of
 * all projects are told just that, by every server that cannot reach it, and again when it is back.
 * Who they are is remembered, also in a file for a server that starts meanwhile:
 *
 *   {"version": 1, "receivers": [{"project": name, "receiver": as in the table}, …]}
 */
#include "engine_priv.h"

#include "traction/base/clock.h"
#include "traction/base/file.h"
#include "traction/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CACHE_VERSION = 1,
    CACHE_MAX_BYTES = 64 << 20,
    RETRY_S = 5,
    ARENA_BYTES = 16 << 20,
    ATTEMPTS_AFTER = 20, /* to tell that it is back */
};

#define SECOND_US INT64_C(1000000)

struct away_receiver {
    struct tr_message message; /* first */
    struct away *away;
    struct away_receiver *next;
    json_t *entry; /* {"project", "receiver"} */
    struct tr_outbound_request request;
    struct tr_arena *arena;
    bool busy;
    bool sends_end;   /* what is under way says that it is back */
    bool told;        /* that it is away */
    int attempts;     /* to tell that it is back */
    int64_t retry_us; /* monotonic */
    bool gone;        /* to be freed when it is not busy */
};

struct away {
    const struct tr_alert_options *options;
    struct tr_outbound *outbound;
    struct tr_mailbox *mailbox;
    struct away_receiver *receivers;
    int64_t since_us; /* monotonic; 0: it is there */
    int64_t since_wall_us;
    int64_t back_wall_us;
    char host[256];
    char *mail_from;
};

/* Receivers ------------------------------------------------------------------------------------ */

static struct away_receiver *add_receiver(struct away *away, const char *project,
                                          const json_t *receiver)
{
    struct away_receiver *one = tr_calloc(1, sizeof *one);
    one->away = away;
    one->entry = json_pack("{s:s, s:O}", "project", project, "receiver", (json_t *)receiver);
    one->arena = tr_arena_new(ARENA_BYTES);
    one->next = away->receivers;
    away->receivers = one;
    return one;
}

static void free_receiver(struct away_receiver *one)
{
    json_decref(one->entry);
    tr_arena_free(one->arena);
    free(one);
}

static void sweep(struct away *away)
{
    struct away_receiver **at = &away->receivers;
    while (*at != NULL) {
        struct away_receiver *one = *at;
        if (!one->gone || one->busy) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        free_receiver(one);
    }
}

static void read_cache(struct away *away)
{
    TR_CLEANUP(tr_freep) char *text = NULL;
    size_t size = 0;
    if (away->options->cache_path == NULL ||
        tr_file_read_all(away->options->cache_path, CACHE_MAX_BYTES, &text, &size, NULL) < 0)
        return;
    json_t *document = json_loadb(text, size, 0, NULL);
    size_t i;
    json_t *entry = NULL;
    json_array_foreach(json_object_get(document, "receivers"), i, entry)
    {
        const char *project = json_string_value(json_object_get(entry, "project"));
        const json_t *receiver = json_object_get(entry, "receiver");
        if (project != NULL && json_is_object(receiver))
            add_receiver(away, project, receiver);
    }
    json_decref(document);
}

static void write_cache(const struct away *away)
{
    struct tr_error error = TR_ERROR_INIT;
    if (away->options->cache_path == NULL)
        return;
    json_t *receivers = json_array();
    for (const struct away_receiver *one = away->receivers; one != NULL; one = one->next)
        if (!one->gone)
            json_array_append(receivers, one->entry);
    json_t *document = json_pack("{s:i, s:o}", "version", CACHE_VERSION, "receivers", receivers);
    TR_CLEANUP(tr_freep) char *text = json_dumps(document, JSON_INDENT(1));
    json_decref(document);
    if (text == NULL ||
        tr_file_replace(away->options->cache_path, text, strlen(text), 0600, &error) < 0)
        tr_log(TR_LOG_WARNING, "alerts: receivers could not be remembered: %s", error.message);
}

struct away *tr_away_new(const struct tr_alert_options *options, struct tr_outbound *outbound,
                         struct tr_mailbox *mailbox)
{
    struct away *away = tr_calloc(1, sizeof *away);
    away->options = options;
    away->outbound = outbound;
    away->mailbox = mailbox;
    away->mail_from = tr_outbound_mail_from(&options->outbound);
    if (gethostname(away->host, sizeof away->host - 1) < 0)
        snprintf(away->host, sizeof away->host, "unknown");
    read_cache(away);
    return away;
}

void tr_away_free(struct away *away)
{
    if (away == NULL)
        return;
    for (struct away_receiver *one = away->receivers; one != NULL; one = one->next)
        one->gone = true;
    sweep(away);
    free(away->mail_from);
    free(away);
}

void tr_away_learn(struct away *away, const struct book *book)
{
    bool same = true;
    size_t known = 0;
    for (const struct away_receiver *one = away->receivers; one != NULL; one = one->next)
        known += !one->gone;
    same = known == book->receiver_count;
    for (struct away_receiver *one = away->receivers; one != NULL && same; one = one->next) {
        bool found = one->gone;
        for (size_t i = 0; i < book->receiver_count && !found; i++)
            found = json_equal(json_object_get(one->entry, "receiver"),
                               book->receivers[i].receiver) != 0;
        same = found;
    }
    if (same)
        return;
    /* Those that were told it is away still hear that it is back. */
    for (struct away_receiver *one = away->receivers; one != NULL; one = one->next)
        one->gone = one->gone || !one->told;
    for (size_t i = 0; i < book->receiver_count; i++)
        add_receiver(away, book->receivers[i].project, book->receivers[i].receiver);
    write_cache(away);
}

/* Telling -------------------------------------------------------------------------------------- */

static void on_done_here(struct tr_message *message)
{
    struct away_receiver *one = (struct away_receiver *)message;
    bool taken = one->request.error[0] == '\0';
    one->busy = false;
    one->retry_us = taken ? 0 : tr_clock_mono_us() + RETRY_S * SECOND_US;
    if (taken)
        one->told = !one->sends_end;
    else if (one->sends_end && ++one->attempts >= ATTEMPTS_AFTER)
        one->told = false;
    sweep(one->away);
}

static void on_done(struct tr_outbound_request *request)
{
    struct away_receiver *one =
        (struct away_receiver *)((char *)request - offsetof(struct away_receiver, request));
    one->message.run = on_done_here;
    tr_mailbox_post(one->away->mailbox, &one->message);
}

static json_t *make_alert(const struct away *away, const char *project, bool end,
                          struct tr_arena *arena)
{
    char fingerprint[17];
    json_t *labels = json_pack("{s:s, s:s, s:s, s:s}", "alertname", "TractionDatabaseAway",
                               "severity", "page", "project", project, "server", away->host);
    tr_alert_fingerprint(labels, fingerprint);
    json_t *annotations = json_pack(
        "{s:s, s:s}", "summary",
        "PostgreSQL cannot be reached: no alert is evaluated, no question answered", "description",
        "Events are still taken, and wait in the spool. See the runbook in "
        "docs/operations.md; traction doctor says what is wrong.");
    const char *url = away->options->public_url != NULL ? away->options->public_url : "";
    return json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:s}", "status", end ? "resolved" : "firing",
                     "labels", labels, "annotations", annotations, "startsAt",
                     tr_kpi_time_text(away->since_wall_us, arena).data, "endsAt",
                     end ? tr_kpi_time_text(away->back_wall_us, arena).data
                         : "0001-01-01T00:00:00Z",
                     "generatorURL", url, "fingerprint", fingerprint);
}

static void tell(struct away_receiver *one, bool end)
{
    struct away *away = one->away;
    tr_arena_reset(one->arena);
    memset(&one->request, 0, sizeof one->request);
    json_t *alerts = json_array();
    json_array_append_new(
        alerts, make_alert(away, json_string_value(json_object_get(one->entry, "project")), end,
                           one->arena));
    const struct tr_alert_message message = {
        .receiver = json_object_get(one->entry, "receiver"),
        .group_key = "{}:{alertname=\"TractionDatabaseAway\"}",
        .alerts = alerts,
        .external_url = away->options->public_url != NULL ? away->options->public_url : "",
        .mail_from = away->mail_from,
        .now_us = tr_clock_wall_us(),
    };
    tr_alert_compose(&message, one->arena, &one->request);
    json_decref(alerts);
    one->request.done = on_done;
    one->busy = true;
    one->sends_end = end;
    tr_outbound_send(away->outbound, &one->request);
}

void tr_away_look(struct away *away, bool connected)
{
    int64_t now_us = tr_clock_mono_us();
    if (!connected && away->since_us == 0) {
        away->since_us = now_us;
        away->since_wall_us = tr_clock_wall_us();
    } else if (connected && away->since_us != 0) {
        away->since_us = 0;
        away->back_wall_us = tr_clock_wall_us();
    }
    bool long_enough = away->since_us != 0 && away->options->database_away_s > 0 &&
                       now_us - away->since_us >= away->options->database_away_s * SECOND_US;
    for (struct away_receiver *one = away->receivers; one != NULL; one = one->next) {
        if (one->busy || now_us < one->retry_us)
            continue;
        if (long_enough && !one->told && !one->gone)
            tell(one, false);
        else if (connected && one->told)
            tell(one, true);
        else if (!one->told)
            one->attempts = 0;
    }
    if (connected)
        for (struct away_receiver *one = away->receivers; one != NULL; one = one->next)
            one->gone = one->gone && !one->told;
    sweep(away);
}
