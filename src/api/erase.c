/* SPDX-License-Identifier: MIT */
/* POST /v1/erase: one person goes from everything that a project has. */
#include "api_priv.h"

#include "traction/api.h"
#include "traction/writer.h"

#include <string.h>

json_t *tr_api_erased_json(const char *user, const struct tr_erased *erased)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:b}", "user", user, "events",
                     (json_int_t)erased->events, "sessions", (json_int_t)erased->sessions,
                     "visitors", (json_int_t)erased->visitors, "rejects",
                     (json_int_t)erased->rejects, "landed", erased->landed);
}

bool tr_api_erased_anything(const struct tr_erased *erased)
{
    return erased->events + erased->sessions + erased->visitors + erased->rejects > 0;
}

static bool is_only_user(const json_t *body)
{
    const json_t *user = json_object_get(body, "user");
    return json_object_size(body) == 1 && json_string_length(user) > 0;
}

int tr_api_run_erase(struct task *task, struct tr_pg *pg, const json_t *body,
                     struct tr_error *error)
{
    if (!is_only_user(body)) {
        tr_api_answer_problem(
            task, &(struct tr_kpi_problem){400, "user",
                                           "user: expected the id that events have, such as "
                                           "{\"user\": \"u_1\"}, and nothing else",
                                           NULL});
        return 0;
    }
    const char *user = json_string_value(json_object_get(body, "user"));
    struct tr_erased erased;
    task->committing = true;
    int result = tr_writer_erase(pg, task->project.id, tr_slice_of(user), &erased, error);
    if (result < 0)
        return result;
    task->committing = false;
    if (!tr_api_erased_anything(&erased)) {
        tr_api_answer_problem(
            task, &(struct tr_kpi_problem){404, "user", "nothing of this user is stored here",
                                           "Ids are compared exactly, upper and lower case "
                                           "included."});
        return 0;
    }
    json_t *answer = tr_api_erased_json(user, &erased);
    tr_api_answer(task, 200, answer);
    json_decref(answer);
    return 0;
}
