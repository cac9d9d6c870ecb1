/* SPDX-License-Identifier: MIT */
/*
 * Single events, the newest first, in pages. A page's cursor names its last event; time, arrival
 * and id together are unlike any other's, so that pages neither repeat nor leave out, however many
 * events happened at one instant. The newest are looked for a day back at first, then twice as far
 * each time: a page of a long range reads no more of it than it has to.
 */
#include "kpi_priv.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

enum { LIMIT_USUAL = 100, LIMIT_MAX = 500, SQL_MAX_BYTES = 256 << 10 };

void tr_kpi_first_page(struct tr_kpi_page *page_out)
{
    *page_out = (struct tr_kpi_page){
        .limit = LIMIT_USUAL, .at_us = INT64_MAX, .received_us = INT64_MAX, .id = TR_SLICE("")};
}

int tr_kpi_parse_limit(struct tr_kpi_ask *ask, struct tr_slice text, struct tr_kpi_page *page)
{
    int limit = 0;
    for (size_t at = 0; at < text.size && limit >= 0 && limit <= LIMIT_MAX; at++)
        limit =
            text.data[at] >= '0' && text.data[at] <= '9' ? limit * 10 + (text.data[at] - '0') : -1;
    if (limit < 1 || limit > LIMIT_MAX)
        return tr_kpi_refuse(ask, 400, "limit", NULL, "limit: expected a number from 1 to %d",
                             LIMIT_MAX);
    page->limit = limit;
    return 0;
}

/* Takes an instant and the comma behind it. */
static bool take_instant(struct tr_slice *text, int64_t now_us, int64_t *us_out)
{
    struct tr_kpi_when when;
    const char *comma = memchr(text->data, ',', text->size);
    if (comma == NULL)
        return false;
    size_t size = (size_t)(comma - text->data);
    bool good =
        tr_kpi_parse_when(tr_slice(text->data, size), now_us, &when) && when.kind == TR_KPI_INSTANT;
    *us_out = when.instant_us;
    *text = tr_slice(comma + 1, text->size - size - 1);
    return good;
}

int tr_kpi_parse_cursor(struct tr_kpi_ask *ask, struct tr_slice text, struct tr_kpi_page *page)
{
    page->id = text;
    if (text.size > 0 && tr_kpi_is_text(text) &&
        take_instant(&page->id, ask->now_us, &page->at_us) &&
        take_instant(&page->id, ask->now_us, &page->received_us))
        return 0;
    return tr_kpi_refuse(ask, 400, "cursor", "Leave it out to begin with the newest event.",
                         "cursor: expected \"next\" of the answer before");
}

/* Properties with a number that no double comes near are shown as the text they are: one such event
 * must not hide the others. */
static json_t *event_json(const struct tr_pg_result *rows, int row)
{
    int place = tr_pg_column(rows, "properties");
    json_t *event = tr_kpi_load_json(tr_pg_get_bytes(rows, row, tr_pg_column(rows, "event")));
    if (tr_pg_is_null(rows, row, place))
        return event;
    struct tr_slice text = tr_pg_get_bytes(rows, row, place);
    json_t *properties = tr_kpi_load_json(text);
    json_object_set_new(event, "properties",
                        properties != NULL ? properties : json_stringn(text.data, text.size));
    return event;
}

/* The newest events of a stretch, at most as many as the page still wants, behind the others. */
static int read_stretch(struct tr_kpi_ask *ask, const struct tr_kpi_question *question,
                        const struct tr_kpi_range *stretch, json_t *events)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    struct tr_kpi_plan plan = {.reason = NULL};
    struct tr_buf sql;
    tr_kpi_plan_events(question, stretch, &plan);
    const struct tr_kpi_scope scope = {
        .now_us = ask->now_us, .question = question, .range = stretch, .plan = &plan};
    tr_buf_init(&sql, SQL_MAX_BYTES);
    tr_kpi_build(&scope, &sql, params);
    int result = tr_pg_query_once(ask->pg, sql.data, params, &rows, ask->error);
    tr_buf_fini(&sql);
    if (result < 0)
        return result;
    for (int row = 0; row < tr_pg_rows(rows); row++)
        json_array_append_new(events, event_json(rows, row));
    return 0;
}

/* One more than asked for is read, and goes: it says that there is a next page. */
static json_t *cut(json_t *events, int limit)
{
    if (json_array_size(events) <= (size_t)limit)
        return json_null();
    json_array_remove(events, (size_t)limit);
    const json_t *last = json_array_get(events, (size_t)limit - 1);
    return json_sprintf("%s,%s,%s", json_string_value(json_object_get(last, "at")),
                        json_string_value(json_object_get(last, "received")),
                        json_string_value(json_object_get(last, "id")));
}

int tr_kpi_list_events(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                       struct tr_kpi_page *page, json_t **answer_out)
{
    static const struct tr_kpi_entry entry = {.name = "event_list", .sample = "events"};
    struct tr_kpi_range range;
    struct tr_kpi_range before;
    if (question->from.kind == TR_KPI_ABSENT)
        tr_kpi_parse_when(TR_SLICE("-24h"), ask->now_us, &question->from);
    int result = tr_kpi_resolve(ask, question, &range, &before);
    if (result != 0)
        return result;
    json_t *events = json_array();
    struct tr_kpi_range stretch = range;
    question->entry = &entry;
    question->page = page;
    if (page->at_us < stretch.to_us)
        stretch.to_us = page->at_us + 1;
    for (int64_t span_us = DAY_US; result == 0 && stretch.to_us > range.from_us; span_us *= 2) {
        page->wanted = page->limit + 1 - (int)json_array_size(events);
        if (page->wanted == 0)
            break;
        stretch.from_us = stretch.to_us - span_us;
        if (stretch.from_us < range.from_us)
            stretch.from_us = range.from_us;
        result = read_stretch(ask, question, &stretch, events);
        stretch.to_us = stretch.from_us;
    }
    json_t *next = cut(events, page->limit);
    if (result == 0)
        *answer_out =
            json_pack("{s:o, s:o, s:O, s:O}", "from", tr_kpi_time_json(range.from_us), "to",
                      tr_kpi_time_json(range.to_us), "events", events, "next", next);
    json_decref(events);
    json_decref(next);
    return result;
}
