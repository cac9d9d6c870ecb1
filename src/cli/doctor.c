/* SPDX-License-Identifier: MIT */
/*
 * traction doctor: looks at everything the server depends on and says what to do. Each check adds
 * findings: good, worth knowing, or bad; exit status 1 if any is bad. A check whose ground is
 * missing (no database, say) adds nothing.
 */
#include "doctor_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {
    [TR_FINDING_GOOD] = "ok", [TR_FINDING_NOTE] = "note", [TR_FINDING_BAD] = "bad"};

void tr_doctor_find(struct tr_doctor *doctor, enum tr_finding_level level, const char *subject,
                    const char *hint, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *finding = json_pack("{s:s, s:s, s:s, s:s}", "subject", subject, "state",
                                level_names[level], "finding", text, "hint", hint);
    if (finding != NULL)
        json_array_append_new(doctor->findings, finding);
    doctor->bad += level == TR_FINDING_BAD;
}

static void print_findings(const struct tr_doctor *doctor)
{
    static const char *const colours[] = {"32", "33", "31"};
    bool colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    size_t index;
    json_t *finding = NULL;
    json_array_foreach(doctor->findings, index, finding)
    {
        const char *state = json_string_value(json_object_get(finding, "state"));
        const char *hint = json_string_value(json_object_get(finding, "hint"));
        int level = 2;
        while (level > 0 && strcmp(level_names[level], state) != 0)
            level--;
        printf(colour ? "\033[%sm%-4s\033[0m " : "%.0s%-4s ", colours[level], state);
        printf("%-10s %s%s%s\n", json_string_value(json_object_get(finding, "subject")),
               json_string_value(json_object_get(finding, "finding")), hint[0] != '\0' ? ". " : "",
               hint);
    }
}

static int examine(const struct tr_cli_database *database, bool as_json)
{
    struct tr_doctor doctor = {.findings = json_array()};
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_config_freep) struct tr_config *config = NULL;
    if (tr_cli_load(database, &config, &error) < 0) {
        tr_doctor_find(&doctor, TR_FINDING_BAD, "config", error.hint, "%s", error.message);
    } else {
        const char *path = tr_config_path(config);
        tr_doctor_find(&doctor, TR_FINDING_GOOD, "config", "", "%s",
                       path != NULL ? path : "environment and defaults, no traction.ini");
        tr_doctor_database(&doctor, config);
        tr_doctor_spool(&doctor, config);
    }
    tr_doctor_libraries(&doctor);
    if (as_json)
        tr_cli_print(json_incref(doctor.findings), NULL, true);
    else
        print_findings(&doctor);
    json_decref(doctor.findings);
    return doctor.bad > 0 ? TR_EXIT_FAILED : TR_EXIT_DONE;
}

static int show_config(const struct tr_cli_database *database, bool as_json, bool markdown)
{
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_config_freep) struct tr_config *config = NULL;
    struct tr_buf text;
    tr_buf_init(&text, 1 << 20);
    int result = markdown ? 0 : tr_config_load(&config, database->config, &error);
    if (result == 0 && markdown)
        tr_config_markdown(&text);
    else if (result == 0 && as_json)
        tr_cli_print(tr_config_json(config), NULL, true);
    else if (result == 0)
        tr_config_print(config, &text);
    fwrite(text.data != NULL ? text.data : "", 1, text.size, stdout);
    tr_buf_fini(&text);
    return result < 0 ? tr_cli_fail(&error) : TR_EXIT_DONE;
}

int tr_cli_doctor(int argc, char **argv)
{
    struct tr_cli_database database = {NULL, NULL};
    struct tr_cli_maybe config = {false, NULL};
    bool settings = false;
    bool markdown = false;
    bool as_json = false;
    const struct tr_cli_option options[] = {
        {"config", TR_CLI_MAYBE, &config, "[FILE]",
         "read this instead of traction.ini; without FILE: --settings"},
        {"settings", TR_CLI_FLAG, &settings, NULL,
         "show every setting and where it comes from, instead of checking"},
        {"markdown", TR_CLI_FLAG, &markdown, NULL, "with --settings: print docs/configuration.md"},
        {"json", TR_CLI_FLAG, &as_json, NULL, "print JSON"},
        {"database", TR_CLI_TEXT, &database.url, "URL", "look at this database"},
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction doctor",
        "[--config FILE] [--settings] [--json]",
        "Checks configuration, database, disk, clock, spool and libraries, and says what to do.\n"
        "With --settings, or --config alone, it shows the settings instead.",
        options,
        0,
        0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    database.config = config.value;
    settings = settings || (config.given && config.value == NULL);
    if (markdown && !settings)
        return tr_cli_wrong(usage.command, "--markdown belongs to --settings");
    if (settings)
        return show_config(&database, as_json, markdown);
    return examine(&database, as_json);
}
