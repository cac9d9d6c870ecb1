/* SPDX-License-Identifier: MIT */
/* src/live/window.c and frame.c: from notes, good and bad, to the text of frames. */
#include "live_priv.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NOW_S = 1800000000 };
static const int64_t now_us = (int64_t)NOW_S * 1000000 + 400000;

static const char note[] = "{\"seconds\":[[1799999990,4,2,1,1],[1799999999,6,0,0,0]],"
                           "\"names\":[[\"e\",\"page_view\",7],[\"p\",\"api "
                           "\\\"x\\\"\",3]],\"pages\":[[\"/a\",5],[\"/\\u00e9\",2]],"
                           "\"identified\":true,\"events\":[[1799999999250000,\"e\",\"page_view\","
                           "\"/a\",null,\"DE\",\"u_1\","
                           "{\"a\":\r\n1,\"b\":\"x\\ny\"}]]}";

static struct window *window_of(const char *text)
{
    struct window *window = tr_live_window_new();
    tr_live_window_minutes_begin(window, NOW_S);
    tr_live_window_note(window, 7, tr_slice_of(text), now_us, true);
    return window;
}

static struct tr_live_frame *frame_of(struct window *window)
{
    const struct frame_facts facts = {.number = 1, .now_us = now_us, .looked_us = now_us};
    return tr_live_frame_new(window, &facts);
}

/* The JSON of a message, which must be of this type and take three lines. */
static json_t *data_of(struct tr_slice message, const char *type)
{
    char start[64];
    int size = snprintf(start, sizeof start, "event: %s\nid: 7\ndata: ", type);
    assert_true(message.size > (size_t)size + 2);
    assert_memory_equal(message.data, start, size);
    assert_memory_equal(message.data + message.size - 2, "\n\n", 2);
    assert_null(memchr(message.data + size, '\n', message.size - (size_t)size - 2));
    assert_null(memchr(message.data, '\r', message.size));
    json_error_t error;
    json_t *data = json_loadb(message.data + size, message.size - (size_t)size - 2, 0, &error);
    assert_non_null(data);
    return data;
}

static void test_stats(void **state)
{
    (void)state;
    struct window *window = window_of(note);
    uint8_t key[16] = {1};
    tr_live_people_see(&window->people, key, NOW_S - 10, 0);
    tr_live_window_minute(window, NOW_S / 60 - 1, 40);
    tr_live_window_minute(window, NOW_S / 60 - TR_LIVE_MINUTES, 9); /* over */
    struct tr_live_frame *frame = frame_of(window);
    json_t *data = data_of(frame->stats, "stats");
    json_t *expected =
        json_pack("{s:s, s:s, s:b, s:{s:i,s:i}, s:{s:f,s:i,s:i}, s:{s:i}, s:[{s:s,s:i},{s:s,s:i}],"
                  " s:[{s:s,s:s,s:i},{s:s,s:s,s:i}]}",
                  "at", "2027-01-15T08:00:00.400Z", "as_of", "2027-01-15T07:59:59.000Z", "stale", 0,
                  "active_people", "value", 1, "error", 0, "error_rate", "value", 0.5, "failed", 1,
                  "requests", 2, "client_errors", "value", 1, "top_pages", "path", "/a", "n", 5,
                  "path", "/é", "n", 2, "top_names", "name", "page_view", "kind", "engagement", "n",
                  7, "name", "api \"x\"", "kind", "performance", "n", 3);
    assert_non_null(expected);
    const char *name;
    json_t *value;
    json_object_foreach(expected, name, value)
    {
        if (!json_equal(json_object_get(data, name), value))
            fail_msg("%s: %s", name, json_dumps(json_object_get(data, name), 0));
    }
    json_t *views = json_object_get(data, "page_views");
    assert_int_equal(json_integer_value(json_object_get(views, "value")), 40);
    json_t *values = json_object_get(views, "values");
    assert_int_equal(json_array_size(values), TR_LIVE_MINUTES);
    assert_int_equal(json_integer_value(json_array_get(values, TR_LIVE_MINUTES - 2)), 40);
    json_decref(expected);
    json_decref(data);
    tr_live_frame_free(frame);
    tr_live_window_free(window);
}

static void test_nothing_yet(void **state)
{
    (void)state;
    struct window *window = tr_live_window_new();
    tr_live_window_minutes_begin(window, NOW_S);
    window->run = 7;
    struct tr_live_frame *frame = frame_of(window);
    json_t *data = data_of(frame->stats, "stats");
    assert_true(json_is_null(json_object_get(json_object_get(data, "error_rate"), "value")));
    assert_int_equal(json_array_size(json_object_get(data, "top_pages")), 0);
    assert_int_equal(frame->event_count, 0);
    assert_int_equal(frame->next[TR_LIVE_PLAIN].size, frame->stats.size);
    json_decref(data);
    tr_live_frame_free(frame);
    tr_live_window_free(window);
}

static void test_event(void **state)
{
    (void)state;
    struct window *window = window_of(note);
    struct tr_live_frame *frame = frame_of(window);
    assert_int_equal(frame->event_count, 1);
    assert_int_equal(frame->events[0].run, 7);
    json_t *plain = data_of(frame->events[0].text[TR_LIVE_PLAIN], "event");
    json_t *full = data_of(frame->events[0].text[TR_LIVE_WITH_PROPERTIES], "event");
    assert_int_equal(json_object_size(plain), 7);
    assert_null(json_object_get(plain, "properties"));
    assert_string_equal(json_string_value(json_object_get(plain, "at")),
                        "2027-01-15T07:59:59.250Z");
    json_t *properties = json_pack("{s:i,s:s}", "a", 1, "b", "x\ny");
    assert_true(json_equal(json_object_get(full, "properties"), properties));
    json_decref(properties);
    json_decref(plain);
    json_decref(full);
    tr_live_frame_free(frame);
    tr_live_window_free(window);
}

static void add_event(struct window *window, int64_t run)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"events\":[[1799999999250000,\"e\",\"n%d\",null,null,null,\"u\",null]]}", (int)run);
    tr_live_window_note(window, run, tr_slice_of(text), now_us, false);
}

static void test_newest_events_only(void **state)
{
    (void)state;
    struct window *window = tr_live_window_new();
    for (int64_t run = 1; run <= 25; run++)
        add_event(window, run);
    struct frame_facts facts = {.number = 1, .now_us = now_us, .looked_us = now_us};
    struct tr_live_frame *frame = tr_live_frame_new(window, &facts);
    assert_int_equal(frame->event_count, TR_LIVE_EVENTS);
    assert_int_equal(frame->events[0].run, 16);
    assert_int_equal(frame->events[TR_LIVE_EVENTS - 1].run, 25);
    tr_live_frame_free(frame);
    facts.events_shown = 24; /* only what is new since */
    frame = tr_live_frame_new(window, &facts);
    const struct tr_slice next = frame->next[TR_LIVE_PLAIN];
    assert_non_null(memmem(next.data, next.size, "\"n25\"", 5));
    assert_null(memmem(next.data, next.size, "\"n24\"", 5));
    tr_live_frame_free(frame);
    tr_live_window_free(window);
}

/* Another release's, or damaged: no crash, and what is understood counts. */
static void test_bad_notes(void **state)
{
    (void)state;
    static const char *const notes[] = {
        "",
        "null",
        "[]",
        "{",
        "{\"seconds\":null}",
        "{\"seconds\":[1,[2],[1,2,3,4]]}",
        "{\"seconds\":[[-1,1,1,1,1],[1.5,1,1,1,1],[99999999999999999999,1,1,1,1],[0,0,0,0,0]]}",
        "{\"seconds\":[[1799999999,-5,1,1,1]],\"names\":[[\"e\",3,1],[\"\",\"x\",1],[1,2,3]]}",
        "{\"names\":[[\"e\",\"x\",99999999999]],\"pages\":[[\"x\"],[\"x\",-1],[\"x\",\"y\"]]}",
        "{\"events\":[[],[1],[-1,\"e\",1,1,1,1,1,1],[1,\"ee\",1,1,1,1,1,1],"
        "[1e3,\"e\",1,1,1,1,1,1]],\"identified\":7}",
        "{\"events\":{\"a\":1},\"pages\":\"x\",\"names\":{}}",
    };
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        struct window *window = window_of(notes[i]);
        struct tr_live_frame *frame = frame_of(window);
        assert_int_equal(window->event_count, 0);
        assert_false(window->identified);
        json_decref(data_of(frame->stats, "stats"));
        tr_live_frame_free(frame);
        tr_live_window_free(window);
    }
    for (size_t size = 0; size < sizeof note - 1; size++) {
        struct window *window = tr_live_window_new();
        char *cut = strndup(note, size); /* so that a sanitizer sees the end */
        tr_live_window_note(window, 7, tr_slice(cut, size), now_us, true);
        assert_int_equal(window->event_count, 0);
        free(cut);
        tr_live_window_free(window);
    }
}

/* The largest there can be: a frame holds it all. */
static void test_large_frame(void **state)
{
    (void)state;
    struct window *window = tr_live_window_new();
    char *text = malloc(1 << 16);
    char *quotes = malloc(12001);
    for (int i = 0; i < 12000; i++)
        quotes[i] = i % 2 == 0 ? '\\' : '"';
    quotes[12000] = '\0';
    for (int run = 1; run <= 20; run++) {
        int size =
            snprintf(text, 1 << 16,
                     "{\"seconds\":[[1799999999,1,0,0,0]],\"names\":[[\"e\",\"%d%.2000s\",1]],"
                     "\"pages\":[[\"%d%.2000s\",1]],\"events\":[[1,\"e\",\"%s\",null,null,null,"
                     "\"u\",{\"p\":\"%.6000s\"}]]}",
                     run, quotes, run, quotes, quotes, quotes);
        tr_live_window_note(window, 7, tr_slice(text, (size_t)size), now_us, true);
    }
    struct tr_live_frame *frame = frame_of(window);
    assert_int_equal(frame->event_count, 0); /* none of theirs is that large */
    snprintf(text, 1 << 16,
             "{\"events\":[[1,\"e\",\"%.8000s\",null,null,null,\"u\",{\"p\":\"%.8000s\"}]]}",
             quotes, quotes);
    tr_live_frame_free(frame);
    for (int i = 0; i < 20; i++)
        tr_live_window_note(window, 7, tr_slice_of(text), now_us, true);
    frame = frame_of(window);
    assert_int_equal(frame->event_count, TR_LIVE_EVENTS);
    json_decref(data_of(frame->events[9].text[TR_LIVE_WITH_PROPERTIES], "event"));
    json_decref(data_of(frame->stats, "stats"));
    assert_true(frame->next[TR_LIVE_WITH_PROPERTIES].size < 512 * 1024);
    assert_true(frame->next[TR_LIVE_WITH_PROPERTIES].size > 160000);
    tr_live_frame_free(frame);
    tr_live_window_free(window);
    free(quotes);
    free(text);
}

static void test_late_notes_delay_the_rate(void **state)
{
    (void)state;
    struct window *window = tr_live_window_new();
    assert_int_equal(tr_live_window_complete(window, now_us), NOW_S - 2);
    tr_live_window_note(window, 1, TR_SLICE("{\"seconds\":[[1799999995,10,0,0,0]]}"), now_us,
                        false);
    assert_int_equal(tr_live_window_complete(window, now_us), NOW_S - 5);
    assert_int_equal(tr_live_window_second(window, NOW_S - 5)->events, 10);
    assert_int_equal(tr_live_window_second(window, NOW_S - 4)->events, 0);
    /* Forgiven after a while. */
    assert_int_equal(tr_live_window_complete(window, now_us + 20000000), NOW_S + 18);
    /* However late: the minute is still shown. */
    tr_live_window_note(window, 2, TR_SLICE("{\"seconds\":[[1799999800,10,0,0,0]]}"), now_us,
                        false);
    assert_int_equal(tr_live_window_complete(window, now_us), NOW_S - 60);
    tr_live_window_free(window);
}

static void test_seconds_pass(void **state)
{
    (void)state;
    struct window *window = window_of(note);
    assert_int_equal(tr_live_window_second(window, NOW_S - 1)->events, 6);
    /* The same second of another note adds up; the same place of another second does not. */
    tr_live_window_note(window, 8, TR_SLICE("{\"seconds\":[[1799999999,1,0,0,0]]}"), now_us, false);
    assert_int_equal(tr_live_window_second(window, NOW_S - 1)->events, 7);
    assert_int_equal(tr_live_window_second(window, NOW_S - 1 - TR_LIVE_SECONDS)->events, 0);
    int64_t later_us = now_us + TR_LIVE_SECONDS * INT64_C(1000000);
    tr_live_window_note(window, 9, TR_SLICE("{\"seconds\":[[1800000511,1,0,0,0]]}"), later_us,
                        false);
    assert_int_equal(tr_live_window_second(window, NOW_S - 1)->events, 0);
    assert_int_equal(tr_live_window_second(window, NOW_S + 511)->events, 1);
    tr_live_window_free(window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_nothing_yet),
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_newest_events_only),
        cmocka_unit_test(test_bad_notes),
        cmocka_unit_test(test_large_frame),
        cmocka_unit_test(test_late_notes_delay_the_rate),
        cmocka_unit_test(test_seconds_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
