/* SPDX-License-Identifier: MIT */
/* traction hypothesis: add, list, show, remove. Asks the database directly, as query does. */
#include "session_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const shown[] = {
    "id",         "title",      "kpi",    "params",     "above",      "below",  "from",    "until",
    "verdict",    "value",      "n",      "min_sample", "interval",   "reason", "per_day", "needs",
    "decided_on", "decided_at", "method", "looks",      "confidence", "notes",  NULL};

/* The commands ----------------------------------------------------------------------------------
 */

static void set_text(json_t *body, const char *field, const char *text)
{
    if (text != NULL)
        json_object_set_new(body, field, json_string(text));
}

/* A number where it is one; else the text, which is then refused by the field's name. */
static void set_number(json_t *body, const char *field, const char *text)
{
    json_t *number =
        text != NULL ? json_loads(text, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    char *end = NULL;
    if (text != NULL)
        strtod(text, &end);
    if (json_is_number(number) && *end == '\0')
        json_object_set(body, field, number);
    else
        set_text(body, field, text);
    json_decref(number);
}

struct stated {
    const char *kpi;
    const char *above;
    const char *below;
    const char *from;
    const char *until;
    const char *min_sample;
    const char *confidence;
    const char *goal;
    struct tr_cli_list where;
};

static bool add_words(json_t *body, const struct tr_cli_list *words)
{
    for (size_t i = 1; i < words->count; i++) {
        const char *equals = strchr(words->items[i], '=');
        if (equals == NULL)
            return false;
        json_object_setn_new(body, words->items[i], (size_t)(equals - words->items[i]),
                             json_string(equals + 1));
    }
    return true;
}

static json_t *body_of(const struct stated *stated, const struct tr_cli_list *words)
{
    json_t *body = json_object();
    json_t *where = json_array();
    if (!add_words(body, words)) {
        json_decref(where);
        json_decref(body);
        return NULL;
    }
    set_text(body, "title", words->items[0]);
    set_text(body, "kpi", stated->kpi);
    set_number(body, "above", stated->above);
    set_number(body, "below", stated->below);
    set_text(body, "from", stated->from);
    set_text(body, "until", stated->until);
    set_number(body, "min_sample", stated->min_sample);
    set_number(body, "confidence", stated->confidence);
    set_text(body, "goal", stated->goal);
    for (size_t i = 0; i < stated->where.count; i++)
        json_array_append_new(where, json_string(stated->where.items[i]));
    if (stated->where.count > 0)
        json_object_set(body, "where", where);
    json_decref(where);
    return body;
}

static int add(const struct tr_hypothesis_options *options, const char *command, const json_t *body)
{
    struct tr_hypothesis_session session;
    json_t *answer = NULL;
    int result = tr_hypothesis_begin(&session, options);
    if (result == 0)
        result = tr_hypothesis_add(&session.ask, body, &answer);
    if (result == 0)
        tr_hypothesis_print(answer, shown, options->json);
    json_decref(answer);
    return tr_hypothesis_end(&session, command, result);
}

static int run_add(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    struct stated stated = {.kpi = NULL};
    struct tr_cli_list words;
    const struct tr_cli_option options[] = {
        {"kpi", TR_CLI_TEXT, &stated.kpi, "KPI", "a share, a mean or a percentile; required"},
        {"above", TR_CLI_TEXT, &stated.above, "NUMBER", "it will be above this"},
        {"below", TR_CLI_TEXT, &stated.below, "NUMBER", "or below this"},
        {"from", TR_CLI_TEXT, &stated.from, "TIME", "when its period begins; else now"},
        {"until", TR_CLI_TEXT, &stated.until, "TIME", "when it ends; a date includes that day"},
        {"min-sample", TR_CLI_TEXT, &stated.min_sample, "N", "no verdict before; else 30"},
        {"confidence", TR_CLI_TEXT, &stated.confidence, "SHARE", "else 0.95"},
        {"where", TR_CLI_LIST, &stated.where, "FILTER", "such as country:DE; repeated"},
        {"goal", TR_CLI_TEXT, &stated.goal, "GOAL", "for conversion_rate: which goal"},
        TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {
        "traction hypothesis add",
        "TITLE --kpi KPI --above NUMBER --until TIME [PARAMETER=VALUE]…",
        "States what a KPI will show by when. It is judged whenever somebody looks: validated,\n"
        "refuted or too early.",
        options,
        1,
        TR_CLI_LIST_MAX};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &words, &status))
        return status;
    json_t *body = body_of(&stated, &words);
    if (body == NULL)
        return tr_cli_wrong(usage.command, "expected PARAMETER=VALUE behind the title");
    status = add(&common, usage.command, body);
    json_decref(body);
    return status;
}

static int run_list(int argc, char **argv)
{
    static const char *const columns[] = {"id",    "title", "kpi",     "above",      "below",
                                          "value", "n",     "verdict", "decided_on", NULL};
    struct tr_hypothesis_options common = {.project = NULL};
    const struct tr_cli_option options[] = {TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {"traction hypothesis list",
                                       "[--project PROJECT] [--json]",
                                       "Lists hypotheses with their verdicts.",
                                       options,
                                       0,
                                       0};
    struct tr_hypothesis_session session;
    json_t *answer = NULL;
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    int result = tr_hypothesis_begin(&session, &common);
    if (result == 0)
        result = tr_hypothesis_list(&session.ask, &answer);
    if (result == 0)
        tr_cli_print(json_incref(json_object_get(answer, "hypotheses")), columns, common.json);
    json_decref(answer);
    return tr_hypothesis_end(&session, usage.command, result);
}

static int run_one(int argc, char **argv, const struct tr_cli_usage *usage,
                   const struct tr_hypothesis_options *common,
                   int (*run)(struct tr_kpi_asker *, struct tr_slice, json_t **))
{
    struct tr_cli_list ids;
    struct tr_hypothesis_session session;
    json_t *answer = NULL;
    int status;
    if (!tr_cli_parse(usage, argc, argv, &ids, &status))
        return status;
    int result = tr_hypothesis_begin(&session, common);
    if (result == 0)
        result = run(&session.ask, tr_slice_of(ids.items[0]), &answer);
    if (result == 0 && (run == tr_hypothesis_get || common->json))
        tr_hypothesis_print(answer, shown, common->json);
    json_decref(answer);
    return tr_hypothesis_end(&session, usage->command, result);
}

static int run_show(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const struct tr_cli_option options[] = {TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {"traction hypothesis show",
                                       "ID [--json]",
                                       "Shows a hypothesis, its verdict and what that rests on.",
                                       options,
                                       1,
                                       1};
    return run_one(argc, argv, &usage, &common, tr_hypothesis_get);
}

static int run_remove(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const struct tr_cli_option options[] = {TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {
        "traction hypothesis remove", "ID", "Takes a hypothesis out of sight.", options, 1, 1};
    return run_one(argc, argv, &usage, &common, tr_hypothesis_remove);
}

const struct tr_command tr_cli_hypothesis_commands[] = {
    {"add", "state one", run_add, NULL},
    {"list", "list them with their verdicts", run_list, NULL},
    {"show", "show one and what its verdict rests on", run_show, NULL},
    {"remove", "take one out of sight", run_remove, NULL},
    {NULL, NULL, NULL, NULL},
};
