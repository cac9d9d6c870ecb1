/* SPDX-License-Identifier: MIT */
/*
 * Hypotheses: stated, judged, kept. Once one is decided, or its period is over, what was found is
 * written down and told ever after: later events, late ones too, change nothing about it.
 */
#include "hypothesis_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A list measures for so long, and a single question beyond. */
#define LIST_US INT64_C(10000000)

struct hypothesis {
    int64_t id;
    const char *title;
    const char *kpi;
    json_t *params;
    struct tr_claim claim;
    int64_t from_us;
    int64_t until_us;
    int64_t created_us;
    int64_t decided_us; /* INT64_MIN: not yet */
    json_t *found;      /* what was found then */
};

static void hypothesis_fini(struct hypothesis *hypothesis)
{
    json_decref(hypothesis->params);
    json_decref(hypothesis->found);
}

/* Stating ---------------------------------------------------------------------------------------
 */

static bool is_own_field(const char *name)
{
    static const char *const names[] = {"title", "kpi",   "above",      "below",
                                        "from",  "until", "min_sample", "confidence"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_refused(const char *name)
{
    static const char *const names[] = {"by", "to", "interval", "compare", "annotations", "source"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* A parameter of the KPI as text; NULL for what is none. */
static json_t *parameter_text(const json_t *value)
{
    if (json_is_string(value))
        return json_incref((json_t *)value);
    if (json_is_number(value))
        return json_sprintf("%.15g", json_number_value(value));
    if (!json_is_array(value))
        return NULL;
    json_t *list = json_array();
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach((json_t *)value, index, item)
    {
        if (json_is_string(item))
            json_array_append(list, item);
    }
    if (json_array_size(list) == json_array_size(value))
        return list;
    json_decref(list);
    return NULL;
}

static int read_params(struct tr_kpi_asker *ask, const json_t *body, json_t *params)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)body, name, value)
    {
        if (is_own_field(name) || json_is_null(value))
            continue;
        const char *field = tr_arena_printf(ask->arena, "%.64s", name);
        if (is_refused(name))
            return tr_read_refuse(ask, 400, field, "%s: a hypothesis has no such parameter%s",
                                  field, strcmp(name, "to") == 0 ? "; its end is until" : "");
        json_t *text = parameter_text(value);
        if (text == NULL)
            return tr_read_refuse(ask, 400, field,
                                  "%s: expected a text, a number, or an array of texts", field);
        json_object_set_new(params, name, text);
    }
    return 0;
}

static int add_parameters(struct tr_kpi_asker *ask, const json_t *params,
                          struct tr_measure *measure)
{
    const char *name = NULL;
    json_t *value = NULL;
    size_t index = 0;
    json_t *item = NULL;
    bool fits = true;
    json_object_foreach((json_t *)params, name, value)
    {
        if (json_is_string(value))
            fits =
                tr_measure_add(measure, tr_slice_of(name), tr_slice_of(json_string_value(value))) &&
                fits;
        json_array_foreach(value, index, item) fits =
            tr_measure_add(measure, tr_slice_of(name), tr_slice_of(json_string_value(item))) &&
            fits;
    }
    return fits ? 0 : tr_read_refuse(ask, 400, "where", "where: expected fewer parameters");
}

/* above or below: exactly one, and of a share one that it can be. */
static int read_bound(struct tr_kpi_asker *ask, const json_t *body,
                      const struct tr_kpi_facts *facts, struct tr_claim *claim)
{
    double above = NAN;
    double below = NAN;
    int result = tr_read_number(ask, body, "above", -1e15, 1e15, &above);
    if (result == 0)
        result = tr_read_number(ask, body, "below", -1e15, 1e15, &below);
    if (result != 0)
        return result;
    if (isnan(above) == isnan(below))
        return tr_read_refuse(ask, 400, "above", "above: expected either above or below");
    claim->above = !isnan(above);
    claim->bound = claim->above ? above : below;
    const char *field = claim->above ? "above" : "below";
    if (facts->evidence == TR_KPI_SHARE && !(claim->bound > 0 && claim->bound < 1))
        return tr_read_refuse(ask, 400, field, "%s: expected a share between 0 and 1, such as 0.25",
                              field);
    return 0;
}

static int read_sample(struct tr_kpi_asker *ask, const json_t *body, struct tr_claim *claim)
{
    double least = TR_SAMPLE_LEAST;
    const json_t *value = json_object_get(body, "min_sample");
    claim->confidence = 0.95;
    if (value != NULL && !json_is_integer(value))
        return tr_read_refuse(ask, 400, "min_sample", "min_sample: expected a whole number");
    int result = tr_read_number(ask, body, "min_sample", TR_SAMPLE_LEAST, 1e12, &least);
    if (result == 0)
        result = tr_read_number(ask, body, "confidence", 0.5, 0.9999, &claim->confidence);
    claim->min_sample = (int64_t)least;
    return result;
}

static int read_kpi(struct tr_kpi_asker *ask, const struct tr_measure *measure,
                    struct tr_kpi_facts *facts)
{
    int result = tr_measure_inspect(ask, measure, facts);
    if (result == TR_KPI_PROBLEM && ask->problem->status == 404)
        ask->problem->status = 400; /* the hypothesis is at fault, not the path */
    if (result != 0)
        return result;
    if (facts->evidence == TR_KPI_NO_EVIDENCE)
        return tr_read_refuse(ask, 400, "kpi",
                              "kpi: %s is not a share, a mean or a percentile of a sample, so "
                              "nothing can be said about its certainty",
                              facts->name);
    return 0;
}

static int read_period(struct tr_kpi_asker *ask, const json_t *body, struct hypothesis *hypothesis)
{
    const char *from = NULL;
    const char *until = NULL;
    int result = tr_read_text(ask, body, "from", 64, false, &from);
    if (result == 0)
        result = tr_read_text(ask, body, "until", 64, true, &until);
    if (result == 0)
        result = tr_read_range(ask, from != NULL ? from : "now", until, "until",
                               &hypothesis->from_us, &hypothesis->until_us);
    return result;
}

static int read_body(struct tr_kpi_asker *ask, const json_t *body, struct hypothesis *hypothesis)
{
    struct tr_measure measure = {.count = 0};
    struct tr_kpi_facts facts;
    if (!json_is_object(body))
        return tr_read_refuse(ask, 400, NULL, "expected a JSON object");
    int result = tr_read_text(ask, body, "title", TR_TITLE_MAX_BYTES, true, &hypothesis->title);
    if (result == 0)
        result = tr_read_text(ask, body, "kpi", 64, true, &hypothesis->kpi);
    if (result == 0)
        result = read_params(ask, body, hypothesis->params);
    if (result == 0)
        result = add_parameters(ask, hypothesis->params, &measure);
    if (result != 0)
        return result;
    measure.kpi = tr_slice_of(hypothesis->kpi);
    result = read_kpi(ask, &measure, &facts);
    if (result == 0)
        result = read_bound(ask, body, &facts, &hypothesis->claim);
    if (result == 0)
        result = read_sample(ask, body, &hypothesis->claim);
    return result == 0 ? read_period(ask, body, hypothesis) : result;
}

static int store(struct tr_kpi_asker *ask, struct hypothesis *hypothesis)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *made = NULL;
    TR_CLEANUP(tr_freep) char *parameters = json_dumps(hypothesis->params, JSON_COMPACT);
    const struct tr_claim *claim = &hypothesis->claim;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_text(params, tr_slice_of(hypothesis->title));
    tr_pg_bind_text(params, tr_slice_of(hypothesis->kpi));
    tr_pg_bind_text(params, tr_slice_of(parameters));
    tr_pg_bind_bool(params, claim->above);
    tr_pg_bind_float8(params, claim->bound);
    tr_pg_bind_timestamptz(params, hypothesis->from_us);
    tr_pg_bind_timestamptz(params, hypothesis->until_us);
    tr_pg_bind_int8(params, claim->min_sample);
    tr_pg_bind_float8(params, claim->confidence);
    tr_pg_bind_timestamptz(params, ask->now_us);
    tr_pg_bind_int4(params, TR_HYPOTHESES_MAX);
    int result = tr_write(ask, "queries/hypothesis/hypothesis_add", params, &made);
    if (result < 0)
        return result;
    if (tr_pg_rows(made) == 0)
        return tr_read_refuse(ask, 409, NULL, "a project has at most %d hypotheses: remove one",
                              TR_HYPOTHESES_MAX);
    hypothesis->id = tr_pg_get_int(made, 0, 0);
    return 0;
}

/* Judging ---------------------------------------------------------------------------------------
 */

static const char *explain(const struct hypothesis *hypothesis, const struct tr_measured *measured,
                           enum tr_verdict verdict, bool over, struct tr_arena *arena)
{
    const struct tr_claim *claim = &hypothesis->claim;
    const char *end = over ? "; the period is over" : "";
    bool higher = claim->above == (verdict == TR_VALIDATED);
    if (verdict != TR_TOO_EARLY)
        return tr_arena_printf(arena, "the whole interval is %s the bound",
                               higher ? "above" : "below");
    if (measured->why != NULL)
        return tr_arena_printf(arena, "%s%s", measured->why, end);
    if (measured->n < claim->min_sample)
        return tr_arena_printf(arena, "the sample is below its minimum: %lld of %lld%s",
                               (long long)measured->n, (long long)claim->min_sample, end);
    return tr_arena_printf(arena, "the interval contains the bound%s", end);
}

static json_t *sample_json(int64_t sample, int64_t n)
{
    return sample < 0 ? json_null() : json_integer(sample > n ? sample - n : 0);
}

/* To the second: it is a guess. */
static json_t *second_json(struct tr_kpi_asker *ask, int64_t us)
{
    return tr_time_json(ask, us - us % 1000000);
}

/* How many more it needs, and when they will have come if they go on coming so. */
static int forecast(struct tr_kpi_asker *ask, const struct hypothesis *hypothesis,
                    const struct tr_measure *measure, const struct tr_measured *measured, bool over,
                    json_t *found)
{
    struct tr_interval now;
    struct tr_interval end;
    struct tr_look now_look = tr_judge_look(&hypothesis->claim, false);
    struct tr_look end_look = tr_judge_look(&hypothesis->claim, true);
    int result = tr_measure_interval(ask, measure, measured, now_look, &now);
    if (result == 0)
        result = tr_measure_interval(ask, measure, measured, end_look, &end);
    if (result != 0)
        return result;
    int64_t n = measured->n;
    int64_t early = tr_judge_sample(&hypothesis->claim, measured, now, now_look);
    int64_t at_end = tr_judge_sample(&hypothesis->claim, measured, end, end_look);
    double per_us = (double)n / (double)(measured->to_us - measured->from_us);
    double left_us = (double)(hypothesis->until_us - measured->to_us);
    double early_us = early < 0 ? INFINITY : fmax(0, (double)(early - n)) / per_us;
    json_t *on = json_null();
    if (!over && early_us <= left_us)
        on = second_json(ask, measured->to_us + (int64_t)early_us);
    else if (!over && at_end >= 0 && (double)n + per_us * left_us >= (double)at_end)
        on = tr_time_json(ask, hypothesis->until_us);
    json_object_set_new(found, "needs",
                        json_pack("{s:o, s:o}", "before_end",
                                  over ? json_null() : sample_json(early, n), "at_end",
                                  sample_json(at_end, n)));
    json_object_set_new(found, "decided_on", on);
    return 0;
}

/* What was measured, without a verdict. */
static void tell_measured(const struct tr_measured *measured, struct tr_look look, json_t *found)
{
    double days = (double)(measured->to_us - measured->from_us) / (double)TR_DAY_US;
    json_object_set_new(found, "value",
                        measured->known ? tr_number_json(measured->value) : json_null());
    json_object_set_new(found, "unit", json_string(measured->unit));
    json_object_set_new(found, "n", json_integer(measured->n));
    json_object_set_new(found, "per_day", tr_number_json((double)measured->n / days));
    json_object_set_new(found, "method", json_string(tr_measure_method(measured, look.looks)));
    json_object_set_new(found, "looks",
                        json_string(look.looks == TR_LOOK_ONCE ? "one, at the end" : "any number"));
    json_object_set_new(found, "interval", json_null());
    json_object_set_new(found, "needs", json_null());
    json_object_set_new(found, "decided_on", json_null());
}

static int judge(struct tr_kpi_asker *ask, const struct hypothesis *hypothesis,
                 const struct tr_measure *measure, const struct tr_measured *measured, bool over,
                 json_t *found, enum tr_verdict *verdict_out)
{
    struct tr_look look = tr_judge_look(&hypothesis->claim, over);
    struct tr_interval interval;
    tell_measured(measured, look, found);
    *verdict_out = TR_TOO_EARLY;
    if (measured->why == NULL) {
        int result = tr_measure_interval(ask, measure, measured, look, &interval);
        if (result != 0)
            return result;
        json_object_set_new(found, "interval", tr_interval_json(interval, look.confidence));
        *verdict_out = tr_judge(&hypothesis->claim, measured->n, interval);
        if (*verdict_out == TR_TOO_EARLY)
            result = forecast(ask, hypothesis, measure, measured, over, found);
        if (result != 0)
            return result;
    }
    json_object_set_new(found, "verdict", json_string(tr_verdict_names[*verdict_out]));
    json_object_set_new(found, "reason",
                        json_string(explain(hypothesis, measured, *verdict_out, over, ask->arena)));
    return 0;
}

enum { ALREADY_DECIDED = 2 };

/* Once. ALREADY_DECIDED: somebody else was quicker, and what they found is what is told. */
static int decide(struct tr_kpi_asker *ask, struct hypothesis *hypothesis,
                  const struct tr_measured *measured, enum tr_verdict verdict)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    struct tr_slice text = tr_kpi_json(hypothesis->found, ask->arena);
    tr_pg_bind_int8(params, hypothesis->id);
    tr_pg_bind_timestamptz(params, ask->now_us);
    tr_pg_bind_text(params, tr_slice_of(tr_verdict_names[verdict]));
    tr_pg_bind_float8(params, measured->known ? measured->value : NAN);
    tr_pg_bind_int8(params, measured->n);
    tr_pg_bind_text(params, text);
    hypothesis->decided_us = ask->now_us;
    int result = tr_write(ask, "queries/hypothesis/hypothesis_decide", params, &row);
    return result == 0 && tr_pg_rows(row) == 0 ? ALREADY_DECIDED : result;
}

/* What is told when nothing could be measured. */
static void tell_nothing(struct hypothesis *hypothesis, const char *reason)
{
    json_object_clear(hypothesis->found);
    json_object_update_new(hypothesis->found,
                           json_pack("{s:n, s:i, s:n, s:n, s:n, s:s, s:s}", "value", "n", 0,
                                     "interval", "needs", "decided_on", "verdict",
                                     tr_verdict_names[TR_TOO_EARLY], "reason", reason));
}

/* Fills found: from what was written down, or from what is there now. ALREADY_DECIDED: not, read it
 * again. */
static int find(struct tr_kpi_asker *ask, struct hypothesis *hypothesis)
{
    struct tr_measure measure = {.kpi = tr_slice_of(hypothesis->kpi)};
    struct tr_measured measured;
    enum tr_verdict verdict;
    if (hypothesis->found != NULL)
        return 0;
    hypothesis->found = json_object();
    if (ask->now_us <= hypothesis->from_us) {
        tell_nothing(hypothesis, "its period has not begun");
        return 0;
    }
    /* The one look at the end waits until everything that was received by then is in. */
    bool over = ask->now_us >= hypothesis->until_us && ask->as_of_us >= hypothesis->until_us;
    int64_t to_us = ask->now_us < hypothesis->until_us ? ask->now_us : hypothesis->until_us;
    int result = add_parameters(ask, hypothesis->params, &measure);
    if (result == 0)
        result = tr_measure_range(ask, &measure, hypothesis->from_us, to_us, &measured);
    if (result == 0)
        result = judge(ask, hypothesis, &measure, &measured, over, hypothesis->found, &verdict);
    if (result == 0 && (over || verdict != TR_TOO_EARLY))
        result = decide(ask, hypothesis, &measured, verdict);
    if (result != TR_KPI_PROBLEM)
        return result;
    /* Too slow, or of a KPI that is no more: the others are told all the same. */
    tell_nothing(hypothesis, ask->problem->message);
    return 0;
}

/* Telling ---------------------------------------------------------------------------------------
 */

static json_t *notes_json(const struct hypothesis *hypothesis)
{
    json_t *notes = json_array();
    int64_t known_us = hypothesis->created_us - hypothesis->from_us;
    if (known_us > (hypothesis->until_us - hypothesis->from_us) / 10)
        json_array_append_new(notes, json_string("stated when more than a tenth of its period had "
                                                 "passed: what was known by then may have shaped "
                                                 "it"));
    return notes;
}

static json_t *tell(struct tr_kpi_asker *ask, const struct hypothesis *hypothesis)
{
    const struct tr_claim *claim = &hypothesis->claim;
    json_t *object = json_pack(
        "{s:I, s:s, s:s, s:O, s:o, s:o, s:o, s:I, s:o, s:o}", "id", (json_int_t)hypothesis->id,
        "title", hypothesis->title, "kpi", hypothesis->kpi, "params", hypothesis->params,
        claim->above ? "above" : "below", tr_number_json(claim->bound), "from",
        tr_time_json(ask, hypothesis->from_us), "until", tr_time_json(ask, hypothesis->until_us),
        "min_sample", (json_int_t)claim->min_sample, "confidence",
        tr_number_json(claim->confidence), "created_at", tr_time_json(ask, hypothesis->created_us));
    json_object_update(object, hypothesis->found);
    json_object_set_new(object, "decided_at",
                        hypothesis->decided_us != INT64_MIN
                            ? tr_time_json(ask, hypothesis->decided_us)
                            : json_null());
    json_object_set_new(object, "notes", notes_json(hypothesis));
    return object;
}

/* Reading ---------------------------------------------------------------------------------------
 */

static const char *text_of(const struct tr_pg_result *rows, int row, const char *column,
                           struct tr_arena *arena)
{
    struct tr_slice text = tr_pg_get_bytes(rows, row, tr_pg_column(rows, column));
    return tr_arena_strndup(arena, text.data, text.size);
}

static json_t *json_of(const struct tr_pg_result *rows, int row, const char *column)
{
    int place = tr_pg_column(rows, column);
    if (tr_pg_is_null(rows, row, place))
        return NULL;
    struct tr_slice text = tr_pg_get_bytes(rows, row, place);
    return json_loadb(text.data, text.size, 0, NULL);
}

static void read_row(const struct tr_pg_result *rows, int row, struct tr_arena *arena,
                     struct hypothesis *hypothesis_out)
{
    int above = tr_pg_column(rows, "above");
    int decided = tr_pg_column(rows, "decided_at");
    bool is_above = !tr_pg_is_null(rows, row, above);
    *hypothesis_out = (struct hypothesis){
        .id = tr_pg_get_int(rows, row, tr_pg_column(rows, "id")),
        .title = text_of(rows, row, "title", arena),
        .kpi = text_of(rows, row, "kpi", arena),
        .params = json_of(rows, row, "params"),
        .claim = {.above = is_above,
                  .bound =
                      tr_pg_get_float(rows, row, is_above ? above : tr_pg_column(rows, "below")),
                  .min_sample = tr_pg_get_int(rows, row, tr_pg_column(rows, "min_sample")),
                  .confidence = tr_pg_get_float(rows, row, tr_pg_column(rows, "confidence"))},
        .from_us = tr_pg_get_timestamptz(rows, row, tr_pg_column(rows, "from_at")),
        .until_us = tr_pg_get_timestamptz(rows, row, tr_pg_column(rows, "until_at")),
        .created_us = tr_pg_get_timestamptz(rows, row, tr_pg_column(rows, "created_at")),
        .decided_us = tr_pg_is_null(rows, row, decided) ? INT64_MIN
                                                        : tr_pg_get_timestamptz(rows, row, decided),
        .found = json_of(rows, row, "result"),
    };
}

/* Judges one, and appends it to the list. */
static int list_one(struct tr_kpi_asker *ask, struct hypothesis *hypothesis, int64_t until_us,
                    json_t *list)
{
    int result = 0;
    if (hypothesis->found == NULL && tr_clock_mono_us() >= until_us) {
        hypothesis->found = json_object();
        tell_nothing(hypothesis, "those before it took all the time there was: ask for it alone");
    } else {
        result = find(ask, hypothesis);
    }
    if (result == 0)
        json_array_append_new(list, tell(ask, hypothesis));
    return result;
}

/* id -1: all. Appends them, judged, to the list. */
static int list_into(struct tr_kpi_asker *ask, int64_t id, json_t *list)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_int8(params, id);
    int result = tr_pg_query(ask->pg, tr_pg_sql("queries/hypothesis/hypothesis_list"), params,
                             &rows, ask->error);
    int64_t until_us = tr_clock_mono_us() + LIST_US;
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++) {
        struct hypothesis hypothesis;
        read_row(rows, row, ask->arena, &hypothesis);
        result = list_one(ask, &hypothesis, until_us, list);
        if (result == ALREADY_DECIDED)
            result = list_into(ask, hypothesis.id, list);
        hypothesis_fini(&hypothesis);
    }
    return result;
}

int tr_hypothesis_list(struct tr_kpi_asker *ask, json_t **answer_out)
{
    json_t *list = json_array();
    int result = list_into(ask, -1, list);
    if (result == 0)
        *answer_out = json_pack("{s:O}", "hypotheses", list);
    json_decref(list);
    return result;
}

static int get(struct tr_kpi_asker *ask, int64_t id, json_t **answer_out)
{
    json_t *list = json_array();
    int result = list_into(ask, id, list);
    if (result == 0 && json_array_size(list) == 0)
        result = tr_read_refuse(ask, 404, "id", "there is no hypothesis %lld", (long long)id);
    else if (result == 0)
        *answer_out = json_incref(json_array_get(list, 0));
    json_decref(list);
    return result;
}

int tr_hypothesis_get(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out)
{
    int64_t number = 0;
    int result = tr_read_id(ask, "hypothesis", id, &number);
    return result == 0 ? get(ask, number, answer_out) : result;
}

int tr_hypothesis_add(struct tr_kpi_asker *ask, const json_t *body, json_t **answer_out)
{
    struct hypothesis hypothesis = {.params = json_object()};
    int result = read_body(ask, body, &hypothesis);
    if (result == 0)
        result = store(ask, &hypothesis);
    hypothesis_fini(&hypothesis);
    return result == 0 ? get(ask, hypothesis.id, answer_out) : result;
}

int tr_hypothesis_remove(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    int64_t number = 0;
    int result = tr_read_id(ask, "hypothesis", id, &number);
    if (result != 0)
        return result;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_int8(params, number);
    tr_pg_bind_timestamptz(params, ask->now_us);
    result = tr_write(ask, "queries/hypothesis/hypothesis_remove", params, &row);
    if (result < 0)
        return result;
    if (tr_pg_rows(row) == 0)
        return tr_read_refuse(ask, 404, "id", "there is no hypothesis %lld", (long long)number);
    *answer_out = json_pack("{s:I, s:b}", "id", (json_int_t)number, "removed", 1);
    return 0;
}
