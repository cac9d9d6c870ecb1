/* SPDX-License-Identifier: MIT */
/* Rules: what a person writes, completed; and what the engine reads of that. */
#include "read_priv.h"

#include "traction/alert.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define DAY_S 86400.0
#define SECOND_US 1000000.0

static const char *const conditions[] = {
    [TR_ALERT_ABOVE] = "above",
    [TR_ALERT_BELOW] = "below",
    [TR_ALERT_CHANGE_ABOVE] = "change_above",
    [TR_ALERT_CHANGE_BELOW] = "change_below",
    [TR_ALERT_BURN_RATE] = "burn_rate",
    NULL,
};
static const char *const no_data_names[] = {[TR_ALERT_NO_DATA_IGNORE] = "ignore",
                                            [TR_ALERT_NO_DATA_ALERT] = "alert",
                                            [TR_ALERT_NO_DATA_KEEP] = "keep",
                                            NULL};
static const char *const compare_names[] = {"previous", "week", NULL};
/* Parameters of KPIs that a rule may have: all that do not say which time is meant. */
static const char *const parameter_names[] = {"name",   "goal",   "percentile", "t",        "steps",
                                              "window", "survey", "include",    "timezone", NULL};
/* Those that may stand beside the rule's own fields. */
static const char *const field_names[] = {
    "name", "kpi", "by", "where", "params", "goal", "percentile", "t", "steps", "survey", "include",
    "timezone", "above", "below", "change_above", "change_below", "burn_rate", "compare", "window",
    "for", "keep_firing_for", "delay", "repeat", "min_samples", "confidence", "no_data",
    "max_groups", "severity", "labels", "annotations", "notify",
    /* Of answers, so that one that was got can be sent back. */
    "id", "state", "alerts", "silenced_until", "created_at", "changed_at", NULL};

enum { WHERE_MAX = 8, WINDOW_LEAST_S = 10 };

/* What a person wrote ---------------------------------------------------------------------------
 */

struct draft {
    struct reading reading;
    json_t *rule;
    bool is_silence;
    enum tr_alert_condition condition;
    double window_s;
    struct tr_kpi_facts facts;
};

/* Takes the value. */
static void put(struct draft *draft, const char *name, json_t *value)
{
    json_object_set_new(draft->rule, name, value);
}

static int read_name_and_kpi(struct draft *draft)
{
    const char *name = NULL;
    const char *kpi = NULL;
    int result = tr_alert_read_text(&draft->reading, "name", TR_ALERT_NAME_MAX, true, &name);
    if (result == 0)
        result = tr_alert_read_text(&draft->reading, "kpi", TR_ALERT_NAME_MAX, true, &kpi);
    if (result != 0)
        return result;
    draft->is_silence = strcmp(kpi, "ingest_silence") == 0;
    put(draft, "name", json_string(name));
    put(draft, "kpi", json_string(kpi));
    return 0;
}

static bool is_one_of(const char *const *names, const char *name)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* A parameter's value as a question has it. */
static json_t *parameter_text(const struct draft *draft, const json_t *value)
{
    if (json_is_string(value))
        return json_incref((json_t *)value);
    if (json_is_integer(value))
        return json_string(tr_arena_printf(draft->reading.asker->arena, "%lld",
                                           (long long)json_integer_value(value)));
    if (json_is_real(value))
        return json_string(
            tr_arena_printf(draft->reading.asker->arena, "%.10g", json_real_value(value)));
    return NULL;
}

static int add_parameter(struct draft *draft, json_t *parameters, const char *name,
                         const char *shown, const json_t *value)
{
    const char *path = tr_alert_path(&draft->reading, shown);
    json_t *text = parameter_text(draft, value);
    if (!is_one_of(parameter_names, name)) {
        json_decref(text);
        return tr_alert_refuse(draft->reading.asker, 400, path,
                               "expected one of name, goal, percentile, t, steps, window, survey, "
                               "include and timezone");
    }
    if (text == NULL)
        return tr_alert_refuse(draft->reading.asker, 400, path, "expected a text or a number");
    json_object_set_new(parameters, name, text);
    return 0;
}

/* From params, and from beside it. */
static int read_parameters(struct draft *draft)
{
    json_t *parameters = json_object();
    const json_t *given = json_object_get(draft->reading.body, "params");
    const char *name = NULL;
    json_t *value = NULL;
    int result = 0;
    put(draft, "params", parameters);
    if (given != NULL && !json_is_null(given) && !json_is_object(given))
        return tr_alert_refuse(draft->reading.asker, 400, tr_alert_path(&draft->reading, "params"),
                               "expected parameters of the KPI with their values");
    json_object_foreach((json_t *)given, name, value)
    {
        if (result == 0)
            result = add_parameter(
                draft, parameters, name,
                tr_arena_printf(draft->reading.asker->arena, "params.%.60s", name), value);
    }
    for (size_t i = 0; parameter_names[i] != NULL && result == 0; i++) {
        value = json_object_get(draft->reading.body, parameter_names[i]);
        bool own =
            strcmp(parameter_names[i], "name") == 0 || strcmp(parameter_names[i], "window") == 0;
        if (!own && value != NULL && !json_is_null(value))
            result =
                add_parameter(draft, parameters, parameter_names[i], parameter_names[i], value);
    }
    return result;
}

static int read_question(struct draft *draft)
{
    const char *by = NULL;
    json_t *where = NULL;
    int result = read_parameters(draft);
    if (result == 0)
        result = tr_alert_read_text(&draft->reading, "by", TR_ALERT_NAME_MAX, false, &by);
    if (result == 0 && by != NULL)
        put(draft, "by", json_string(by));
    if (result == 0)
        result =
            tr_alert_read_texts(&draft->reading, "where", WHERE_MAX, TR_ALERT_TEXT_MAX, &where);
    if (where != NULL)
        put(draft, "where", where);
    return result;
}

/* The KPI's own judgement of its parameters. */
static int inspect(struct draft *draft)
{
    struct tr_kpi_asker *asker = draft->reading.asker;
    struct tr_alert_rule rule;
    struct tr_kpi_parameter parameters[TR_ALERT_PARAMETERS_MAX + 3];
    if (draft->is_silence)
        return 0;
    tr_alert_rule_of(draft->rule, asker->arena, &rule);
    memcpy(parameters, rule.parameters, sizeof rule.parameters);
    size_t count = rule.parameter_count;
    parameters[count++] = (struct tr_kpi_parameter){TR_SLICE("from"), TR_SLICE("-1h")};
    parameters[count++] = (struct tr_kpi_parameter){TR_SLICE("to"), TR_SLICE("now")};
    parameters[count++] = (struct tr_kpi_parameter){TR_SLICE("interval"), TR_SLICE("none")};
    int result =
        tr_kpi_inspect(asker->pg, asker->project, tr_slice_of(rule.kpi), parameters, count,
                       asker->now_us, asker->arena, &draft->facts, asker->problem, asker->error);
    if (result != TR_KPI_PROBLEM)
        return result;
    const char *parameter = asker->problem->parameter;
    const char *path = tr_alert_path(&draft->reading, parameter != NULL ? parameter : "kpi");
    const char *message = asker->problem->message;
    size_t size = parameter != NULL ? strlen(parameter) : 0;
    if (size > 0 && strncmp(message, parameter, size) == 0 && message[size] == ':')
        message += size + 1 + (message[size + 1] == ' ');
    const char *hint = asker->problem->hint;
    tr_alert_refuse(asker, 400, path, "%s", message);
    asker->problem->hint = hint;
    return TR_KPI_PROBLEM;
}

static int refuse_silence_question(struct draft *draft)
{
    static const char *const not [] = {
        "by",           "params",       "where",     "confidence", "below",
        "change_above", "change_below", "burn_rate", "compare",    NULL};
    if (!draft->is_silence)
        return 0;
    for (size_t i = 0; not [i] != NULL; i++) {
        const json_t *value = json_object_get(draft->reading.body, not [i]);
        if (value != NULL && !json_is_null(value))
            return tr_alert_refuse(draft->reading.asker, 400,
                                   tr_alert_path(&draft->reading, not [i]),
                                   "ingest_silence has no such field; it is the seconds since "
                                   "anything was received, held against above");
    }
    return 0;
}

/* Conditions ------------------------------------------------------------------------------------
 */

static int read_burn_windows(struct draft *draft, const struct reading *reading, json_t *out)
{
    const json_t *windows = json_object_get(reading->body, "windows");
    json_t *list = json_array();
    size_t i;
    json_t *value = NULL;
    json_object_set_new(out, "windows", list);
    if (!json_is_array(windows) || json_array_size(windows) == 0 ||
        json_array_size(windows) > TR_ALERT_WINDOWS_MAX)
        return tr_alert_refuse(draft->reading.asker, 400, tr_alert_path(reading, "windows"),
                               "expected 1 to %d durations such as [1h, 5m]", TR_ALERT_WINDOWS_MAX);
    json_array_foreach(windows, i, value)
    {
        double seconds = 0;
        const char *name = tr_arena_printf(draft->reading.asker->arena, "windows[%zu]", i);
        int result =
            tr_alert_read_duration_of(reading, name, value, WINDOW_LEAST_S, 90 * DAY_S, &seconds);
        if (result != 0)
            return result;
        json_array_append_new(list, json_integer((json_int_t)seconds));
    }
    return 0;
}

static int read_burn_rate(struct draft *draft)
{
    static const char *const names[] = {"slo", "factor", "windows", NULL};
    const json_t *body = json_object_get(draft->reading.body, "burn_rate");
    const struct reading reading = {.asker = draft->reading.asker,
                                    .path = tr_alert_path(&draft->reading, "burn_rate"),
                                    .body = body};
    double slo = NAN;
    double factor = NAN;
    json_t *out = json_object();
    put(draft, "burn_rate", out);
    json_object_del(draft->rule, "window");
    int result = tr_alert_check_fields(&reading, names);
    if (result == 0)
        result = tr_alert_read_number(&reading, "slo", 0.5, 0.999999, &slo);
    if (result == 0)
        result = tr_alert_read_number(&reading, "factor", 0.01, 100000, &factor);
    if (result == 0 && (isnan(slo) || isnan(factor)))
        result = tr_alert_refuse(reading.asker, 400,
                                 tr_alert_path(&reading, isnan(slo) ? "slo" : "factor"),
                                 "expected a number, such as {slo: 0.999, factor: 14.4, windows: "
                                 "[1h, 5m]}");
    if (result == 0)
        result = read_burn_windows(draft, &reading, out);
    if (result != 0)
        return result;
    json_object_set_new(out, "slo", json_real(slo));
    json_object_set_new(out, "factor", json_real(factor));
    const char *kpi = json_string_value(json_object_get(draft->rule, "kpi"));
    if (draft->facts.evidence != TR_KPI_SHARE && strcmp(kpi, "apdex") != 0)
        return tr_alert_refuse(reading.asker, 400, reading.path,
                               "%s is no share, so it spends no error budget; expected a KPI such "
                               "as error_rate or apdex",
                               kpi);
    return 0;
}

static int read_condition(struct draft *draft)
{
    int found = -1;
    struct tr_kpi_asker *asker = draft->reading.asker;
    for (int i = 0; conditions[i] != NULL; i++) {
        const json_t *value = json_object_get(draft->reading.body, conditions[i]);
        if (value == NULL || json_is_null(value))
            continue;
        if (found >= 0)
            return tr_alert_refuse(asker, 400, tr_alert_path(&draft->reading, conditions[i]),
                                   "expected one condition, and there is %s, too",
                                   conditions[found]);
        found = i;
    }
    if (found < 0 && draft->is_silence)
        found = TR_ALERT_ABOVE;
    else if (found < 0)
        return tr_alert_refuse(asker, 400, tr_alert_path(&draft->reading, "above"),
                               "expected a condition: above, below, change_above, change_below or "
                               "burn_rate");
    draft->condition = (enum tr_alert_condition)found;
    if (found == TR_ALERT_BURN_RATE)
        return read_burn_rate(draft);
    double threshold = draft->window_s; /* of ingest_silence */
    int result = tr_alert_read_number(&draft->reading, conditions[found], -1e15, 1e15, &threshold);
    put(draft, conditions[found], json_real(threshold));
    return result;
}

static int read_window(struct draft *draft)
{
    draft->window_s = draft->is_silence ? 600 : 300;
    int result = tr_alert_read_duration(&draft->reading, "window", WINDOW_LEAST_S, 90 * DAY_S,
                                        &draft->window_s);
    put(draft, "window", json_integer((json_int_t)draft->window_s));
    return result;
}

/* Fields that go with one condition only. */
static int check_together(struct draft *draft)
{
    const json_t *body = draft->reading.body;
    struct tr_kpi_asker *asker = draft->reading.asker;
    bool change =
        draft->condition == TR_ALERT_CHANGE_ABOVE || draft->condition == TR_ALERT_CHANGE_BELOW;
    const json_t *window = json_object_get(body, "window");
    if (!change && json_is_string(json_object_get(body, "compare")))
        return tr_alert_refuse(asker, 400, tr_alert_path(&draft->reading, "compare"),
                               "goes with change_above and change_below only");
    if (draft->condition == TR_ALERT_BURN_RATE && window != NULL && !json_is_null(window))
        return tr_alert_refuse(asker, 400, tr_alert_path(&draft->reading, "window"),
                               "a burn rate has windows of its own, in burn_rate.windows");
    double confidence = json_number_value(json_object_get(draft->rule, "confidence"));
    if (confidence > 0 &&
        (draft->facts.evidence != TR_KPI_SHARE || draft->condition > TR_ALERT_BELOW))
        return tr_alert_refuse(asker, 400, tr_alert_path(&draft->reading, "confidence"),
                               "goes with above and below of a KPI that is a share, such as "
                               "error_rate");
    return 0;
}

/* All else --------------------------------------------------------------------------------------
 */

static int read_durations(struct draft *draft)
{
    static const struct {
        const char *name;
        double most_s;
        double otherwise_s;
    } durations[] = {{"for", 7 * DAY_S, 0},
                     {"keep_firing_for", 7 * DAY_S, 0},
                     {"delay", DAY_S, 0},
                     {"repeat", 365 * DAY_S, 4 * 3600}};
    int result = 0;
    for (size_t i = 0; i < sizeof durations / sizeof *durations && result == 0; i++) {
        double seconds = durations[i].otherwise_s;
        result = tr_alert_read_duration(&draft->reading, durations[i].name, 0, durations[i].most_s,
                                        &seconds);
        put(draft, durations[i].name, json_integer((json_int_t)seconds));
    }
    return result;
}

static int read_whole(struct draft *draft, const char *name, double least, double most,
                      double otherwise)
{
    double number = otherwise;
    int result = tr_alert_read_number(&draft->reading, name, least, most, &number);
    if (result == 0 && floor(number) != number)
        result = tr_alert_refuse(draft->reading.asker, 400, tr_alert_path(&draft->reading, name),
                                 "expected a whole number");
    put(draft, name, json_integer((json_int_t)number));
    return result;
}

static int read_numbers(struct draft *draft)
{
    const char *no_data = "ignore";
    const char *compare = "previous";
    double confidence = 0;
    int result = read_whole(draft, "min_samples", 0, 1e15, 0);
    if (result == 0)
        result = read_whole(draft, "max_groups", 1, TR_ALERT_GROUPS_MAX, TR_ALERT_GROUPS_MAX);
    if (result == 0)
        result = tr_alert_read_number(&draft->reading, "confidence", 0, 0.9999, &confidence);
    if (result == 0 && confidence != 0 && confidence < 0.5)
        result =
            tr_alert_refuse(draft->reading.asker, 400, tr_alert_path(&draft->reading, "confidence"),
                            "expected a number from 0.5 to 0.9999");
    if (result == 0)
        result = tr_alert_read_choice(&draft->reading, "no_data", no_data_names, &no_data);
    if (result == 0)
        result = tr_alert_read_choice(&draft->reading, "compare", compare_names, &compare);
    put(draft, "confidence", json_real(confidence));
    put(draft, "no_data", json_string(no_data));
    if (draft->condition == TR_ALERT_CHANGE_ABOVE || draft->condition == TR_ALERT_CHANGE_BELOW)
        put(draft, "compare", json_string(compare));
    return result;
}

static const char *check_label(const char *name)
{
    static const char *const taken[] = {"alertname", "severity", "project", NULL};
    if (!tr_alert_is_label_name(name))
        return "expected a name of letters, digits and _";
    return is_one_of(taken, name) ? "is a label that every alert has; choose another name" : NULL;
}

static const char *check_annotation(const char *name)
{
    return tr_alert_is_label_name(name) ? NULL : "expected a name of letters, digits and _";
}

/* The label that says which group it is. */
static const char *label_of(const char *by, struct tr_arena *arena)
{
    char *label = tr_arena_printf(arena, "%s%s", isdigit((unsigned char)*by) ? "_" : "", by);
    for (char *c = label; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return label;
}

static int read_words(struct draft *draft)
{
    static const struct map_kind labels = {TR_ALERT_LABELS_MAX, TR_ALERT_NAME_MAX, check_label,
                                           NULL};
    static const struct map_kind annotations = {TR_ALERT_LABELS_MAX, TR_ALERT_TEXT_MAX,
                                                check_annotation, tr_alert_check_template};
    const char *severity = NULL;
    json_t *map = NULL;
    const char *by = json_string_value(json_object_get(draft->rule, "by"));
    int result =
        tr_alert_read_text(&draft->reading, "severity", TR_ALERT_NAME_MAX, false, &severity);
    put(draft, "severity", json_string(severity != NULL ? severity : "page"));
    if (result == 0) {
        result = tr_alert_read_map(&draft->reading, "labels", &labels, &map);
        put(draft, "labels", map);
    }
    if (result == 0 && by != NULL) {
        const char *label = label_of(by, draft->reading.asker->arena);
        const char *name = tr_arena_printf(draft->reading.asker->arena, "labels.%s", label);
        if (json_object_get(map, label) != NULL || check_label(label) != NULL)
            result =
                tr_alert_refuse(draft->reading.asker, 400, tr_alert_path(&draft->reading, name),
                                "is the label that says which group it is; choose another");
    }
    if (result == 0) {
        result = tr_alert_read_map(&draft->reading, "annotations", &annotations, &map);
        put(draft, "annotations", map);
    }
    if (result == 0) {
        result = tr_alert_read_texts(&draft->reading, "notify", TR_ALERT_NOTIFY_MAX,
                                     TR_ALERT_NAME_MAX, &map);
        put(draft, "notify", map);
    }
    return result;
}

int tr_alert_rule_read(struct tr_kpi_asker *asker, const json_t *body, const char *field,
                       json_t **rule_out)
{
    struct draft draft = {.reading = {.asker = asker, .path = field, .body = body},
                          .rule = json_object()};
    static int (*const steps[])(struct draft * draft) = {
        read_name_and_kpi, refuse_silence_question, read_question, inspect,        read_window,
        read_condition,    read_durations,          read_numbers,  check_together, read_words};
    int result = tr_alert_check_fields(&draft.reading, field_names);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && result == 0; i++)
        result = steps[i](&draft);
    if (result != 0) {
        json_decref(draft.rule);
        return result;
    }
    *rule_out = draft.rule;
    return 0;
}

/* What the engine reads -------------------------------------------------------------------------
 */

static int64_t duration_us(const json_t *rule, const char *name)
{
    return json_integer_value(json_object_get(rule, name)) * (int64_t)SECOND_US;
}

static void take_parameter(struct tr_alert_rule *rule, const char *name, const json_t *value,
                           struct tr_arena *arena)
{
    if (rule->parameter_count == TR_ALERT_PARAMETERS_MAX || !json_is_string(value))
        return;
    rule->parameters[rule->parameter_count++] = (struct tr_kpi_parameter){
        tr_arena_dup(arena, tr_slice_of(name)),
        tr_arena_dup(arena, tr_slice(json_string_value(value), json_string_length(value)))};
}

static void take_parameters(const json_t *document, struct tr_alert_rule *rule,
                            struct tr_arena *arena)
{
    const char *name = NULL;
    json_t *value = NULL;
    size_t i;
    rule->by = json_string_value(json_object_get(document, "by"));
    if (rule->by != NULL) {
        rule->by_label = label_of(rule->by, arena);
        take_parameter(rule, "by", json_object_get(document, "by"), arena);
    }
    json_array_foreach(json_object_get(document, "where"), i, value)
    {
        take_parameter(rule, "where", value, arena);
    }
    json_object_foreach(json_object_get(document, "params"), name, value)
    {
        take_parameter(rule, name, value, arena);
    }
}

static void take_windows(const json_t *document, struct tr_alert_rule *rule)
{
    const json_t *burn = json_object_get(document, "burn_rate");
    size_t i;
    json_t *value = NULL;
    rule->windows_us[0] = duration_us(document, "window");
    rule->window_count = 1;
    for (int k = 0; k < TR_ALERT_BURN_RATE; k++) {
        value = json_object_get(document, conditions[k]);
        if (value == NULL)
            continue;
        rule->condition = (enum tr_alert_condition)k;
        rule->threshold = json_number_value(value);
    }
    if (burn == NULL)
        return;
    rule->condition = TR_ALERT_BURN_RATE;
    rule->threshold = json_number_value(json_object_get(burn, "factor"));
    rule->slo = json_number_value(json_object_get(burn, "slo"));
    rule->window_count = 0;
    json_array_foreach(json_object_get(burn, "windows"), i, value)
    {
        if (rule->window_count < TR_ALERT_WINDOWS_MAX)
            rule->windows_us[rule->window_count++] = json_integer_value(value) * (int64_t)SECOND_US;
    }
}

static void take_words(const json_t *document, struct tr_alert_rule *rule)
{
    size_t i;
    json_t *value = NULL;
    rule->labels = json_object_get(document, "labels");
    rule->severity = json_string_value(json_object_get(document, "severity"));
    rule->annotations = json_object_get(document, "annotations");
    json_array_foreach(json_object_get(document, "notify"), i, value)
    {
        if (rule->notify_count < TR_ALERT_NOTIFY_MAX)
            rule->notify[rule->notify_count++] = json_string_value(value);
    }
}

void tr_alert_rule_of(const json_t *document, struct tr_arena *arena, struct tr_alert_rule *rule)
{
    const char *no_data = json_string_value(json_object_get(document, "no_data"));
    const char *compare = json_string_value(json_object_get(document, "compare"));
    const char *kpi = json_string_value(json_object_get(document, "kpi"));
    *rule = (struct tr_alert_rule){
        .name = json_string_value(json_object_get(document, "name")),
        .kpi = kpi,
        .is_silence = kpi != NULL && strcmp(kpi, "ingest_silence") == 0,
        .compare_week = compare != NULL && strcmp(compare, "week") == 0,
        .for_us = duration_us(document, "for"),
        .keep_firing_us = duration_us(document, "keep_firing_for"),
        .delay_us = duration_us(document, "delay"),
        .repeat_us = duration_us(document, "repeat"),
        .min_samples = json_integer_value(json_object_get(document, "min_samples")),
        .confidence = json_number_value(json_object_get(document, "confidence")),
        .groups_max = (size_t)json_integer_value(json_object_get(document, "max_groups")),
    };
    for (int i = 0; no_data != NULL && no_data_names[i] != NULL; i++)
        if (strcmp(no_data_names[i], no_data) == 0)
            rule->no_data = (enum tr_alert_no_data)i;
    take_parameters(document, rule, arena);
    take_windows(document, rule);
    take_words(document, rule);
}

bool tr_alert_rule_same_alerts(const json_t *one, const json_t *other)
{
    static const char *const names[] = {"kpi", "by", "where", "params", "labels", "severity"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *left = json_object_get(one, names[i]);
        const json_t *right = json_object_get(other, names[i]);
        if (left != right && !json_equal(left, right))
            return false;
    }
    return true;
}
