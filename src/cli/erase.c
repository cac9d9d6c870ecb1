/* SPDX-License-Identifier: MIT */
/* traction erase: one person goes from everything that a project has. */
#include "session_priv.h"

#include "traction/api.h"
#include "traction/writer.h"

#include <stdio.h>

static const char *const shown[] = {"events", "sessions", "visitors", "rejects", NULL};

static int refuse(struct tr_hypothesis_session *session, const char *user)
{
    session->problem = (struct tr_kpi_problem){
        404, "user",
        tr_arena_printf(session->arena, "nothing of user \"%s\" is stored in this project", user),
        "Ids are compared exactly, upper and lower case included"};
    return TR_KPI_PROBLEM;
}

static int erase(struct tr_hypothesis_session *session, const char *user, bool as_json)
{
    struct tr_erased erased;
    int result = tr_writer_erase(session->pg, session->project.id, tr_slice_of(user), &erased,
                                 &session->error);
    if (result < 0)
        return result;
    if (!tr_api_erased_anything(&erased))
        return refuse(session, user);
    json_t *answer = tr_api_erased_json(user, &erased);
    tr_hypothesis_print(answer, shown, as_json);
    json_decref(answer);
    if (!erased.landed)
        fputs("Events received before this are still landing: erase again when as_of in the "
              "answer to a KPI is later than now.\n",
              stderr);
    return 0;
}

int tr_cli_erase(int argc, char **argv)
{
    struct tr_hypothesis_options common = {.project = NULL};
    const char *user = NULL;
    const struct tr_cli_option options[] = {
        {"user", TR_CLI_TEXT, &user, "ID", "whom: the id that events have"},
        TR_HYPOTHESIS_OPTIONS(common)};
    const struct tr_cli_usage usage = {
        "traction erase",
        "--user ID [--project PROJECT] [--json]",
        "Deletes one person everywhere, rollups included, as if nothing had ever been sent of\n"
        "them, and prints what went. What has expired by the project's retention stays counted.",
        options,
        0,
        0};
    struct tr_hypothesis_session session;
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    if (user == NULL || *user == '\0')
        return tr_cli_wrong(usage.command, "--user: expected the id that events have");
    int result = tr_hypothesis_begin(&session, &common);
    if (result == 0)
        result = erase(&session, user, common.json);
    return tr_hypothesis_end(&session, usage.command, result);
}
