/* SPDX-License-Identifier: MIT */
/* traction alert: apply, list, history, test, silence, unsilence, remove. Asks the database
 * directly, as query does. */
#include "alert_priv.h"
#include "session_priv.h"

#include "traction/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEST_WAIT_MS = 20000, TEST_LOOK_MS = 200 };

/* A command that asks one thing. answer is printed by show unless JSON is asked for. */
struct request {
    struct tr_hypothesis_options *common;
    const char *command;
    int (*ask)(struct tr_kpi_asker *asker, const void *what, json_t **answer_out);
    const void *what;
    void (*show)(const json_t *answer);
};

static void print_json(const json_t *answer)
{
    json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    putchar('\n');
}

static int run_request(const struct request *request)
{
    struct tr_hypothesis_session session;
    json_t *answer = NULL;
    int result = tr_hypothesis_begin(&session, request->common);
    if (result == 0)
        result = request->ask(&session.ask, request->what, &answer);
    if (result == 0 && request->common->json)
        print_json(answer);
    else if (result == 0)
        request->show(answer);
    json_decref(answer);
    return tr_hypothesis_end(&session, request->command, result);
}

/* apply -----------------------------------------------------------------------------------------
 */

struct applying {
    const char *path;
    json_t *body;
    struct tr_alert_places *places;
    bool dry;
};

/* A problem is told with the line of the file that it is about. */
static int ask_apply(struct tr_kpi_asker *asker, const void *what, json_t **answer_out)
{
    const struct applying *applying = what;
    int result = tr_alert_apply(asker, applying->body, applying->dry, answer_out);
    if (result != TR_KPI_PROBLEM)
        return result;
    int line = tr_alert_line(applying->places, asker->problem->parameter);
    asker->problem->message = tr_arena_printf(asker->arena, "%s:%d: %s", applying->path,
                                              line > 0 ? line : 1, asker->problem->message);
    return result;
}

static int run_apply(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    struct applying applying = {.dry = false};
    const struct tr_cli_option options[] = {
        {"dry-run", TR_CLI_FLAG, &applying.dry, NULL, "say what would be done, and do nothing"},
        TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {
        "traction alert apply",
        "FILE [--dry-run] [--project PROJECT]",
        "Makes the project's rules and receivers what the file says, all or nothing, and prints "
        "the difference. Applied again, it does nothing.",
        options,
        1,
        1};
    struct tr_cli_list words;
    struct tr_error error = TR_ERROR_INIT;
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &words, &status))
        return status;
    applying.path = words.items[0];
    if (tr_alert_read_file(applying.path, &applying.body, &applying.places, &error) < 0) {
        tr_cli_fail(&error);
        return TR_EXIT_USAGE;
    }
    status = run_request(
        &(struct request){&common, usage.command, ask_apply, &applying, tr_alert_print_difference});
    json_decref(applying.body);
    tr_alert_places_free(applying.places);
    return status;
}

/* list, history ---------------------------------------------------------------------------------
 */

static int ask_list(struct tr_kpi_asker *asker, const void *what, json_t **answer_out)
{
    (void)what;
    return tr_alert_list(asker, false, answer_out);
}

static int run_list(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const struct tr_cli_option options[] = {TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {"traction alert list",
                                       "[--project PROJECT] [--json]",
                                       "Lists rules with their alerts, and receivers.",
                                       options,
                                       0,
                                       0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    return run_request(
        &(struct request){&common, usage.command, ask_list, NULL, tr_alert_print_list});
}

struct looking_back {
    struct tr_kpi_parameter parameters[4];
    size_t count;
};

static int ask_history(struct tr_kpi_asker *asker, const void *what, json_t **answer_out)
{
    const struct looking_back *looking = what;
    return tr_alert_history(asker, looking->parameters, looking->count, answer_out);
}

static void add_parameter(struct looking_back *looking, const char *name, const char *value)
{
    if (value != NULL)
        looking->parameters[looking->count++] =
            (struct tr_kpi_parameter){tr_slice_of(name), tr_slice_of(value)};
}

static int run_history(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    struct looking_back looking = {.count = 0};
    const char *rule = NULL;
    const char *from = NULL;
    const char *to = NULL;
    const char *limit = NULL;
    const struct tr_cli_option options[] = {
        {"rule", TR_CLI_TEXT, &rule, "RULE", "of this rule only: its name or number"},
        {"from", TR_CLI_TEXT, &from, "TIME", "such as -24h, -7d or a date"},
        {"to", TR_CLI_TEXT, &to, "TIME", "such as now or a date"},
        {"limit", TR_CLI_TEXT, &limit, "N", "how many; else 100"},
        TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {"traction alert history",
                                       "[--rule RULE] [--from TIME] [--to TIME]",
                                       "What became of alerts, the newest first.",
                                       options,
                                       0,
                                       0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    add_parameter(&looking, "rule", rule);
    add_parameter(&looking, "from", from);
    add_parameter(&looking, "to", to);
    add_parameter(&looking, "limit", limit);
    return run_request(
        &(struct request){&common, usage.command, ask_history, &looking, tr_alert_print_history});
}

/* One rule --------------------------------------------------------------------------------------
 */

struct silencing {
    struct tr_slice rule;
    json_t *body;
};

static int ask_silence(struct tr_kpi_asker *asker, const void *what, json_t **answer_out)
{
    const struct silencing *silencing = what;
    return tr_alert_silence(asker, silencing->rule, silencing->body, answer_out);
}

static void print_silence(const json_t *answer)
{
    printf("%s is silent until %s\n", json_string_value(json_object_get(answer, "rule")),
           json_string_value(json_object_get(answer, "until")));
}

static int run_silence(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const char *duration = NULL;
    const char *series = NULL;
    const char *comment = NULL;
    const struct tr_cli_option options[] = {
        {"for", TR_CLI_TEXT, &duration, "DURATION", "how long, such as 30m or 2h"},
        {"series", TR_CLI_TEXT, &series, "GROUP", "of this group only, of a rule with by"},
        {"comment", TR_CLI_TEXT, &comment, "TEXT", "why"},
        TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {
        "traction alert silence",
        "RULE --for 2h [--comment TEXT]",
        "Nobody is told of a rule for a while. What still fires then is told.",
        options,
        1,
        1};
    struct tr_cli_list words;
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &words, &status))
        return status;
    if (duration == NULL)
        return tr_cli_wrong(usage.command, "expected --for with a duration such as 2h");
    const struct silencing silencing = {
        tr_slice_of(words.items[0]),
        json_pack("{s:s, s:s*, s:s*}", "for", duration, "series", series, "comment", comment)};
    status = run_request(
        &(struct request){&common, usage.command, ask_silence, &silencing, print_silence});
    json_decref(silencing.body);
    return status;
}

static int ask_unsilence(struct tr_kpi_asker *asker, const void *what, json_t **answer_out)
{
    return tr_alert_unsilence(asker, tr_slice_of(what), answer_out);
}

static int ask_remove(struct tr_kpi_asker *asker, const void *what, json_t **answer_out)
{
    return tr_alert_remove(asker, tr_slice_of(what), answer_out);
}

static void print_nothing(const json_t *answer)
{
    (void)answer;
}

static int run_unsilence(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const struct tr_cli_option options[] = {TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {
        "traction alert unsilence", "RULE", "Ends a rule's silences.", options, 1, 1};
    struct tr_cli_list words;
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &words, &status))
        return status;
    return run_request(
        &(struct request){&common, usage.command, ask_unsilence, words.items[0], print_nothing});
}

static int run_remove(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const struct tr_cli_option options[] = {TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {
        "traction alert remove", "RULE", "Removes a rule; what fires is resolved.", options, 1, 1};
    struct tr_cli_list words;
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &words, &status))
        return status;
    return run_request(
        &(struct request){&common, usage.command, ask_remove, words.items[0], print_nothing});
}

/* test ------------------------------------------------------------------------------------------
 */

/* Of those with these numbers; a new reference. */
static int load_notifications(struct tr_kpi_asker *asker, const json_t *numbers, json_t **list_out)
{
    json_t *answer = NULL;
    json_t *list = json_array();
    size_t i;
    json_t *one = NULL;
    const char *first = tr_arena_printf(asker->arena, "%lld",
                                        (long long)json_integer_value(json_array_get(numbers, 0)));
    const struct tr_kpi_parameter parameters[] = {{TR_SLICE("id"), tr_slice_of(first)},
                                                  {TR_SLICE("limit"), TR_SLICE("1000")}};
    int result = tr_alert_notifications(asker, parameters, 2, &answer);
    json_array_foreach(json_object_get(answer, "notifications"), i, one)
    {
        size_t k;
        json_t *number = NULL;
        json_array_foreach(numbers, k, number)
        {
            if (json_equal(number, json_object_get(one, "id")))
                json_array_append(list, one);
        }
    }
    json_decref(answer);
    *list_out = list;
    return result;
}

static bool all_tried(const json_t *list)
{
    size_t i;
    json_t *one = NULL;
    json_array_foreach(list, i, one)
    {
        if (json_is_null(json_object_get(one, "sent_at")) &&
            json_is_null(json_object_get(one, "error")))
            return false;
    }
    return true;
}

/* The server that evaluates sends them: they are waited for. */
static int ask_test(struct tr_kpi_asker *asker, const void *what, json_t **answer_out)
{
    json_t *list = NULL;
    int result = tr_alert_test(asker, tr_slice_of(what), answer_out);
    if (result != 0)
        return result;
    const json_t *numbers = json_object_get(*answer_out, "notifications");
    int64_t until_us = tr_clock_mono_us() + TEST_WAIT_MS * INT64_C(1000);
    while (json_array_size(numbers) > 0) {
        json_decref(list);
        result = load_notifications(asker, numbers, &list);
        if (result != 0 || all_tried(list) || tr_clock_mono_us() > until_us)
            break;
        nanosleep(&(struct timespec){0, TEST_LOOK_MS * 1000000L}, NULL);
    }
    json_object_set_new(*answer_out, "notifications", list != NULL ? list : json_array());
    return result;
}

static int run_test(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const struct tr_cli_option options[] = {TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {
        "traction alert test",
        "RULE",
        "Says what a rule finds now, and tells its receivers of a test. A server must run.",
        options,
        1,
        1};
    struct tr_cli_list words;
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &words, &status))
        return status;
    return run_request(
        &(struct request){&common, usage.command, ask_test, words.items[0], tr_alert_print_test});
}

const struct tr_command tr_cli_alert_commands[] = {
    {"apply", "make rules and receivers what a file says", run_apply, NULL},
    {"list", "list rules with their alerts, and receivers", run_list, NULL},
    {"history", "what became of alerts", run_history, NULL},
    {"test", "try a rule, and tell its receivers of a test", run_test, NULL},
    {"silence", "tell nobody of a rule for a while", run_silence, NULL},
    {"unsilence", "end a rule's silences", run_unsilence, NULL},
    {"remove", "remove a rule", run_remove, NULL},
    {NULL, NULL, NULL, NULL},
};
