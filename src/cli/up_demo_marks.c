/* SPDX-License-Identifier: MIT */
/* The releases of the demo's story as annotations, so that charts and comparisons have them. */
#include "up_demo.h"

#include "session_priv.h"

#include <errno.h>
#include <stdio.h>

static int add_mark(struct tr_kpi_asker *ask, const json_t *mark, size_t number)
{
    char id[32];
    bool made = false;
    json_t *answer = NULL;
    snprintf(id, sizeof id, "demo-%zu", number);
    json_t *body = json_deep_copy(mark);
    json_object_set_new(body, "id", json_string(id));
    int result = tr_annotation_add(ask, body, &made, &answer);
    json_decref(answer);
    json_decref(body);
    if (result == TR_KPI_PROBLEM)
        return tr_error_set(ask->error, -EINVAL, "the demo's annotations: %s",
                            ask->problem->message);
    return result;
}

int tr_up_demo_annotate(const json_t *marks, const char *database_url, struct tr_error *error)
{
    struct tr_hypothesis_session session;
    const struct tr_hypothesis_options options = {.project = "demo",
                                                  .database = {.url = database_url}};
    int result = tr_hypothesis_begin(&session, &options);
    for (size_t i = 0; result == 0 && i < json_array_size(marks); i++)
        result = add_mark(&session.ask, json_array_get(marks, i), i);
    if (result < 0)
        *error = session.error;
    tr_pg_close(session.pg);
    tr_arena_free(session.arena);
    return result;
}
