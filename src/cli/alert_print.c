/* SPDX-License-Identifier: MIT */
#include "alert_priv.h"

#include "cli_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a value is in one line: as in JSON, texts without quotes. */
static void print_value(const json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        fputs("nothing", stdout);
    } else if (json_is_string(value)) {
        fputs(json_string_value(value), stdout);
    } else {
        json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(10));
    }
}

static void print_changed(const char *what, const json_t *entry)
{
    size_t i;
    json_t *field = NULL;
    printf("~ %s %s:", what, json_string_value(json_object_get(entry, "name")));
    json_array_foreach(json_object_get(entry, "fields"), i, field)
    {
        printf("%s %s", i > 0 ? "," : "", json_string_value(json_object_get(field, "field")));
        if (json_object_get(field, "from") == NULL && json_object_get(field, "to") == NULL)
            continue;
        putchar(' ');
        print_value(json_object_get(field, "from"));
        fputs(" -> ", stdout);
        print_value(json_object_get(field, "to"));
    }
    putchar('\n');
}

static size_t print_names(const char *sign, const char *what, const json_t *names)
{
    size_t i;
    json_t *name = NULL;
    json_array_foreach(names, i, name)
    {
        printf("%s %s %s\n", sign, what, json_string_value(name));
    }
    return json_array_size(names);
}

static size_t print_part(const char *what, const json_t *part)
{
    size_t i;
    json_t *entry = NULL;
    size_t count = print_names("+", what, json_object_get(part, "added"));
    json_array_foreach(json_object_get(part, "changed"), i, entry)
    {
        print_changed(what, entry);
        count++;
    }
    return count + print_names("-", what, json_object_get(part, "removed"));
}

void tr_alert_print_difference(const json_t *answer)
{
    size_t count = print_part("receiver", json_object_get(answer, "receivers"));
    count += print_part("rule", json_object_get(answer, "rules"));
    if (count == 0)
        puts("Nothing to do: all is as the file says.");
    else if (json_is_true(json_object_get(answer, "dry_run")))
        puts("Nothing was done: --dry-run.");
}

/* Rows for the table of rules, one for each alert. */
static json_t *rule_rows(const json_t *rules)
{
    json_t *rows = json_array();
    size_t i;
    json_t *rule = NULL;
    json_array_foreach(rules, i, rule)
    {
        const json_t *alerts = json_object_get(rule, "alerts");
        size_t k;
        json_t *alert = NULL;
        json_array_append_new(
            rows,
            json_pack("{s:O, s:O, s:O, s:O, s:s, s:O}", "id", json_object_get(rule, "id"), "rule",
                      json_object_get(rule, "name"), "kpi", json_object_get(rule, "kpi"), "state",
                      json_object_get(rule, "state"), "group", "", "silenced_until",
                      json_object_get(rule, "silenced_until")));
        json_array_foreach(alerts, k, alert)
        {
            json_t *row = json_array_get(rows, json_array_size(rows) - 1);
            if (json_string_length(json_object_get(alert, "series")) > 0) {
                row = json_pack("{s:s, s:s, s:s, s:O, s:O}", "id", "", "rule", "", "kpi", "",
                                "state", json_object_get(alert, "state"), "group",
                                json_object_get(alert, "series"));
                json_array_append_new(rows, row);
            }
            json_object_set(row, "value", json_object_get(alert, "value"));
            json_object_set(row, "n", json_object_get(alert, "n"));
            json_object_set(row, "since",
                            json_is_string(json_object_get(alert, "fired_at"))
                                ? json_object_get(alert, "fired_at")
                                : json_object_get(alert, "active_at"));
        }
    }
    return rows;
}

void tr_alert_print_list(const json_t *answer)
{
    static const char *const rules[] = {"id",    "rule", "kpi",   "group",          "state",
                                        "value", "n",    "since", "silenced_until", NULL};
    static const char *const receivers[] = {"name",          "webhook",    "slack",
                                            "alertmanager",  "email",      "last_sent_at",
                                            "failing_since", "last_error", NULL};
    tr_cli_print(rule_rows(json_object_get(answer, "rules")), rules, false);
    putchar('\n');
    tr_cli_print(json_incref(json_object_get(answer, "receivers")), receivers, false);
}

void tr_alert_print_history(const json_t *answer)
{
    static const char *const columns[] = {"at",    "rule", "series",   "change",
                                          "value", "n",    "silenced", NULL};
    tr_cli_print(json_incref(json_object_get(answer, "history")), columns, false);
}

void tr_alert_print_test(const json_t *answer)
{
    static const char *const findings[] = {"series", "condition", "value", "n", NULL};
    size_t i;
    json_t *one = NULL;
    tr_cli_print(json_incref(json_object_get(answer, "findings")), findings, false);
    putchar('\n');
    json_array_foreach(json_object_get(answer, "notifications"), i, one)
    {
        const char *receiver = json_string_value(json_object_get(one, "receiver"));
        const char *error = json_string_value(json_object_get(one, "error"));
        if (json_is_string(json_object_get(one, "sent_at")))
            printf("%s was told\n", receiver);
        else
            printf("%s was not told: %s\n", receiver,
                   error != NULL ? error : "nobody sent it yet; does a server run?");
    }
    if (json_array_size(json_object_get(answer, "notifications")) == 0)
        puts("It has no receiver to tell.");
}
