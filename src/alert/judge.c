/* SPDX-License-Identifier: MIT */
/* What the answers to a rule's questions say of each of its groups. Pure. */
#include "engine_priv.h"

/* A number of one answer or of one of its groups. */
struct reading {
    bool known;
    double value;
    int64_t n;
};

static struct reading read_one(const json_t *object)
{
    const json_t *value = json_object_get(object, "value");
    return (struct reading){
        .known = json_is_number(value),
        .value = json_number_value(value),
        .n = json_integer_value(json_object_get(object, "n")),
    };
}

static const json_t *group_of(const json_t *answer, const json_t *by)
{
    size_t i;
    json_t *group = NULL;
    json_array_foreach(json_object_get(answer, "groups"), i, group)
    {
        if (json_equal(json_object_get(group, "by"), by) && json_object_get(group, "other") == NULL)
            return group;
    }
    return NULL;
}

/* A bound is asked for on the side of the threshold: the interval has to clear it. */
static enum tr_alert_found beyond(const struct tr_alert_rule *rule, const struct reading *reading)
{
    struct tr_interval interval = {reading->value, reading->value};
    if (rule->confidence > 0 && reading->value >= 0 && reading->value <= 1 && reading->n > 0)
        interval = tr_stats_wilson(reading->value, reading->n, rule->confidence);
    bool holds = rule->condition == TR_ALERT_ABOVE ? interval.low > rule->threshold
                                                   : interval.high < rule->threshold;
    return holds ? TR_ALERT_HOLDS : TR_ALERT_HOLDS_NOT;
}

static void judge_level(const struct tr_alert_rule *rule, const struct reading *now,
                        struct finding *finding)
{
    finding->known = now->known;
    finding->value = now->value;
    finding->n = now->n;
    finding->found =
        now->known && now->n >= rule->min_samples ? beyond(rule, now) : TR_ALERT_TOO_LITTLE;
}

static void judge_change(const struct tr_alert_rule *rule, const struct reading *now,
                         const struct reading *before, struct finding *finding)
{
    finding->n = now->n < before->n ? now->n : before->n;
    finding->known = now->known && before->known && before->value != 0;
    finding->found = TR_ALERT_TOO_LITTLE;
    if (!finding->known)
        return;
    double size = before->value < 0 ? -before->value : before->value;
    finding->value = (now->value - before->value) / size;
    /* A fall to nothing has no sample now, and is what is looked for. */
    if (before->n < rule->min_samples ||
        (rule->condition == TR_ALERT_CHANGE_ABOVE && now->n < rule->min_samples))
        return;
    bool holds = rule->condition == TR_ALERT_CHANGE_ABOVE ? finding->value > rule->threshold
                                                          : finding->value < rule->threshold;
    finding->found = holds ? TR_ALERT_HOLDS : TR_ALERT_HOLDS_NOT;
}

/* How many times faster than an error budget of 1 - slo lasts it is spent, in the window where that
 * is slowest (Site Reliability Workbook, chapter 5: multiwindow, multi-burn-rate alerts). */
static void judge_burn(const struct tr_alert_rule *rule, const struct reading *readings,
                       size_t count, struct finding *finding)
{
    bool good = tr_kpi_better_of(rule->kpi) == TR_KPI_UP;
    *finding = (struct finding){.series = finding->series, .known = true};
    for (size_t i = 0; i < count && finding->known; i++) {
        double bad = good ? 1 - readings[i].value : readings[i].value;
        double burn = bad / (1 - rule->slo);
        finding->known = readings[i].known;
        if (i == 0 || burn < finding->value)
            finding->value = burn;
        if (i == 0 || readings[i].n < finding->n)
            finding->n = readings[i].n;
    }
    finding->found = !finding->known || finding->n < rule->min_samples ? TR_ALERT_TOO_LITTLE
                     : finding->value > rule->threshold                ? TR_ALERT_HOLDS
                                                                       : TR_ALERT_HOLDS_NOT;
}

static void judge(const struct tr_alert_rule *rule, const struct reading *readings, size_t count,
                  struct finding *finding)
{
    if (rule->condition == TR_ALERT_BURN_RATE)
        judge_burn(rule, readings, count, finding);
    else if (count == 2)
        judge_change(rule, &readings[0], &readings[1], finding);
    else
        judge_level(rule, &readings[0], finding);
}

static size_t count_answers(const struct tr_alert_rule *rule)
{
    bool change =
        rule->condition == TR_ALERT_CHANGE_ABOVE || rule->condition == TR_ALERT_CHANGE_BELOW;
    return change ? 2 : rule->window_count;
}

static size_t judge_groups(const struct tr_alert_rule *rule, const json_t *const *answers,
                           struct finding *findings_out)
{
    struct reading readings[QUESTIONS_A_RULE] = {{0}};
    size_t answer_count = count_answers(rule);
    size_t count = 0;
    size_t i;
    json_t *group = NULL;
    json_array_foreach(json_object_get(answers[0], "groups"), i, group)
    {
        const json_t *by = json_object_get(group, "by");
        if (count == rule->groups_max || json_object_get(group, "other") != NULL)
            break;
        for (size_t k = 0; k < answer_count; k++)
            readings[k] = read_one(k == 0 ? group : group_of(answers[k], by));
        struct finding *finding = &findings_out[count++];
        *finding =
            (struct finding){.series = tr_slice(json_is_string(by) ? json_string_value(by) : "",
                                                json_string_length(by))};
        judge(rule, readings, answer_count, finding);
    }
    return count;
}

size_t tr_alert_judge(const struct tr_alert_rule *rule, const json_t *const *answers,
                      struct finding *findings_out)
{
    struct reading readings[QUESTIONS_A_RULE] = {{0}};
    size_t answer_count = count_answers(rule);
    if (rule->by != NULL)
        return judge_groups(rule, answers, findings_out);
    for (size_t k = 0; k < answer_count; k++)
        readings[k] = read_one(answers[k]);
    findings_out[0] = (struct finding){.series = TR_SLICE("")};
    judge(rule, readings, answer_count, &findings_out[0]);
    return 1;
}
