/* SPDX-License-Identifier: MIT */
/* An alert as it is told: its labels, its annotations, where to look. */
#include "engine_priv.h"

#include <string.h>

json_t *tr_alert_labels(const struct rule_entry *entry, const struct series *series)
{
    const struct tr_alert_rule *rule = &entry->rule;
    json_t *labels = json_copy(rule->labels);
    json_object_set_new(labels, "severity", json_string(rule->severity));
    json_object_set_new(labels, "alertname", json_string(rule->name));
    json_object_set_new(labels, "project", json_string(entry->project));
    if (rule->by != NULL && *series->name != '\0')
        json_object_set_new(labels, rule->by_label, json_string(series->name));
    return labels;
}

static void append_encoded(struct tr_buf *out, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL)
            tr_buf_append_u8(out, (uint8_t)*text);
        else
            tr_buf_printf(out, "%%%02X", (unsigned char)*text);
    }
}

/* The dashboard's page of the rule, at that moment. */
static const char *make_link(const struct rule_entry *entry, int64_t at_us, const char *public_url,
                             struct tr_arena *arena)
{
    struct tr_buf link;
    if (public_url == NULL || *public_url == '\0')
        return "";
    tr_buf_init(&link, (size_t)8 * TR_ALERT_URL_MAX);
    tr_buf_printf(&link, "%s/alerts?project=%s&rule=", public_url, entry->project_uuid);
    append_encoded(&link, entry->rule.name);
    struct tr_slice at = tr_kpi_time_text(at_us, arena);
    tr_buf_append_text(&link, "&at=");
    tr_buf_append_slice(&link, at);
    const char *text = tr_arena_strndup(arena, tr_buf_slice(&link).data, tr_buf_slice(&link).size);
    tr_buf_fini(&link);
    return text;
}

static const char *unit_of(const struct tr_alert_rule *rule)
{
    switch (rule->condition) {
    case TR_ALERT_CHANGE_ABOVE:
    case TR_ALERT_CHANGE_BELOW:
        return "ratio";
    case TR_ALERT_BURN_RATE:
        return "times";
    case TR_ALERT_ABOVE:
    case TR_ALERT_BELOW:
        break;
    }
    return rule->is_silence ? "s" : tr_kpi_unit_of(rule->kpi);
}

static json_t *expand_all(const struct tr_alert_rule *rule, const struct tr_alert_facts *facts,
                          struct tr_arena *arena)
{
    json_t *annotations = json_object();
    const char *name = NULL;
    json_t *text = NULL;
    json_object_foreach(rule->annotations, name, text)
    {
        const char *expanded = tr_alert_expand(json_string_value(text), facts, arena);
        json_object_set_new(annotations, name, json_string(expanded));
    }
    return annotations;
}

json_t *tr_alert_tell(const struct rule_entry *entry, const struct series *series,
                      int64_t starts_us, int64_t ends_us, const char *public_url,
                      struct tr_arena *arena)
{
    json_t *labels = tr_alert_labels(entry, series);
    char fingerprint[17];
    tr_alert_fingerprint(labels, fingerprint);
    struct tr_alert_facts facts = {
        .rule = &entry->rule,
        .series = series->name,
        .known = series->known,
        .value = series->value,
        .n = series->n,
        .unit = unit_of(&entry->rule),
        .labels = labels,
        .link = make_link(entry, ends_us != 0 ? ends_us : starts_us, public_url, arena),
    };
    struct tr_slice starts = tr_kpi_time_text(starts_us, arena);
    struct tr_slice ends =
        ends_us != 0 ? tr_kpi_time_text(ends_us, arena) : TR_SLICE("0001-01-01T00:00:00Z");
    return json_pack("{s:s, s:o, s:o, s:s%, s:s%, s:s, s:s}", "status",
                     ends_us != 0 ? "resolved" : "firing", "labels", labels, "annotations",
                     expand_all(&entry->rule, &facts, arena), "startsAt", starts.data, starts.size,
                     "endsAt", ends.data, ends.size, "generatorURL", facts.link, "fingerprint",
                     fingerprint);
}
