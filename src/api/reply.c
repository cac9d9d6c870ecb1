/* SPDX-License-Identifier: MIT */
/* Answers and errors. Never cached, never for another origin's scripts. */
#include "api_priv.h"

#include <stdlib.h>
#include <string.h>

static const char type_json[] = "application/json";

static const char *code_of(const struct tr_kpi_problem *problem)
{
    int status = problem->status;
    static const struct {
        int status;
        const char *code;
    } codes[] = {
        {400, "bad_parameter"},    {401, "unknown_key"}, {403, "wrong_scope"},
        {404, "unknown_kpi"},      {409, "too_many"},    {413, "too_large"},
        {429, "too_many_queries"}, {503, "unavailable"}, {504, "too_slow"},
    };
    bool about_kpi = problem->parameter == NULL || strcmp(problem->parameter, "kpi") == 0;
    if (status == 404 && !about_kpi)
        return "not_found";
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "internal";
}

json_t *tr_api_problem_json(const char *code, const struct tr_kpi_problem *problem)
{
    return json_pack("{s:{s:s, s:s, s:s*, s:s*}}", "error", "code",
                     code != NULL ? code : code_of(problem), "message", problem->message,
                     "parameter", problem->parameter, "hint", problem->hint);
}

void tr_api_answer(struct task *task, int status, const json_t *answer)
{
    task->status = status;
    task->content_type = type_json;
    task->csv = false;
    task->answer = tr_kpi_json(answer, task->arena);
}

void tr_api_answer_problem(struct task *task, const struct tr_kpi_problem *problem)
{
    json_t *answer = tr_api_problem_json(NULL, problem);
    tr_api_answer(task, problem->status, answer);
    json_decref(answer);
}

void tr_api_respond(struct tr_http_request *request, int status, const char *content_type,
                    struct tr_slice body, bool attachment, const char *cookie)
{
    struct tr_http_field fields[6] = {
        {TR_SLICE("Cache-Control"), TR_SLICE("no-store")},
        {TR_SLICE("X-Content-Type-Options"), TR_SLICE("nosniff")},
    };
    size_t count = 2;
    if (status == 429 || status == 503)
        fields[count++] = (struct tr_http_field){TR_SLICE("Retry-After"), TR_SLICE("1")};
    if (status == 401)
        fields[count++] = (struct tr_http_field){TR_SLICE("WWW-Authenticate"), TR_SLICE("Bearer")};
    if (attachment)
        fields[count++] = (struct tr_http_field){TR_SLICE("Content-Disposition"),
                                                 TR_SLICE("attachment; filename=\"kpi.csv\"")};
    if (cookie != NULL)
        fields[count++] = (struct tr_http_field){TR_SLICE("Set-Cookie"), tr_slice_of(cookie)};
    tr_http_respond(request, &(struct tr_http_response){
                                 .status = status,
                                 .content_type = content_type,
                                 .body = body,
                                 .fields = fields,
                                 .field_count = count,
                             });
}

void tr_api_respond_problem(struct tr_http_request *request, const char *code,
                            const struct tr_kpi_problem *problem)
{
    json_t *answer = tr_api_problem_json(code, problem);
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    tr_api_respond(request, problem->status, type_json, tr_slice_of(text), false, NULL);
    free(text);
}
