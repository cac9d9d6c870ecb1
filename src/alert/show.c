/* SPDX-License-Identifier: MIT */
/* What there is to see: rules with their alerts, receivers, history, notifications. */
#include "store_priv.h"

#include <string.h>

enum { LIST_MAX = 1000 };

/* A query of one row with JSON first. */
static int query_json(struct tr_kpi_asker *asker, const char *name,
                      const struct tr_pg_params *params, json_t **out)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    int result = tr_store_query(asker, name, params, &row);
    return result == 0 ? tr_store_parse(asker, tr_pg_get_bytes(row, 0, 0), out) : result;
}

static int query_project(struct tr_kpi_asker *asker, const char *name, json_t **out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    tr_pg_bind_int4(params, asker->project->id);
    return query_json(asker, name, params, out);
}

/* Seeing --------------------------------------------------------------------------------------- */

/* Labels and fingerprints of a rule's alerts, which PostgreSQL does not know. */
static void complete_alerts(struct tr_kpi_asker *asker, json_t *rule, const char *project)
{
    struct rule_entry entry = {.project = project};
    size_t i;
    json_t *alert = NULL;
    tr_alert_rule_of(rule, asker->arena, &entry.rule);
    json_array_foreach(json_object_get(rule, "alerts"), i, alert)
    {
        const struct series series = {.name = json_string_value(json_object_get(alert, "series"))};
        json_t *labels = tr_alert_labels(&entry, &series);
        char fingerprint[17];
        tr_alert_fingerprint(labels, fingerprint);
        json_object_set_new(alert, "fingerprint", json_string(fingerprint));
        json_object_set_new(alert, "labels", labels);
    }
}

/* id without data: all. A new reference. */
static int load_rules(struct tr_kpi_asker *asker, struct tr_slice id, json_t **rules_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    size_t i;
    json_t *rule = NULL;
    tr_pg_bind_int4(params, asker->project->id);
    tr_pg_bind_text(params, id);
    int result = tr_store_query(asker, "list", params, &row);
    if (result == 0)
        result = tr_store_parse(asker, tr_pg_get_bytes(row, 0, 0), rules_out);
    if (result != 0)
        return result;
    const char *project =
        tr_pg_is_null(row, 0, 1) ? "" : tr_arena_dup(asker->arena, tr_pg_get_bytes(row, 0, 1)).data;
    json_array_foreach(*rules_out, i, rule)
    {
        complete_alerts(asker, rule, project);
    }
    return 0;
}

int tr_alert_get(struct tr_kpi_asker *asker, struct tr_slice id, json_t **answer_out)
{
    json_t *rules = NULL;
    int result = load_rules(asker, id, &rules);
    if (result == 0 && json_array_size(rules) == 0)
        result = tr_store_not_found(asker, id);
    if (result == 0)
        *answer_out = json_incref(json_array_get(rules, 0));
    json_decref(rules);
    return result;
}

int tr_alert_list(struct tr_kpi_asker *asker, bool brief, json_t **answer_out)
{
    json_t *answer = json_object();
    json_t *part = NULL;
    int result = load_rules(asker, TR_SLICE_NONE, &part);
    if (result == 0) {
        json_object_set_new(answer, "rules", TR_TAKE(part));
        result = query_project(asker, "list_silences", &part);
    }
    if (result == 0) {
        json_object_set_new(answer, "silences", TR_TAKE(part));
        result = brief ? 0 : query_project(asker, "list_receivers", &part);
    }
    if (result == 0 && !brief)
        json_object_set_new(answer, "receivers", part);
    if (result != 0)
        json_decref(answer);
    else
        *answer_out = answer;
    return result;
}

/* Parameters of the two lists below. */
struct sight {
    struct tr_slice rule;
    struct tr_slice receiver;
    int64_t from_us;
    int64_t to_us;
    int64_t id;
    int64_t limit;
};

static bool parse_number(struct tr_slice text, int64_t most, int64_t *number_out)
{
    int64_t number = 0;
    if (text.size == 0 || text.size > 18)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (text.data[i] - '0');
    }
    *number_out = number;
    return number <= most;
}

static int read_range(struct tr_kpi_asker *asker, const struct tr_kpi_parameter *parameters,
                      size_t count, struct sight *sight)
{
    struct tr_kpi_parameter ends[2];
    size_t used = 0;
    struct tr_kpi_facts facts;
    for (size_t i = 0; i < count && used < 2; i++)
        if (tr_slice_is(parameters[i].name, "from") || tr_slice_is(parameters[i].name, "to"))
            ends[used++] = parameters[i];
    if (used == 0)
        return 0;
    int result = tr_kpi_inspect(asker->pg, asker->project, TR_SLICE("event_count"), ends, used,
                                asker->now_us, asker->arena, &facts, asker->problem, asker->error);
    if (result == 0) {
        sight->from_us = facts.from_us;
        sight->to_us = facts.to_us;
    }
    return result;
}

static int read_sight(struct tr_kpi_asker *asker, const struct tr_kpi_parameter *parameters,
                      size_t count, const char *const *names, struct sight *sight)
{
    *sight = (struct sight){.from_us = INT64_MIN, .to_us = INT64_MAX, .limit = 100};
    for (size_t i = 0; i < count; i++) {
        const struct tr_kpi_parameter *one = &parameters[i];
        bool known = false;
        for (size_t k = 0; names[k] != NULL && !known; k++)
            known = tr_slice_is(one->name, names[k]);
        const char *name = tr_arena_strndup(asker->arena, one->name.data,
                                            one->name.size < 60 ? one->name.size : 60);
        if (!known)
            return tr_alert_refuse(asker, 400, name, "there is no such parameter");
        if (strcmp(name, "rule") == 0)
            sight->rule = one->value;
        else if (strcmp(name, "receiver") == 0)
            sight->receiver = one->value;
        else if (strcmp(name, "id") == 0 && !parse_number(one->value, INT64_MAX, &sight->id))
            return tr_alert_refuse(asker, 400, name, "expected a number");
        else if (strcmp(name, "limit") == 0 && !parse_number(one->value, LIST_MAX, &sight->limit))
            return tr_alert_refuse(asker, 400, name, "expected a number up to %d", LIST_MAX);
    }
    return read_range(asker, parameters, count, sight);
}

/* Answers {name: list}. */
static int answer_list(struct tr_kpi_asker *asker, const char *name,
                       const struct tr_pg_params *params, json_t **answer_out)
{
    json_t *list = NULL;
    int result = query_json(asker, name, params, &list);
    if (result == 0)
        *answer_out = json_pack("{s:o}", name, list);
    return result;
}

int tr_alert_history(struct tr_kpi_asker *asker, const struct tr_kpi_parameter *parameters,
                     size_t count, json_t **answer_out)
{
    static const char *const names[] = {"rule", "from", "to", "limit", NULL};
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    struct sight sight;
    int result = read_sight(asker, parameters, count, names, &sight);
    if (result != 0)
        return result;
    tr_pg_bind_int4(params, asker->project->id);
    tr_pg_bind_text(params, sight.rule);
    tr_pg_bind_timestamptz(params, sight.from_us);
    tr_pg_bind_timestamptz(params, sight.to_us);
    tr_pg_bind_int4(params, (int32_t)sight.limit);
    return answer_list(asker, "history", params, answer_out);
}

int tr_alert_notifications(struct tr_kpi_asker *asker, const struct tr_kpi_parameter *parameters,
                           size_t count, json_t **answer_out)
{
    static const char *const names[] = {"id", "receiver", "limit", NULL};
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    struct sight sight;
    int result = read_sight(asker, parameters, count, names, &sight);
    if (result != 0)
        return result;
    tr_pg_bind_int4(params, asker->project->id);
    tr_pg_bind_int8(params, sight.id);
    tr_pg_bind_text(params, sight.receiver);
    tr_pg_bind_int4(params, (int32_t)sight.limit);
    return answer_list(asker, "notifications", params, answer_out);
}
