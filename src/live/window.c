/* SPDX-License-Identifier: MIT */
/*
 * What is known of a project's last minutes, from the notes of its batches. A note is text that
 * another server wrote, perhaps of another release: everything is checked, and what is not
 * understood is left out.
 */
#include "live_priv.h"

#include "traction/base/alloc.h"
#include "traction/json.h"

#include <stdlib.h>

enum { KEY_BYTES = 1024, LATENESS_LEAST_US = 1000000 };

struct window *tr_live_window_new(void)
{
    struct window *window = tr_calloc(1, sizeof *window);
    tr_live_keys_init(&window->names);
    tr_live_keys_init(&window->pages);
    tr_live_people_init(&window->people);
    return window;
}

void tr_live_window_free(struct window *window)
{
    if (window == NULL)
        return;
    tr_live_keys_fini(&window->names);
    tr_live_keys_fini(&window->pages);
    tr_live_people_fini(&window->people);
    for (int i = 0; i < TR_LIVE_EVENTS; i++)
        for (int text = 0; text < TR_LIVE_TEXTS; text++)
            free(window->events[i].text[text]);
    free(window);
}

/* Reading a note ------------------------------------------------------------------------------- */

/* A whole number that is not negative, as the writers write them; -1: it is none. */
static int64_t number_of(const struct tr_json_value *value)
{
    int64_t number = 0;
    if (value->type != TR_JSON_NUMBER || value->raw.size == 0 || value->raw.size > 18)
        return -1;
    for (size_t i = 0; i < value->raw.size; i++) {
        if (value->raw.data[i] < '0' || value->raw.data[i] > '9')
            return -1;
        number = number * 10 + (value->raw.data[i] - '0');
    }
    return number;
}

/* The first items of an array; returns how many there were, up to room. */
static size_t items_of(struct tr_slice array, struct tr_json_value *out, size_t room)
{
    struct tr_json_walk walk;
    size_t count = 0;
    tr_json_walk_init(&walk, array);
    while (count < room && !walk.bad && tr_json_next_item(&walk) &&
           tr_json_take(&walk, &out[count]))
        count++;
    return count;
}

static void each_item(struct tr_slice array, void (*take)(struct tr_slice item, void *context),
                      void *context)
{
    struct tr_json_walk walk;
    struct tr_json_value item;
    tr_json_walk_init(&walk, array);
    while (!walk.bad && tr_json_next_item(&walk) && tr_json_take(&walk, &item))
        take(item.raw, context);
}

struct reading {
    struct window *window;
    int64_t run;
    int64_t now_s;
    int64_t oldest_s; /* second of receipt in the note */
    int64_t newest_s;
    struct keys *keys;
    bool has_kind;
    struct tr_arena *arena; /* for one text at a time */
};

static void take_second(struct tr_slice item, void *context)
{
    struct reading *reading = context;
    struct tr_json_value values[5];
    int64_t numbers[5];
    if (items_of(item, values, 5) != 5)
        return;
    for (int i = 0; i < 5; i++)
        if ((numbers[i] = number_of(&values[i])) < 0)
            return;
    int64_t at_s = numbers[0] < reading->now_s ? numbers[0] : reading->now_s;
    struct second *second = &reading->window->seconds[at_s % TR_LIVE_SECONDS];
    if (at_s <= reading->now_s - TR_LIVE_SECONDS || second->at_s > at_s)
        return;
    if (second->at_s != at_s)
        *second = (struct second){.at_s = at_s};
    second->events += numbers[1];
    second->requests += numbers[2];
    second->failures += numbers[3];
    second->errors += numbers[4];
    if (numbers[1] > 0 && at_s < reading->oldest_s)
        reading->oldest_s = at_s;
    if (at_s > reading->newest_s)
        reading->newest_s = at_s;
}

static bool is_text(const struct tr_json_value *value)
{
    return value->type == TR_JSON_STRING && value->raw.size <= (size_t)6 * KEY_BYTES;
}

/* [kind, name, n] or [path, n] */
static void take_key(struct tr_slice item, void *context)
{
    struct reading *reading = context;
    struct tr_json_value values[3];
    size_t fields = reading->has_kind ? 3 : 2;
    if (items_of(item, values, fields) != fields || !is_text(&values[0]) ||
        (reading->has_kind && !is_text(&values[1])))
        return;
    tr_arena_reset(reading->arena);
    struct tr_slice text = tr_json_text(&values[fields - 2], reading->arena);
    char key[1 + KEY_BYTES];
    size_t size = 0;
    if (reading->has_kind)
        key[size++] = values[0].raw.data[1];
    if (text.size <= KEY_BYTES) {
        memcpy(key + size, text.data, text.size);
        tr_live_keys_add(reading->keys, tr_slice(key, size + text.size), reading->newest_s,
                         number_of(&values[fields - 1]));
    }
}

static void take_event(struct tr_slice item, void *context)
{
    struct reading *reading = context;
    struct window *window = reading->window;
    struct newest event;
    if (!tr_live_event_text(item, reading->run, &event))
        return;
    struct newest *place = &window->events[window->event_count++ % TR_LIVE_EVENTS];
    for (int text = 0; text < TR_LIVE_TEXTS; text++)
        free(place->text[text]);
    *place = event;
}

/* How long after the second began its events were found: what is older than the latest of these is
 * complete. */
static void note_lateness(struct window *window, int64_t oldest_s, int64_t now_us)
{
    int64_t now_s = now_us / 1000000;
    size_t at = (size_t)(now_s % TR_LIVE_LATENESS);
    int64_t late_us = now_us - oldest_s * 1000000;
    if (window->lateness_at[at] != now_s || window->lateness[at] < late_us)
        window->lateness[at] = late_us;
    window->lateness_at[at] = now_s;
}

enum member { SECONDS, NAMES, PAGES, IDENTIFIED, EVENTS, MEMBERS };

static void read_members(struct reading *reading, const struct tr_json_value members[MEMBERS])
{
    struct window *window = reading->window;
    if (members[SECONDS].raw.data != NULL)
        each_item(members[SECONDS].raw, take_second, reading);
    reading->keys = &window->names;
    reading->has_kind = true;
    if (members[NAMES].raw.data != NULL)
        each_item(members[NAMES].raw, take_key, reading);
    reading->keys = &window->pages;
    reading->has_kind = false;
    if (members[PAGES].raw.data != NULL)
        each_item(members[PAGES].raw, take_key, reading);
    if (members[IDENTIFIED].raw.data != NULL && members[IDENTIFIED].type == TR_JSON_TRUE)
        window->identified = true;
    if (members[EVENTS].raw.data != NULL)
        each_item(members[EVENTS].raw, take_event, reading);
}

void tr_live_window_note(struct window *window, int64_t run, struct tr_slice note, int64_t now_us,
                         bool first)
{
    static const char *const names[MEMBERS] = {"seconds", "names", "pages", "identified", "events"};
    struct tr_json_value members[MEMBERS];
    struct tr_json_value whole;
    struct reading reading = {
        .window = window, .run = run, .now_s = now_us / 1000000, .oldest_s = INT64_MAX};
    window->run = run;
    tr_live_keys_advance(&window->names, reading.now_s);
    tr_live_keys_advance(&window->pages, reading.now_s);
    if (!tr_json_scan(note, &whole) || whole.type != TR_JSON_OBJECT)
        return;
    tr_json_collect(note, names, MEMBERS, members);
    reading.arena = tr_arena_new((size_t)16 * KEY_BYTES);
    read_members(&reading, members);
    tr_arena_free(reading.arena);
    if (!first && reading.oldest_s != INT64_MAX)
        note_lateness(window, reading.oldest_s, now_us);
}

/* Minutes -------------------------------------------------------------------------------------- */

void tr_live_window_minutes_begin(struct window *window, int64_t now_s)
{
    window->first_minute = now_s / 60 - TR_LIVE_MINUTES + 1;
    memset(window->minutes, 0, sizeof window->minutes);
}

void tr_live_window_minute(struct window *window, int64_t minute, int64_t page_views)
{
    if (minute >= window->first_minute && minute < window->first_minute + TR_LIVE_MINUTES)
        window->minutes[minute - window->first_minute] = page_views;
}

/* Asking --------------------------------------------------------------------------------------- */

int64_t tr_live_window_complete(const struct window *window, int64_t now_us)
{
    int64_t now_s = now_us / 1000000;
    int64_t late_us = INT64_C(2) * LATENESS_LEAST_US;
    for (int i = 0; i < TR_LIVE_LATENESS; i++)
        if (window->lateness_at[i] > now_s - TR_LIVE_LATENESS && window->lateness[i] > late_us)
            late_us = window->lateness[i];
    if (late_us > TR_LIVE_LATENESS_MAX * INT64_C(1000000))
        late_us = TR_LIVE_LATENESS_MAX * INT64_C(1000000);
    return (now_us - late_us) / 1000000;
}

const struct second *tr_live_window_second(const struct window *window, int64_t at_s)
{
    static const struct second none;
    const struct second *second = &window->seconds[at_s % TR_LIVE_SECONDS];
    return second->at_s == at_s ? second : &none;
}
