/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/alert only, and by their unit tests. */
#pragma once

#include "traction/alert.h"

#include "traction/pg.h"
#include "traction/stats.h"

/* Limits. */
enum {
    TR_ALERT_RULES_MAX = 2000, /* of a project, as the next */
    TR_ALERT_RECEIVERS_MAX = 50,
    TR_ALERT_NAME_MAX = 200,  /* bytes of a rule's or a receiver's name */
    TR_ALERT_TEXT_MAX = 2000, /* of an annotation's template, and of what it becomes */
    TR_ALERT_LABELS_MAX = 20,
    TR_ALERT_NOTIFY_MAX = 10,
    TR_ALERT_GROUPS_MAX = 20, /* groups of a rule with by: as many as a KPI has */
    TR_ALERT_WINDOWS_MAX = 4,
    TR_ALERT_PARAMETERS_MAX = 24,
    TR_ALERT_URL_MAX = 2000,
};

/* Rules (rule.c) ------------------------------------------------------------------------------- */

enum tr_alert_condition {
    TR_ALERT_ABOVE,
    TR_ALERT_BELOW,
    TR_ALERT_CHANGE_ABOVE, /* relative to the range before: 0.5 is half more */
    TR_ALERT_CHANGE_BELOW, /* -0.4: two fifths less */
    TR_ALERT_BURN_RATE,    /* an error budget spent faster than factor, in all windows */
};
/* What a rule makes of a window with too little in it. */
enum tr_alert_no_data {
    TR_ALERT_NO_DATA_IGNORE, /* as if the condition did not hold */
    TR_ALERT_NO_DATA_ALERT,  /* as if it did */
    TR_ALERT_NO_DATA_KEEP,   /* nothing changes */
};

/* A rule, read from its complete JSON. Texts belong to the arena it was read into. */
struct tr_alert_rule {
    const char *name;
    const char *kpi; /* ingest_silence: seconds since the last event was received */
    bool is_silence; /* kpi is ingest_silence */
    enum tr_alert_condition condition;
    double threshold; /* of all but burn rates; of those the factor */
    double slo;
    int64_t windows_us[TR_ALERT_WINDOWS_MAX]; /* one, but of burn rates */
    size_t window_count;
    bool compare_week; /* changes: with the same weekdays before, not with the time just before */
    int64_t for_us;
    int64_t keep_firing_us;
    int64_t delay_us;  /* the window ends this long ago */
    int64_t repeat_us; /* receivers are told again after this; 0: never */
    int64_t min_samples;
    double confidence; /* 0: none asked for */
    enum tr_alert_no_data no_data;
    size_t groups_max;
    const char *by;       /* NULL: none */
    const char *by_label; /* the label that has the group's name: [a-zA-Z_][a-zA-Z0-9_]* */
    struct tr_kpi_parameter parameters[TR_ALERT_PARAMETERS_MAX]; /* by, where, and the KPI's own */
    size_t parameter_count;
    const char *severity;
    json_t *labels;      /* borrowed from the JSON, as the next: the rule's own */
    json_t *annotations; /* templates */
    const char *notify[TR_ALERT_NOTIFY_MAX];
    size_t notify_count;
};

/* Checks what a person wrote, and completes it: every field there, durations as seconds. field is
 * the path of the body in errors, "rules[2]", or "". The receivers named are not looked at. */
int tr_alert_rule_read(struct tr_kpi_asker *ask, const json_t *body, const char *field,
                       json_t **rule_out);
/* From its complete JSON, which must outlive it. */
void tr_alert_rule_of(const json_t *rule, struct tr_arena *arena, struct tr_alert_rule *rule_out);
/* Whether what is asked and what alerts are called is the same: then alerts go on. */
bool tr_alert_rule_same_alerts(const json_t *one, const json_t *other);
/* The same of a receiver: {"name", one of "webhook" "slack" "alertmanager" "email", "secret",
 * "headers":{}, "group_by":["alertname"], "send_resolved":true}. */
int tr_alert_receiver_read(struct tr_kpi_asker *ask, const json_t *body, const char *field,
                           json_t **receiver_out);

/* States (state.c), pure ------------------------------------------------------------------------
 */

enum tr_alert_phase { TR_ALERT_INACTIVE, TR_ALERT_PENDING, TR_ALERT_FIRING };
extern const char *const tr_alert_phase_names[];
enum tr_alert_found { TR_ALERT_HOLDS, TR_ALERT_HOLDS_NOT, TR_ALERT_TOO_LITTLE };

struct tr_alert_state {
    enum tr_alert_phase phase;
    bool no_data;
    int64_t active_us; /* pending, firing; else 0 */
    int64_t fired_us;  /* firing; else 0 */
    int64_t clear_us;  /* firing, and the condition no longer holds; else 0 */
};
/* What one look makes of it. Bits; several at once, in this order. */
enum {
    TR_ALERT_BECAME_NO_DATA = 1,
    TR_ALERT_BECAME_PENDING = 2,
    TR_ALERT_BECAME_INACTIVE = 4, /* pending no more, without having fired */
    TR_ALERT_BECAME_FIRING = 8,
    TR_ALERT_BECAME_RESOLVED = 16,
};
unsigned tr_alert_step(const struct tr_alert_rule *rule, enum tr_alert_found found, int64_t now_us,
                       struct tr_alert_state *state);
/* What is told (label.c, template.c, message.c) -------------------------------------------------
 */

/* Prometheus' fingerprint of labels: FNV-1a over sorted names and values. 17 bytes. */
void tr_alert_fingerprint(const json_t *labels, char out[17]);

/* What templates may name: {{rule}} {{by}} {{value}} {{n}} {{threshold}} {{window}} {{link}}
 * {{severity}} and {{labels.NAME}}. */
struct tr_alert_facts {
    const struct tr_alert_rule *rule;
    const char *series; /* "" without by */
    bool known;         /* there is a value */
    double value;
    int64_t n;
    const char *unit;
    const json_t *labels; /* of the alert */
    const char *link;     /* "" if there is none */
};
/* NULL, or what is wrong with a template, in the arena. */
const char *tr_alert_check_template(const char *text, struct tr_arena *arena);
/* At most TR_ALERT_TEXT_MAX bytes, cut between characters; in the arena. */
const char *tr_alert_expand(const char *text, const struct tr_alert_facts *facts,
                            struct tr_arena *arena);

/* Fills the request for what goes out together to a receiver; texts are in the arena. alerts: as
 * Alertmanager's webhook has them, {"status", "labels", "annotations", "startsAt", "endsAt",
 * "generatorURL", "fingerprint"}. */
struct tr_alert_message {
    const json_t *receiver;
    const char *group_key;
    const json_t *alerts;
    const char *external_url; /* "" if there is none */
    const char *mail_from;
    int64_t now_us;
};
void tr_alert_compose(const struct tr_alert_message *message, struct tr_arena *arena,
                      struct tr_outbound_request *request);
