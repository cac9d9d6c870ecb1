/* SPDX-License-Identifier: MIT */
/*
 * Frames: text/event-stream (WHATWG HTML section 9.2), written once however many listen. Lines end
 * where CR or LF stand, so that none may come from an event: JSON strings have them escaped, and
 * between the tokens of properties they become spaces.
 */
#include "live_priv.h"

#include "traction/base/alloc.h"
#include "traction/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TOP = 10, EVENT_FIELDS = 8, EVENT_BYTES = 16384, FRAME_BYTES = 1 << 20 };

struct frame {
    struct tr_live_frame public; /* first, so that one is the other */
    atomic_int keepers;
    struct tr_buf text;
};

struct tr_live_frame *tr_live_frame_keep(struct tr_live_frame *frame)
{
    atomic_fetch_add(&((struct frame *)frame)->keepers, 1);
    return frame;
}

void tr_live_frame_free(struct tr_live_frame *frame)
{
    struct frame *own = (struct frame *)frame;
    if (own == NULL || atomic_fetch_sub(&own->keepers, 1) > 1)
        return;
    tr_buf_fini(&own->text);
    free(own);
}

/* RFC 3339, in UTC, with milliseconds. */
static void append_time(struct tr_buf *out, int64_t us)
{
    struct tm tm = {0};
    time_t seconds = (time_t)(us / 1000000);
    gmtime_r(&seconds, &tm);
    tr_buf_printf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", tm.tm_year + 1900, tm.tm_mon + 1,
                  tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(us / 1000 % 1000));
}

static const char *kind_word(char kind)
{
    switch (kind) {
    case 'e':
        return "engagement";
    case 'p':
        return "performance";
    case 'b':
        return "business";
    case 'f':
        return "feedback";
    default:
        return "other";
    }
}

/* Events --------------------------------------------------------------------------------------- */

enum field { AT, KIND, NAME, PATH, ROUTE, COUNTRY, WHO, PROPERTIES };

static void append_on_one_line(struct tr_buf *out, struct tr_slice json)
{
    size_t from = out->size;
    tr_buf_append_slice(out, json);
    if (tr_buf_overflowed(out))
        return;
    for (size_t i = from; i < out->size; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
}

static void append_event(struct tr_buf *out, int64_t run, const struct tr_json_value *fields,
                         int64_t at_us, bool properties)
{
    static const char *const names[] = {
        [NAME] = "name", [PATH] = "path", [ROUTE] = "route", [COUNTRY] = "country", [WHO] = "who"};
    tr_buf_printf(out, "event: event\nid: %" PRId64 "\ndata: {\"at\":", run);
    append_time(out, at_us);
    tr_buf_printf(out, ",\"kind\":\"%s\"", kind_word(fields[KIND].raw.data[1]));
    for (int i = NAME; i <= WHO; i++) {
        tr_buf_printf(out, ",\"%s\":", names[i]);
        append_on_one_line(out, fields[i].raw);
    }
    if (properties) {
        tr_buf_append_text(out, ",\"properties\":");
        append_on_one_line(out, fields[PROPERTIES].raw);
    }
    tr_buf_append_text(out, "}\n\n");
}

static bool take_fields(struct tr_slice event, struct tr_json_value *fields)
{
    struct tr_json_walk walk;
    int count = 0;
    tr_json_walk_init(&walk, event);
    while (count < EVENT_FIELDS && !walk.bad && tr_json_next_item(&walk) &&
           tr_json_take(&walk, &fields[count]))
        count++;
    return count == EVENT_FIELDS && fields[AT].type == TR_JSON_NUMBER && fields[AT].raw.size < 19 &&
           fields[KIND].type == TR_JSON_STRING && fields[KIND].raw.size == 3;
}

bool tr_live_event_text(struct tr_slice event, int64_t run, struct newest *out)
{
    struct tr_json_value fields[EVENT_FIELDS];
    if (!take_fields(event, fields))
        return false;
    int64_t at_us = 0;
    for (size_t i = 0; i < fields[AT].raw.size; i++) {
        if (fields[AT].raw.data[i] < '0' || fields[AT].raw.data[i] > '9')
            return false;
        at_us = at_us * 10 + (fields[AT].raw.data[i] - '0');
    }
    bool whole = true;
    *out = (struct newest){.run = run};
    for (int text = 0; text < TR_LIVE_TEXTS; text++) {
        struct tr_buf buf;
        tr_buf_init(&buf, EVENT_BYTES);
        append_event(&buf, run, fields, at_us, text == TR_LIVE_WITH_PROPERTIES);
        whole = whole && !tr_buf_overflowed(&buf);
        out->text[text] = tr_strndup(buf.data, buf.size);
        out->size[text] = buf.size;
        tr_buf_fini(&buf);
    }
    for (int text = 0; text < TR_LIVE_TEXTS && !whole; text++)
        free(out->text[text]);
    return whole;
}

/* Stats ---------------------------------------------------------------------------------------- */

static void append_people(struct tr_buf *out, const struct window *window, int64_t now_s)
{
    struct people_count count =
        tr_live_people_count(&window->people, (int32_t)(now_s - TR_LIVE_WINDOW_S + 1));
    tr_buf_printf(out, ",\"active_people\":{\"value\":%.0f,\"error\":%.3g}", count.value,
                  count.error);
}

static void append_rate(struct tr_buf *out, const struct window *window, int64_t complete_s)
{
    int64_t minute = 0;
    for (int64_t at_s = complete_s - 59; at_s <= complete_s; at_s++)
        minute += tr_live_window_second(window, at_s)->events;
    tr_buf_printf(out, ",\"events_per_second\":{\"last\":%" PRId64 ",\"mean\":%.4g}",
                  tr_live_window_second(window, complete_s)->events, (double)minute / 60);
}

static void append_errors(struct tr_buf *out, const struct window *window, int64_t now_s)
{
    struct second sum = {0};
    for (int64_t at_s = now_s - TR_LIVE_WINDOW_S + 1; at_s <= now_s; at_s++) {
        const struct second *second = tr_live_window_second(window, at_s);
        sum.requests += second->requests;
        sum.failures += second->failures;
        sum.errors += second->errors;
    }
    tr_buf_append_text(out, ",\"error_rate\":{\"value\":");
    if (sum.requests > 0)
        tr_buf_printf(out, "%.6g", (double)sum.failures / (double)sum.requests);
    else
        tr_buf_append_text(out, "null");
    tr_buf_printf(out,
                  ",\"failed\":%" PRId64 ",\"requests\":%" PRId64
                  "},\"client_errors\":{\"value\":%" PRId64 "}",
                  sum.failures, sum.requests, sum.errors);
}

static void append_views(struct tr_buf *out, const struct window *window)
{
    int64_t sum = 0;
    for (int i = 0; i < TR_LIVE_MINUTES; i++)
        sum += window->minutes[i];
    tr_buf_printf(out, ",\"page_views\":{\"value\":%" PRId64 ",\"from\":", sum);
    append_time(out, window->first_minute * 60 * 1000000);
    tr_buf_append_text(out, ",\"interval\":\"minute\",\"values\":[");
    for (int i = 0; i < TR_LIVE_MINUTES; i++)
        tr_buf_printf(out, "%s%" PRId64, i > 0 ? "," : "", window->minutes[i]);
    tr_buf_append_text(out, "]}");
}

static void append_top(struct tr_buf *out, struct keys *keys, const char *what, const char *name,
                       bool has_kind)
{
    const struct key *top[TOP];
    size_t count = tr_live_keys_top(keys, top, TOP);
    tr_buf_printf(out, ",\"%s\":[", what);
    for (size_t i = 0; i < count; i++) {
        tr_buf_printf(out, "%s{\"%s\":", i > 0 ? "," : "", name);
        tr_json_append_string(out, tr_slice(top[i]->text + has_kind, top[i]->size - has_kind));
        if (has_kind)
            tr_buf_printf(out, ",\"kind\":\"%s\"", kind_word(top[i]->text[0]));
        tr_buf_printf(out, ",\"n\":%" PRId64 "}", top[i]->total);
    }
    tr_buf_append_text(out, "]");
}

static void append_stats(struct tr_buf *out, struct window *window, const struct frame_facts *facts)
{
    int64_t now_s = facts->looked_us / 1000000;
    int64_t complete_s = tr_live_window_complete(window, facts->looked_us);
    tr_live_keys_advance(&window->names, now_s);
    tr_live_keys_advance(&window->pages, now_s);
    tr_buf_printf(out, "event: stats\nid: %" PRId64 "\ndata: {\"at\":", window->run);
    append_time(out, facts->now_us);
    tr_buf_append_text(out, ",\"as_of\":");
    append_time(out, (complete_s + 1) * 1000000);
    tr_buf_printf(out, ",\"stale\":%s", facts->stale ? "true" : "false");
    append_people(out, window, now_s);
    append_rate(out, window, complete_s);
    append_errors(out, window, now_s);
    append_views(out, window);
    append_top(out, &window->pages, "top_pages", "path", false);
    append_top(out, &window->names, "top_names", "name", true);
    tr_buf_append_text(out, "}\n\n");
}

/* Frames --------------------------------------------------------------------------------------- */

/* Where a text lies in the buffer, which may still move. */
struct span {
    size_t from;
    size_t size;
};

static struct tr_slice slice_of(const struct frame *frame, struct span span)
{
    return tr_slice(frame->text.data + span.from, span.size);
}

static int64_t oldest_event(const struct window *window, int64_t after)
{
    int64_t kept = window->event_count - TR_LIVE_EVENTS;
    int64_t oldest = kept > 0 ? kept : 0;
    return oldest > after ? oldest : after;
}

static struct span append_newest(struct frame *frame, const struct window *window, int64_t number,
                                 int text)
{
    const struct newest *event = &window->events[number % TR_LIVE_EVENTS];
    size_t from = frame->text.size;
    tr_buf_append(&frame->text, event->text[text], event->size[text]);
    return (struct span){from, frame->text.size - from};
}

static void add_events(struct frame *frame, const struct window *window)
{
    struct span spans[TR_LIVE_EVENTS][TR_LIVE_TEXTS];
    size_t count = 0;
    for (int64_t number = oldest_event(window, 0); number < window->event_count;
         number++, count++) {
        frame->public.events[count].run = window->events[number % TR_LIVE_EVENTS].run;
        for (int text = 0; text < TR_LIVE_TEXTS; text++)
            spans[count][text] = append_newest(frame, window, number, text);
    }
    frame->public.event_count = count;
    for (size_t i = 0; i < count; i++)
        for (int text = 0; text < TR_LIVE_TEXTS; text++)
            frame->public.events[i].text[text] = slice_of(frame, spans[i][text]);
}

/* Events and stats in one piece, for each text; the stats of the last are those for all. */
static void add_pieces(struct frame *frame, struct window *window, const struct frame_facts *facts)
{
    struct span spans[TR_LIVE_TEXTS];
    struct span stats = {0, 0};
    for (int text = 0; text < TR_LIVE_TEXTS; text++) {
        size_t from = frame->text.size;
        int64_t number = oldest_event(window, facts->events_shown);
        for (; number < window->event_count; number++)
            append_newest(frame, window, number, text);
        stats.from = frame->text.size;
        append_stats(&frame->text, window, facts);
        stats.size = frame->text.size - stats.from;
        spans[text] = (struct span){from, frame->text.size - from};
    }
    for (int text = 0; text < TR_LIVE_TEXTS; text++)
        frame->public.next[text] = slice_of(frame, spans[text]);
    frame->public.stats = slice_of(frame, stats);
}

struct tr_live_frame *tr_live_frame_new(struct window *window, const struct frame_facts *facts)
{
    struct frame *frame = tr_calloc(1, sizeof *frame);
    atomic_init(&frame->keepers, 1);
    frame->public.number = facts->number;
    tr_buf_init(&frame->text, FRAME_BYTES);
    /* Slices are taken while others are still appended, so the room for all is there from here: ten
     * events as two texts, twice, and the stats, twice, of the largest names there can be. */
    tr_buf_reserve(&frame->text, FRAME_BYTES);
    add_events(frame, window);
    add_pieces(frame, window, facts);
    return &frame->public;
}
