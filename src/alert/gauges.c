/* SPDX-License-Identifier: MIT */
/* What rules found last, in Prometheus' text format; a copy that any thread may print. */
#include "engine_priv.h"

#include "traction/metrics.h"

#include <math.h>
#include <stdlib.h>

enum { GAUGES_BYTES = 16 << 20 };

struct gauges {
    pthread_mutex_t lock;
    struct tr_buf values; /* guarded by lock, as all of these */
    struct tr_buf states;
    struct tr_buf failing_receivers;
    struct tr_buf waiting;
    bool leads;
    size_t rules;
    size_t questions;
    size_t firing;
    size_t failing; /* questions without an answer */
};

struct gauges *tr_gauges_new(void)
{
    struct gauges *gauges = tr_calloc(1, sizeof *gauges);
    pthread_mutex_init(&gauges->lock, NULL);
    tr_buf_init(&gauges->values, GAUGES_BYTES);
    tr_buf_init(&gauges->states, GAUGES_BYTES);
    tr_buf_init(&gauges->failing_receivers, GAUGES_BYTES);
    tr_buf_init(&gauges->waiting, GAUGES_BYTES);
    return gauges;
}

void tr_gauges_free(struct gauges *gauges)
{
    if (gauges == NULL)
        return;
    tr_buf_fini(&gauges->values);
    tr_buf_fini(&gauges->states);
    tr_buf_fini(&gauges->failing_receivers);
    tr_buf_fini(&gauges->waiting);
    pthread_mutex_destroy(&gauges->lock);
    free(gauges);
}

/* A label's value, as the text format wants it escaped. */
static void append_label(struct tr_buf *out, const char *name, const char *value)
{
    tr_buf_printf(out, "%s=\"", name);
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            tr_buf_append_text(out, "\\n");
        else if (*value == '"' || *value == '\\')
            tr_buf_printf(out, "\\%c", *value);
        else
            tr_buf_append_u8(out, (uint8_t)*value);
    }
    tr_buf_append_text(out, "\"");
}

static void append_labels(struct tr_buf *out, const struct rule_entry *entry,
                          const struct series *series)
{
    append_label(out, "project", entry->project);
    tr_buf_append_text(out, ",");
    append_label(out, "rule", entry->rule.name);
    tr_buf_append_text(out, ",");
    append_label(out, "kpi", entry->rule.kpi);
    if (entry->rule.by != NULL) {
        tr_buf_append_text(out, ",");
        append_label(out, entry->rule.by_label, series->name);
    }
}

static void append_series(struct gauges *gauges, const struct rule_entry *entry,
                          const struct series *series)
{
    if (series->known && isfinite(series->value)) {
        tr_buf_append_text(&gauges->values, "traction_kpi{");
        append_labels(&gauges->values, entry, series);
        tr_buf_printf(&gauges->values, "} %.17g\n", series->value);
    }
    tr_buf_append_text(&gauges->states, "traction_alert_state{");
    append_labels(&gauges->states, entry, series);
    tr_buf_printf(&gauges->states, "} %d\n", (int)series->state.phase);
}

void tr_gauges_update(struct gauges *gauges, const struct book *book, bool leads)
{
    pthread_mutex_lock(&gauges->lock);
    tr_buf_clear(&gauges->values, GAUGES_BYTES);
    tr_buf_clear(&gauges->states, GAUGES_BYTES);
    gauges->leads = leads;
    gauges->rules = gauges->questions = gauges->firing = gauges->failing = 0;
    for (size_t i = 0; leads && book != NULL && i < book->rule_count; i++) {
        const struct rule_entry *entry = &book->rules[i];
        if (entry->removed)
            continue;
        gauges->rules++;
        for (const struct series *series = entry->series; series != NULL; series = series->next) {
            append_series(gauges, entry, series);
            gauges->firing += series->state.phase == TR_ALERT_FIRING;
        }
    }
    for (size_t i = 0; leads && book != NULL && i < book->question_count; i++) {
        gauges->questions++;
        gauges->failing += book->questions[i]->complained;
    }
    pthread_mutex_unlock(&gauges->lock);
}

static void append_receiver(struct tr_buf *out, const char *metric, const struct tr_pg_result *rows,
                            int row, double value)
{
    TR_CLEANUP(tr_freep) char *project = NULL;
    TR_CLEANUP(tr_freep) char *name = NULL;
    struct tr_slice text = tr_pg_get_bytes(rows, row, tr_pg_column(rows, "project"));
    project = tr_strndup(text.data, text.size);
    text = tr_pg_get_bytes(rows, row, tr_pg_column(rows, "name"));
    name = tr_strndup(text.data, text.size);
    tr_buf_printf(out, "%s{", metric);
    append_label(out, "project", project);
    tr_buf_append_text(out, ",");
    append_label(out, "receiver", name);
    tr_buf_printf(out, "} %.17g\n", value);
}

void tr_gauges_update_receivers(struct gauges *gauges, const struct tr_pg_result *rows)
{
    pthread_mutex_lock(&gauges->lock);
    tr_buf_clear(&gauges->failing_receivers, GAUGES_BYTES);
    tr_buf_clear(&gauges->waiting, GAUGES_BYTES);
    for (int row = 0; row < tr_pg_rows(rows); row++) {
        append_receiver(&gauges->failing_receivers, "traction_alert_receiver_failing_seconds", rows,
                        row, tr_pg_get_float(rows, row, tr_pg_column(rows, "failing_s")));
        append_receiver(&gauges->waiting, "traction_alert_notifications_waiting", rows, row,
                        (double)tr_pg_get_int(rows, row, tr_pg_column(rows, "waiting")));
    }
    pthread_mutex_unlock(&gauges->lock);
}

static void append_family(struct tr_buf *out, const char *name, const char *help,
                          const struct tr_buf *lines)
{
    /* One that did not fit would end in the middle of a line. */
    if (lines->size == 0 || tr_buf_overflowed(lines))
        return;
    tr_buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
    tr_buf_append_slice(out, tr_buf_slice(lines));
}

void tr_gauges_render(struct gauges *gauges, bool expose, struct tr_buf *out)
{
    pthread_mutex_lock(&gauges->lock);
    tr_metrics_gauge(out, "traction_alerts_leader", "1 on the server that evaluates alerts.",
                     gauges->leads);
    tr_metrics_gauge(out, "traction_alert_rules", "Rules that are evaluated here.",
                     (double)gauges->rules);
    tr_metrics_gauge(out, "traction_alert_questions", "Distinct questions that rules ask.",
                     (double)gauges->questions);
    tr_metrics_gauge(out, "traction_alert_questions_failing",
                     "Of those, without an answer; see the log.", (double)gauges->failing);
    tr_metrics_gauge(out, "traction_alerts_firing", "Alerts that fire.", (double)gauges->firing);
    if (gauges->leads) {
        append_family(out, "traction_alert_receiver_failing_seconds",
                      "How long a receiver has not taken what it was sent; 0: it does.",
                      &gauges->failing_receivers);
        append_family(out, "traction_alert_notifications_waiting",
                      "What is still to be told to a receiver.", &gauges->waiting);
    }
    if (expose) {
        append_family(out, "traction_kpi", "What a rule found last.", &gauges->values);
        append_family(out, "traction_alert_state", "0 inactive, 1 pending, 2 firing.",
                      &gauges->states);
    }
    pthread_mutex_unlock(&gauges->lock);
}
