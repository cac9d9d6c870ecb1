/* SPDX-License-Identifier: MIT */
/* traction project: add, list, set. */
#include "cli_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const char *name;
    const char *timezone;
    const char *currency;
    struct tr_cli_list origins;
    bool any_origin;
    const char *retention;  /* "90d", or "forever" */
    int32_t retention_days; /* parsed; 0: for ever */
    const char *gross_margin;
    struct tr_cli_list rates;
    char *rates_json;        /* parsed */
    const char *respect_dnt; /* "on" or "off" */
};

#define SETTINGS_OPTIONS(target)                                                             \
    {"timezone", TR_CLI_TEXT, &(target).timezone, "ZONE",                                    \
     "days are cut in this zone, such as Europe/Berlin; fixed once there are events"},       \
        {"currency", TR_CLI_TEXT, &(target).currency, "CODE",                                \
         "three letters of ISO 4217, such as EUR"},                                          \
        {"origin", TR_CLI_LIST, &(target).origins, "ORIGIN",                                 \
         "an origin whose pages may write, such as https://app.example; repeated"},          \
        {"gross-margin", TR_CLI_TEXT, &(target).gross_margin, "SHARE",                       \
         "the share of revenue that its costs leave, such as 0.8; for ltv and payback"},     \
        {"rate", TR_CLI_LIST, &(target).rates, "CODE=RATE",                                  \
         "what one of a currency is in the project's: EUR=1.08; EUR= removes it; repeated"}, \
    {                                                                                        \
        "retention", TR_CLI_TEXT, &(target).retention, "DAYS",                               \
            "how long events are kept, such as 90d, or forever; KPIs from rollups stay"      \
    }

/* Checking ------------------------------------------------------------------------------------- */

static int check_currency(const char *currency, struct tr_error *error)
{
    if (currency == NULL || tr_cli_is_currency(currency, strlen(currency)))
        return 0;
    return tr_error_set(error, -EINVAL,
                        "--currency: expected three capital letters such as EUR, not \"%.20s\"",
                        currency);
}

/* scheme://host[:port], as browsers send it. */
static int check_origin(const char *origin, struct tr_error *error)
{
    const char *host = strstr(origin, "://");
    bool scheme = strncmp(origin, "http://", 7) == 0 || strncmp(origin, "https://", 8) == 0;
    size_t size = host != NULL ? strlen(host + 3) : 0;
    if (scheme && size > 0 && size < 256 &&
        strspn(host + 3, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") ==
            size)
        return 0;
    return tr_error_set(error, -EINVAL,
                        "--origin: expected one such as https://app.example, without a path, not "
                        "\"%.80s\"",
                        origin);
}

static int check_retention(struct settings *settings, struct tr_error *error)
{
    const char *text = settings->retention;
    if (text == NULL || strcmp(text, "forever") == 0)
        return 0;
    char *rest;
    long days = strtol(text, &rest, 10);
    if (isdigit((unsigned char)text[0]) && (strcmp(rest, "d") == 0 || *rest == '\0') && days > 0 &&
        days <= 36500) {
        settings->retention_days = (int32_t)days;
        return 0;
    }
    return tr_error_set(error, -EINVAL,
                        "--retention: expected days from 1d to 36500d, or forever, not \"%.20s\"",
                        text);
}

static int check_respect_dnt(const char *text, struct tr_error *error)
{
    if (text == NULL || strcmp(text, "on") == 0 || strcmp(text, "off") == 0)
        return 0;
    return tr_error_set(error, -EINVAL, "--respect-dnt: expected on or off, not \"%.20s\"", text);
}

static int check_name(const char *name, struct tr_error *error)
{
    if (name == NULL || (name[0] != '\0' && strlen(name) <= 200))
        return 0;
    return tr_error_set(error, -EINVAL, "the name of a project has 1 to 200 bytes");
}

static int check_timezone(struct tr_pg *pg, const char *timezone, struct tr_error *error)
{
    if (timezone == NULL)
        return 0;
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *found = NULL;
    tr_pg_bind_text(params, tr_slice_of(timezone));
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/timezone_exists"), params, &found, error);
    if (result == 0 && tr_pg_rows(found) == 0)
        result = tr_error_set(error, -EINVAL,
                              "--timezone: expected a name such as Europe/Berlin, not \"%.40s\"",
                              timezone);
    return result;
}

static int check(struct tr_pg *pg, struct settings *settings, struct tr_error *error)
{
    int result = check_name(settings->name, error);
    if (result == 0)
        result = check_currency(settings->currency, error);
    for (size_t i = 0; result == 0 && i < settings->origins.count; i++)
        result = check_origin(settings->origins.items[i], error);
    if (result == 0)
        result = check_retention(settings, error);
    if (result == 0)
        result = tr_cli_check_margin(settings->gross_margin, error);
    if (result == 0)
        result = tr_cli_parse_rates(&settings->rates, &settings->rates_json, error);
    if (result == 0)
        result = check_respect_dnt(settings->respect_dnt, error);
    return result == 0 ? check_timezone(pg, settings->timezone, error) : result;
}

/* Storing -------------------------------------------------------------------------------------- */

static void bind_origins(struct tr_pg_params *params, const struct tr_cli_list *origins)
{
    tr_pg_array_begin(params, TR_PG_TEXT);
    for (size_t i = 0; i < origins->count; i++)
        tr_pg_array_bytes(params, origins->items[i], strlen(origins->items[i]));
    tr_pg_array_end(params);
}

static void bind_retention(struct tr_pg_params *params, const struct settings *settings)
{
    if (settings->retention_days > 0)
        tr_pg_bind_int4(params, settings->retention_days);
    else
        tr_pg_bind_null(params);
}

static void bind_optional(struct tr_pg_params *params, const char *text)
{
    tr_pg_bind_text(params, text != NULL ? tr_slice_of(text) : TR_SLICE_NONE);
}

/* Of a row that tells of a project's new currency and rates. */
static int check_rates(const struct tr_pg_result *row, struct tr_error *error)
{
    if (tr_pg_rows(row) > 0 && tr_pg_get_bool(row, 0, tr_pg_column(row, "has_own_rate"))) {
        tr_error_set(error, -EINVAL, "--rate: the project's own currency has none");
        return tr_error_hint(error, "Remove it: --rate CODE=");
    }
    if (tr_pg_rows(row) > 0 && tr_pg_get_bool(row, 0, tr_pg_column(row, "has_old_rates"))) {
        tr_error_set(error, -EINVAL, "--currency: the project has rates to the one it had");
        return tr_error_hint(error, "Give each of them again, or remove it: --rate CODE=");
    }
    return 0;
}

static int name_taken(struct tr_pg *pg, const char *name, int result, struct tr_error *error)
{
    if (result < 0 && strcmp(tr_pg_sqlstate(pg), "23505") == 0)
        return tr_error_set(error, -EEXIST, "there is already a project \"%.60s\"", name);
    return result;
}

/* Commits what went well; else the first failure is the one to tell. */
static int end(struct tr_pg *pg, int result, struct tr_error *error)
{
    if (result == 0)
        return tr_pg_execute(pg, "commit", error);
    tr_pg_execute(pg, "rollback", NULL);
    return result;
}

static int add_project(struct tr_pg *pg, const struct settings *settings, bool as_json,
                       struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *made = NULL;
    tr_pg_bind_text(params, tr_slice_of(settings->name));
    tr_pg_bind_text(params, tr_slice_of(settings->timezone != NULL ? settings->timezone : "UTC"));
    tr_pg_bind_text(params, tr_slice_of(settings->currency != NULL ? settings->currency : "USD"));
    bind_origins(params, &settings->origins);
    bind_retention(params, settings);
    bind_optional(params, settings->gross_margin);
    bind_optional(params, settings->rates_json);
    int result = tr_pg_execute(pg, "begin", error);
    if (result == 0)
        result = name_taken(
            pg, settings->name,
            tr_pg_query(pg, tr_pg_sql("queries/admin/project_add"), params, &made, error), error);
    if (result == 0)
        result = check_rates(made, error);
    result = end(pg, result, error);
    if (result < 0)
        return result;
    struct tr_slice uuid = tr_pg_get_bytes(made, 0, tr_pg_column(made, "uuid"));
    if (as_json)
        printf("{\"uuid\": \"%.*s\"}\n", (int)uuid.size, uuid.data);
    else
        printf("%.*s\n", (int)uuid.size, uuid.data);
    return 0;
}

/* Inside the transaction: no batch can store the first event between the question and the answer.
 */
static int check_timezone_free(struct tr_pg *pg, int32_t id, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *found = NULL;
    tr_pg_bind_int4(params, id);
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/project_lock"), params, &found, error);
    if (result < 0 || tr_pg_rows(found) == 0 || !tr_pg_get_bool(found, 0, 0))
        return result;
    tr_error_set(error, -EBUSY, "the project has events, and their days are cut in its time zone");
    return tr_error_hint(error, "Ask with --timezone instead, or add another project.");
}

static int set_respect_dnt(struct tr_pg *pg, int32_t id, const char *text, struct tr_error *error)
{
    if (text == NULL)
        return 0;
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    tr_pg_bind_int4(params, id);
    tr_pg_bind_bool(params, strcmp(text, "on") == 0);
    return tr_pg_query(pg, tr_pg_sql("queries/admin/project_respect_dnt"), params, NULL, error);
}

static int set_project(struct tr_pg *pg, int32_t id, const struct settings *settings,
                       struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *set = NULL;
    tr_pg_bind_int4(params, id);
    bind_optional(params, settings->name);
    bind_optional(params, settings->timezone);
    bind_optional(params, settings->currency);
    tr_pg_bind_bool(params, settings->any_origin || settings->origins.count > 0);
    bind_origins(params, &settings->origins);
    tr_pg_bind_bool(params, settings->retention != NULL);
    bind_retention(params, settings);
    bind_optional(params, settings->gross_margin);
    bind_optional(params, settings->rates_json);
    int result = tr_pg_execute(pg, "begin", error);
    if (result == 0 && settings->timezone != NULL)
        result = check_timezone_free(pg, id, error);
    if (result == 0)
        result = name_taken(
            pg, settings->name != NULL ? settings->name : "",
            tr_pg_query(pg, tr_pg_sql("queries/admin/project_set"), params, &set, error), error);
    if (result == 0)
        result = check_rates(set, error);
    if (result == 0)
        result = set_respect_dnt(pg, id, settings->respect_dnt, error);
    return end(pg, result, error);
}

/* The commands --------------------------------------------------------------------------------- */

static int run_add(int argc, char **argv)
{
    struct tr_cli_database database = {NULL, NULL};
    struct settings settings = {.name = NULL};
    bool as_json = false;
    struct tr_cli_list names;
    const struct tr_cli_option options[] = {SETTINGS_OPTIONS(settings),
                                            {"json", TR_CLI_FLAG, &as_json, NULL, "print JSON"},
                                            TR_CLI_DATABASE_OPTIONS(database),
                                            {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction project add",
        "NAME [--timezone ZONE] [--currency CODE] [--origin ORIGIN]…",
        "Adds a project (by default: UTC, USD, any origin, kept for ever) and prints its UUID.",
        options,
        1,
        1};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &names, &status))
        return status;
    settings.name = names.items[0];
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    int result = tr_cli_connect(&database, &pg, &error);
    if (result == 0)
        result = check(pg, &settings, &error);
    if (result == 0)
        result = add_project(pg, &settings, as_json, &error);
    free(settings.rates_json);
    return result < 0 ? tr_cli_fail(&error) : TR_EXIT_DONE;
}

static int run_list(int argc, char **argv)
{
    static const char *const columns[] = {
        "name",           "uuid",         "timezone", "currency",    "origins",
        "retention_days", "gross_margin", "rates",    "respect_dnt", NULL};
    struct tr_cli_database database = {NULL, NULL};
    bool as_json = false;
    const struct tr_cli_option options[] = {{"json", TR_CLI_FLAG, &as_json, NULL, "print JSON"},
                                            TR_CLI_DATABASE_OPTIONS(database),
                                            {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction project list", "[--json]", "Lists all projects.", options, 0, 0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    json_t *rows = NULL;
    int result = tr_cli_connect(&database, &pg, &error);
    if (result == 0)
        result = tr_cli_rows(pg, "queries/admin/project_list", NULL, &rows, &error);
    if (result < 0)
        return tr_cli_fail(&error);
    tr_cli_print(rows, columns, as_json);
    return TR_EXIT_DONE;
}

static int run_set(int argc, char **argv)
{
    struct tr_cli_database database = {NULL, NULL};
    struct settings settings = {.name = NULL};
    struct tr_cli_list projects;
    const struct tr_cli_option options[] = {
        {"name", TR_CLI_TEXT, &settings.name, "NAME", "a new name"},
        SETTINGS_OPTIONS(settings),
        {"respect-dnt", TR_CLI_TEXT, &settings.respect_dnt, "on|off",
         "take no events of those who send DNT: 1 or Sec-GPC: 1"},
        {"any-origin", TR_CLI_FLAG, &settings.any_origin, NULL, "let pages of any origin write"},
        TR_CLI_DATABASE_OPTIONS(database),
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction project set",
        "PROJECT [--name NAME] [--timezone ZONE] [--currency CODE] …",
        "Changes what is given of a project (its name or UUID). Origins given replace the old "
        "ones.",
        options,
        1,
        1};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &projects, &status))
        return status;
    if (settings.any_origin && settings.origins.count > 0)
        return tr_cli_wrong(usage.command, "expected either --origin or --any-origin");
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    int32_t id = 0;
    int result = tr_cli_connect(&database, &pg, &error);
    if (result == 0)
        result = tr_cli_find_project(pg, projects.items[0], &id, &error);
    if (result == 0)
        result = check(pg, &settings, &error);
    if (result == 0)
        result = set_project(pg, id, &settings, &error);
    free(settings.rates_json);
    return result < 0 ? tr_cli_fail(&error) : TR_EXIT_DONE;
}

const struct tr_command tr_cli_project_commands[] = {
    {"add", "add a project", run_add, NULL},
    {"list", "list the projects", run_list, NULL},
    {"set", "change a project", run_set, NULL},
    {NULL, NULL, NULL, NULL},
};
