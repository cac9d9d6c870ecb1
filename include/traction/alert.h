/* SPDX-License-Identifier: MIT */
/*
 * Alerts: rules about KPIs, the engine that evaluates them, and the receivers that are told.
 * docs/alerts.md has the shapes; src/alert/README.md the rules to hold in mind.
 */
#pragma once

#include "traction/base/buf.h"
#include "traction/kpi.h"
#include "traction/outbound.h"

#include <stdbool.h>

/* Rules, receivers, silences, history -----------------------------------------------------------
 * Everything blocks on the connection of the ask, which may be read-only by default, and must not
 * be in a transaction. Answers are new references. TR_KPI_PROBLEM fills ask->problem: 400 names the
 * field (a path into the body, such as rules[2].above), 404 says that there is no such rule, 409
 * that the name is taken. What changes anything is one transaction. id: a rule's number, or its
 * name. */

/* {"rules":[…], each with its alerts; "receivers":[…] unless brief; "silences":[…]}. */
int tr_alert_list(struct tr_kpi_asker *ask, bool brief, json_t **answer_out);
int tr_alert_get(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out);
int tr_alert_add(struct tr_kpi_asker *ask, const json_t *body, json_t **answer_out);
int tr_alert_change(struct tr_kpi_asker *ask, struct tr_slice id, const json_t *body,
                    json_t **answer_out);
int tr_alert_remove(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out);
/* body: {"rules":[…],"receivers":[…]}, which takes the place of all there is. Answers the
 * difference; dry: without making it. */
int tr_alert_apply(struct tr_kpi_asker *ask, const json_t *body, bool dry, json_t **answer_out);
/* body: {"for":"2h","series":…,"comment":…}. */
int tr_alert_silence(struct tr_kpi_asker *ask, struct tr_slice id, const json_t *body,
                     json_t **answer_out);
/* Ends a rule's silences. */
int tr_alert_unsilence(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out);
/* Adds a receiver, or replaces the one of its name; removes one that no rule names. */
int tr_alert_receiver_put(struct tr_kpi_asker *ask, const json_t *body, json_t **answer_out);
int tr_alert_receiver_remove(struct tr_kpi_asker *ask, struct tr_slice name, json_t **answer_out);
/* Says what the rule finds now, and has its receivers told of a test. Answers {"value", …,
 * "notifications":[numbers]}. */
int tr_alert_test(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out);
/* Parameters: rule, from, to, limit. The newest first. */
int tr_alert_history(struct tr_kpi_asker *ask, const struct tr_kpi_parameter *parameters,
                     size_t count, json_t **answer_out);
/* Parameters: id, receiver, limit. What was and is to be told. */
int tr_alert_notifications(struct tr_kpi_asker *ask, const struct tr_kpi_parameter *parameters,
                           size_t count, json_t **answer_out);

/* alerts.yaml as the body of tr_alert_apply(), and where in the file its fields are. */
struct tr_alert_places;
int tr_alert_read_file(const char *path, json_t **body_out, struct tr_alert_places **places_out,
                       struct tr_error *error);
/* The line of a field as a problem names it, or of the nearest thing around it; 0: unknown. */
int tr_alert_line(const struct tr_alert_places *places, const char *field);
void tr_alert_places_free(struct tr_alert_places *places);

/* The engine ------------------------------------------------------------------------------------
 * A thread that, of all servers on a database, works on one: where it holds the lock. Others stand
 * by. */

struct tr_alert_options {
    const char *database_url; /* borrowed, as all here */
    const char *cache_path;   /* receivers, for telling that PostgreSQL is away; NULL: none */
    const char *public_url;   /* where people reach this; NULL: alerts have no links */
    struct tr_outbound_options outbound;
    int interval_ms;          /* 2,000: between two looks at a rule */
    int query_threads;        /* 2: each with a connection */
    int statement_timeout_ms; /* 5,000: of a question */
    int group_wait_ms;        /* 500: what changes within goes out together */
    int give_up_s;            /* 86,400: after which a receiver is told no more of a change */
    int database_away_s; /* 30: PostgreSQL may be away before receivers are told; 0: never told */
    bool evaluate;       /* this server may be the one */
    bool expose;         /* values of rules among the metrics */
};
void tr_alert_options_init(struct tr_alert_options *options);

struct tr_alert;
int tr_alert_start(struct tr_alert **alert_out, const struct tr_alert_options *options,
                   struct tr_error *error);
/* Begins to end, without waiting: while the server drains. By who started it; NULL is nothing. */
void tr_alert_begin_stop(struct tr_alert *alert);
void tr_alert_stop(struct tr_alert *alert);
/* Appends gauges in Prometheus' text format. Any thread. */
void tr_alert_render(struct tr_alert *alert, struct tr_buf *out);
