/* SPDX-License-Identifier: MIT */
/*
 * Time zones' names. PostgreSQL takes 50 ms to look through them, so those it has confirmed are
 * remembered; there are not more of them than it has files.
 */
#include "kpi_priv.h"

#include <pthread.h>
#include <stdlib.h>

enum { ZONES_MAX = 2048 };

static const char *zones[ZONES_MAX];
static size_t zone_count;
static pthread_mutex_t zones_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *find(const char *name)
{
    const char *found = NULL;
    pthread_mutex_lock(&zones_lock);
    for (size_t i = 0; i < zone_count && found == NULL; i++)
        if (strcasecmp(zones[i], name) == 0)
            found = zones[i];
    pthread_mutex_unlock(&zones_lock);
    return found;
}

static const char *remember(struct tr_slice name)
{
    const char *kept = tr_strndup(name.data, name.size);
    const char *found = find(kept);
    pthread_mutex_lock(&zones_lock);
    if (found == NULL && zone_count < ZONES_MAX)
        found = zones[zone_count++] = TR_TAKE(kept);
    pthread_mutex_unlock(&zones_lock);
    free((void *)kept);
    return found;
}

int tr_kpi_check_zone(struct tr_kpi_ask *ask, struct tr_kpi_question *question)
{
    if (strcasecmp(question->timezone, ask->project->timezone) == 0) {
        question->timezone = ask->project->timezone;
        return 0;
    }
    const char *known = find(question->timezone);
    if (known == NULL) {
        TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
        TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
        tr_pg_bind_text(params, tr_slice_of(question->timezone));
        int result =
            tr_pg_query(ask->pg, tr_pg_sql("queries/kpi/find_zone"), params, &rows, ask->error);
        if (result < 0)
            return result;
        if (tr_pg_rows(rows) == 1)
            known = remember(tr_pg_get_bytes(rows, 0, 0));
    }
    if (known == NULL)
        return tr_kpi_refuse(
            ask, 400, "timezone", NULL,
            "timezone: expected a name of the IANA time zone database, such as Asia/Kolkata");
    question->timezone = known;
    return 0;
}
