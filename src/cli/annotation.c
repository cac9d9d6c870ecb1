/* SPDX-License-Identifier: MIT */
/* traction annotation: add, list, remove, compare. */
#include "session_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const shown[] = {"id", "at", "kind", "title", "url", NULL};

static json_t *body_of(const char *title, const char *kind, const char *at, const char *url,
                       const char *client_id)
{
    return json_pack("{s:s, s:s*, s:s*, s:s*, s:s*}", "title", title, "kind", kind, "at", at, "url",
                     url, "id", client_id);
}

static int run_add(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const char *kind = NULL;
    const char *at = NULL;
    const char *url = NULL;
    const char *client_id = NULL;
    struct tr_cli_list words;
    const struct tr_cli_option options[] = {
        {"kind", TR_CLI_TEXT, &kind, "KIND", "release, or any other word; else note"},
        {"at", TR_CLI_TEXT, &at, "TIME", "RFC 3339, a date, -2h; else now"},
        {"url", TR_CLI_TEXT, &url, "URL", "where to read more"},
        {"id", TR_CLI_TEXT, &client_id, "ID", "of yours: given again, nothing is added"},
        TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {"traction annotation add",
                                       "TITLE [--kind release] [--at TIME] [--url URL]",
                                       "Marks an instant, and prints its number.",
                                       options,
                                       1,
                                       1};
    struct tr_hypothesis_session session;
    json_t *answer = NULL;
    bool made = false;
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &words, &status))
        return status;
    json_t *body = body_of(words.items[0], kind, at, url, client_id);
    int result = tr_hypothesis_begin(&session, &common);
    if (result == 0)
        result = tr_annotation_add(&session.ask, body, &made, &answer);
    if (result == 0)
        tr_hypothesis_print(answer, shown, common.json);
    json_decref(body);
    json_decref(answer);
    return tr_hypothesis_end(&session, usage.command, result);
}

static int run_list(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const struct tr_cli_option options[] = {TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {"traction annotation list",
                                       "[--project PROJECT] [--json]",
                                       "Lists annotations in order of time, the newest 1,000.",
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
        result = tr_annotation_list(&session.ask, NULL, 0, &answer);
    if (result == 0)
        tr_cli_print(json_incref(json_object_get(answer, "annotations")), shown, common.json);
    json_decref(answer);
    return tr_hypothesis_end(&session, usage.command, result);
}

static int run_remove(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const struct tr_cli_option options[] = {TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {
        "traction annotation remove", "ID", "Removes an annotation.", options, 1, 1};
    struct tr_cli_list ids;
    struct tr_hypothesis_session session;
    json_t *answer = NULL;
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &ids, &status))
        return status;
    int result = tr_hypothesis_begin(&session, &common);
    if (result == 0)
        result = tr_annotation_remove(&session.ask, tr_slice_of(ids.items[0]), &answer);
    json_decref(answer);
    return tr_hypothesis_end(&session, usage.command, result);
}

/* ID KPI [PARAMETER=VALUE]… as the parameters that HTTP has. */
static bool read_words(const struct tr_cli_list *words, struct tr_kpi_parameter *parameters)
{
    parameters[0] = (struct tr_kpi_parameter){TR_SLICE("annotation"), tr_slice_of(words->items[0])};
    parameters[1] = (struct tr_kpi_parameter){TR_SLICE("kpi"), tr_slice_of(words->items[1])};
    for (size_t i = 2; i < words->count; i++) {
        const char *word = words->items[i];
        const char *equals = strchr(word, '=');
        if (equals == NULL)
            return false;
        parameters[i] = (struct tr_kpi_parameter){tr_slice(word, (size_t)(equals - word)),
                                                  tr_slice_of(equals + 1)};
    }
    return true;
}

static int run_compare(int argc, char **argv)
{
    static const char *const keys[] = {"kpi",        "unit",    "before", "after",
                                       "difference", "p_value", "better", "verdict",
                                       "method",     "notes",   NULL};
    struct tr_hypothesis_options common = {.project = NULL};
    const struct tr_cli_option options[] = {TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {
        "traction annotation compare",
        "ID KPI [window=7d] [PARAMETER=VALUE]…",
        "Measures a KPI before and after an annotation, and whether the difference is noise.",
        options,
        2,
        TR_CLI_LIST_MAX};
    struct tr_cli_list words;
    struct tr_kpi_parameter parameters[TR_CLI_LIST_MAX];
    struct tr_hypothesis_session session;
    json_t *answer = NULL;
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &words, &status))
        return status;
    if (!read_words(&words, parameters))
        return tr_cli_wrong(usage.command, "expected PARAMETER=VALUE behind the KPI");
    int result = tr_hypothesis_begin(&session, &common);
    if (result == 0)
        result = tr_compare(&session.ask, parameters, words.count, &answer);
    if (result == 0)
        tr_hypothesis_print(answer, keys, common.json);
    json_decref(answer);
    return tr_hypothesis_end(&session, usage.command, result);
}

const struct tr_command tr_cli_annotation_commands[] = {
    {"add", "mark an instant", run_add, NULL},
    {"list", "list them", run_list, NULL},
    {"remove", "remove one", run_remove, NULL},
    {"compare", "a KPI before and after one", run_compare, NULL},
    {NULL, NULL, NULL, NULL},
};
