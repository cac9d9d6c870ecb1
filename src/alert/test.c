/* SPDX-License-Identifier: MIT */
/* Trying a rule: what it finds now, and whether its receivers can be told. */
#include "engine_priv.h"

#include <stdlib.h>

static int judge_now(struct tr_kpi_asker *asker, const struct rule_entry *entry, json_t **held,
                     struct finding *findings, size_t *count_out)
{
    const json_t *answers[QUESTIONS_A_RULE];
    for (size_t i = 0; i < entry->question_count; i++) {
        json_t *answer = NULL;
        int result =
            tr_question_ask(asker->pg, entry->questions[i], asker->now_us, &answer, asker->error);
        if (result < 0)
            return result;
        json_array_append_new(*held, answer);
        answers[i] = answer;
    }
    *count_out = tr_alert_judge(&entry->rule, answers, findings);
    return 0;
}

static const char *word_of(enum tr_alert_found found)
{
    return found == TR_ALERT_HOLDS       ? "holds"
           : found == TR_ALERT_HOLDS_NOT ? "holds not"
                                         : "no data";
}

static json_t *findings_json(const struct finding *findings, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct finding *one = &findings[i];
        json_array_append_new(list,
                              json_pack("{s:s%, s:s, s:o, s:I}", "series", one->series.data,
                                        one->series.size, "condition", word_of(one->found), "value",
                                        one->known ? json_real(one->value) : json_null(), "n",
                                        (json_int_t)one->n));
    }
    return list;
}

/* Marked as one, so that it is no other alert's. A new reference. */
static json_t *make_alert(struct tr_kpi_asker *asker, const struct rule_entry *entry,
                          const struct finding *finding)
{
    struct series series = {.name = ""};
    if (finding != NULL) {
        series.name = tr_arena_strndup(asker->arena, finding->series.data, finding->series.size);
        series.known = finding->known;
        series.value = finding->value;
        series.n = finding->n;
    }
    json_t *alert = tr_alert_tell(entry, &series, asker->now_us, 0, NULL, asker->arena);
    json_t *labels = json_object_get(alert, "labels");
    char fingerprint[17];
    json_object_set_new(labels, "test", json_string("true"));
    tr_alert_fingerprint(labels, fingerprint);
    json_object_set_new(alert, "fingerprint", json_string(fingerprint));
    return alert;
}

static int notify(struct tr_kpi_asker *asker, const struct book *book,
                  const struct rule_entry *entry, const json_t *alert, json_t *numbers)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_freep) char *text = json_dumps(alert, JSON_COMPACT);
    int result = 0;
    for (size_t i = 0; i < book->receiver_count && result == 0; i++) {
        TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
        const struct receiver_entry *receiver = &book->receivers[i];
        if (receiver->project_id != entry->project_id ||
            !tr_alert_is_told(&entry->rule, receiver->name))
            continue;
        tr_pg_params_clear(params);
        tr_pg_bind_int4(params, entry->project_id);
        tr_pg_bind_text(params, tr_slice_of(receiver->name));
        tr_pg_bind_int8(params, entry->id);
        tr_pg_bind_text(params, TR_SLICE("{}:{test=\"true\"}"));
        tr_pg_bind_text(params, tr_slice_of(text));
        result =
            tr_pg_query(asker->pg, tr_pg_sql("queries/alert/test_add"), params, &row, asker->error);
        if (result == 0)
            json_array_append_new(numbers, json_integer(tr_pg_get_int(row, 0, 0)));
    }
    return result;
}

static int test(struct tr_kpi_asker *asker, const struct book *book, struct rule_entry *entry,
                json_t **answer_out)
{
    struct finding findings[TR_ALERT_GROUPS_MAX];
    size_t count = 0;
    json_t *held = json_array();
    json_t *numbers = json_array();
    int result = judge_now(asker, entry, &held, findings, &count);
    if (result == 0) {
        json_t *alert = make_alert(asker, entry, count > 0 ? &findings[0] : NULL);
        result = tr_pg_execute(asker->pg, "begin read write", asker->error);
        if (result == 0)
            result = notify(asker, book, entry, alert, numbers);
        if (result == 0)
            result = tr_pg_execute(asker->pg, "commit", asker->error);
        else if (!tr_pg_is_broken(asker->pg))
            tr_pg_execute(asker->pg, "rollback", NULL);
        json_decref(alert);
    }
    if (result == 0)
        *answer_out = json_pack("{s:s, s:o, s:O}", "rule", entry->rule.name, "findings",
                                findings_json(findings, count), "notifications", numbers);
    json_decref(held);
    json_decref(numbers);
    return result;
}

int tr_alert_test(struct tr_kpi_asker *asker, struct tr_slice id, json_t **answer_out)
{
    json_t *rule = NULL;
    struct book *book = NULL;
    int result = tr_alert_get(asker, id, &rule);
    if (result != 0)
        return result;
    result = tr_book_load(asker->pg, &book, asker->error);
    if (result == 0) {
        struct rule_entry *entry =
            tr_book_rule(book, json_integer_value(json_object_get(rule, "id")));
        /* Somebody removed it just now. */
        if (entry == NULL || entry->removed) {
            *asker->problem =
                (struct tr_kpi_problem){.status = 404, .message = "there is no such rule any more"};
            result = TR_KPI_PROBLEM;
        } else {
            result = test(asker, book, entry, answer_out);
        }
        tr_book_free(book);
    }
    json_decref(rule);
    return result;
}
