/* SPDX-License-Identifier: MIT */
/* Covers src/intake/segment_map.c, with what unmodified SDKs sent and with what they might. */
#include "segment.h"

#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* 2026-11-23T01:21:28.834Z, when the captured batch says that it was sent. */
#define SENT_US INT64_C(1795396888834000)

struct translation {
    struct tr_arena *arena;
    struct segment_outer outer;
    struct tr_event event;
    struct segment_context context;
    struct tr_reject reject;
    bool good;
};

static void begin(struct translation *translation)
{
    *translation = (struct translation){.arena = tr_arena_new(1 << 20),
                                        .outer = {.received_us = SENT_US + 2000000}};
}

static void translate(struct translation *translation, const char *type, struct tr_slice object)
{
    translation->good =
        tr_segment_translate(type, object, &translation->outer, translation->arena,
                             &translation->event, &translation->context, &translation->reject);
}

static void end(struct translation *translation)
{
    tr_arena_free(translation->arena);
}

static void assert_text(struct tr_slice got, const char *expected)
{
    if (expected == NULL ? got.data != NULL : !tr_slice_is(got, expected))
        fail_msg("%.*s is not %s", (int)got.size, got.data != NULL ? got.data : "",
                 expected != NULL ? expected : "null");
}

/* Captured requests --------------------------------------------------------------------------- */

static json_t *load(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, CAPTURES "/%s.json", name);
    json_t *request = json_load_file(path, 0, NULL);
    assert_non_null(request);
    return request;
}

static struct tr_slice body_of(const json_t *request)
{
    const json_t *body = json_object_get(request, "body_text");
    return tr_slice(json_string_value(body), json_string_length(body));
}

/* The names and people of a batch, as "name/user/anonymous" separated by spaces. */
static void list_batch(const char *capture, char *out, size_t size)
{
    static const char *const names[] = {"batch", "sentAt"};
    struct tr_json_value members[2];
    struct tr_json_value item;
    struct tr_json_walk walk;
    struct translation translation;
    json_t *request = load(capture);
    begin(&translation);
    tr_json_collect(body_of(request), names, 2, members);
    assert_true(tr_segment_read_sent_at(&translation.outer, &members[1], translation.arena));
    assert_true(translation.outer.has_sent_at);
    tr_json_walk_init(&walk, members[0].raw);
    size_t used = 0;
    while (tr_json_next_item(&walk) && tr_json_take(&walk, &item)) {
        translate(&translation, NULL, item.raw);
        assert_true(translation.good);
        const struct tr_event *event = &translation.event;
        assert_true(event->has_timestamp && event->id.size > 0);
        used += (size_t)snprintf(out + used, size - used, "%s%.*s/%.*s/%.*s", used > 0 ? " " : "",
                                 (int)event->name.size, event->name.data, (int)event->user.size,
                                 event->user.data, (int)event->anonymous.size,
                                 event->anonymous.data != NULL ? event->anonymous.data : "");
    }
    assert_false(walk.bad);
    end(&translation);
    json_decref(request);
}

static void test_node(void **state)
{
    (void)state;
    char list[4096];
    list_batch("segment-node/01", list, sizeof list);
    assert_string_equal(list,
                        "identify/user-0/anon-0 page_view/user-0/anon-0 sign_up/user-0/anon-0 "
                        "feature_used/user-0/anon-0 purchase/user-0/anon-0 group/user-0/anon-0 "
                        "identify/user-1/anon-1 page_view/user-1/anon-1 sign_up/user-1/anon-1 "
                        "feature_used/user-1/anon-1 purchase/user-1/anon-1 group/user-1/anon-1 "
                        "identify/user-2/anon-2 page_view/user-2/anon-2 sign_up/user-2/anon-2");
    list_batch("segment-node/02", list, sizeof list);
    assert_string_equal(list, "feature_used/user-2/anon-2 purchase/user-2/anon-2 "
                              "group/user-2/anon-2 alias/user-0/");
}

static void test_browser_page(void **state)
{
    (void)state;
    struct translation translation;
    json_t *request = load("segment-browser/03");
    begin(&translation);
    translate(&translation, "page", body_of(request));
    assert_true(translation.good);
    const struct tr_event *event = &translation.event;
    assert_text(event->name, "page_view");
    assert_text(event->user, NULL);
    assert_text(event->anonymous, "2d8813dd-1a81-41cb-a94d-3d86e7462b8f");
    assert_text(event->id, "ajs-next-1795396990615-332d8813-dd1a-41c1-8be9-4d3d86e7462b");
    assert_text(event->url,
                "http://127.0.0.1:41425/segment-browser?utm_source=newsletter&utm_medium=email");
    assert_text(event->referrer, NULL);
    assert_text(event->title, "Pricing");
    assert_text(event->channel, "email");
    assert_true(tr_slice_starts(translation.context.user_agent, "Mozilla/5.0"));
    /* Sent 111 ms after it happened. */
    assert_true(event->timestamp_us == translation.outer.received_us - 111000);
    end(&translation);
    json_decref(request);
}

static void test_browser_order(void **state)
{
    (void)state;
    struct translation translation;
    json_t *request = load("segment-browser/08");
    begin(&translation);
    translate(&translation, "track", body_of(request));
    assert_true(translation.good);
    assert_text(translation.event.name, "purchase");
    assert_text(translation.event.value, "20.5");
    assert_text(translation.event.unit, "EUR");
    assert_text(translation.event.user, "user-1");
    assert_text(translation.event.properties, "{\"revenue\":20.5,\"currency\":\"EUR\"}");
    end(&translation);
    json_decref(request);
}

/* Calls --------------------------------------------------------------------------------------- */

#define WHO "\"userId\":\"u\""

static void test_names_and_amounts(void **state)
{
    (void)state;
    static const struct {
        const char *event;
        const char *properties;
        const char *name;
        const char *value;
        const char *unit;
    } cases[] = {
        {"order completed", "{\"total\":\"7.50\",\"currency\":\"usd\"}", "purchase", "7.50", "USD"},
        {"Order Completed", "{\"revenue\":\"$7\"}", "purchase", NULL, NULL},
        {"Order Completed", "{\"revenue\":null,\"value\":3}", "purchase", "3", NULL},
        {"Order Completed", "{\"revenue\":1,\"currency\":\"euro\"}", "purchase", "1", "EURO"},
        {"Order Refunded", "{\"total\":5,\"currency\":\"EUR\"}", "purchase", "-5", "EUR"},
        {"Order Refunded", "{\"total\":-5}", "purchase", "-5", NULL},
        {"Signed Up", "{}", "sign_up", NULL, NULL},
        {"Product Viewed", "{\"value\":2,\"currency\":\"EUR\"}", "Product Viewed", "2", "EUR"},
        {"page_load", "{\"value\":1.2,\"unit\":\"s\"}", "page_load", "1.2", "s"},
        {"x", "{\"value\":\"2\",\"unit\":\"kg\"}", "x", NULL, NULL},
        {"x", "{\"value\":2,\"unit\":\"kg\",\"currency\":\"gold\"}", "x", "2", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct translation translation;
        char body[512];
        snprintf(body, sizeof body, "{" WHO ",\"event\":\"%s\",\"properties\":%s}", cases[i].event,
                 cases[i].properties);
        begin(&translation);
        translate(&translation, "track", tr_slice_of(body));
        assert_true(translation.good);
        assert_text(translation.event.name, cases[i].name);
        assert_text(translation.event.value, cases[i].value);
        assert_text(translation.event.unit, cases[i].unit);
        end(&translation);
    }
}

/* What properties become of a call of a type. */
static void expect_properties(const char *type, const char *fields, const char *properties)
{
    struct translation translation;
    char body[512];
    snprintf(body, sizeof body, "{" WHO "%s%s}", fields[0] != '\0' ? "," : "", fields);
    begin(&translation);
    translate(&translation, type, tr_slice_of(body));
    assert_true(translation.good);
    assert_text(translation.event.properties, properties);
    end(&translation);
}

static void test_properties(void **state)
{
    (void)state;
    expect_properties("identify", "\"traits\":{\"plan\":\"pro\"}", "{\"plan\":\"pro\"}");
    expect_properties("identify", "", NULL);
    expect_properties("group", "\"groupId\":\"g\",\"traits\":{\"a\":1}",
                      "{\"group_id\":\"g\",\"a\":1}");
    expect_properties("group", "\"groupId\":\"g\"", "{\"group_id\":\"g\"}");
    expect_properties("group", "\"groupId\":\"g\",\"traits\":{ }", "{\"group_id\":\"g\" }");
    expect_properties("alias", "\"previousId\":\"o\"", "{\"previous_id\":\"o\"}");
    expect_properties("screen", "\"name\":\"Home\",\"category\":\"App\"",
                      "{\"name\":\"Home\",\"category\":\"App\"}");
}

static void test_pages(void **state)
{
    (void)state;
    struct translation translation;
    begin(&translation);
    translate(&translation, "page",
              TR_SLICE("{" WHO ",\"name\":\"N\",\"properties\":{\"path\":\"/p\"}}"));
    assert_text(translation.event.url, "/p");
    assert_text(translation.event.title, "N");
    translate(&translation, "page",
              TR_SLICE("{" WHO ",\"properties\":{\"url\":\"https://h/a\"},\"context\":{\"page\":"
                       "{\"url\":\"https://h/b\",\"referrer\":\"https://r/\",\"title\":\"T\"}}}"));
    assert_text(translation.event.url, "https://h/a");
    assert_text(translation.event.referrer, "https://r/");
    assert_text(translation.event.title, "T");
    /* What belongs to a track call's properties is not about the page. */
    translate(&translation, "track",
              TR_SLICE("{" WHO ",\"event\":\"e\",\"properties\":{\"url\":\"https://h/product\"}}"));
    assert_text(translation.event.url, NULL);
    end(&translation);
}

static void test_outer_context(void **state)
{
    (void)state;
    struct translation translation;
    begin(&translation);
    tr_segment_read_context(
        &translation.outer.context,
        TR_SLICE("{\"userAgent\":\"out\",\"ip\":\"192.0.2.9\",\"page\":{\"url\":\"https://h/o\","
                 "\"title\":\"O\"},\"campaign\":{\"source\":\"google\"}}"),
        translation.arena);
    translate(&translation, "track",
              TR_SLICE("{" WHO ",\"event\":\"e\",\"context\":{\"page\":{\"title\":\"I\"}}}"));
    assert_text(translation.event.url, "https://h/o");
    assert_text(translation.event.title, "I");
    assert_text(translation.event.channel, "organic search");
    assert_text(translation.context.user_agent, "out");
    assert_text(translation.context.ip, "192.0.2.9");
    end(&translation);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        int64_t offset_ms; /* from the receipt; 1: no timestamp */
    } cases[] = {
        {"\"messageId\":\"m\"", 1},
        {"\"timestamp\":null", 1},
        {"\"timestamp\":\"2026-11-23T01:21:30.834Z\"", 0},
        {"\"timestamp\":1795396890834", 0},
        {"\"timestamp\":\"1795396890834\"", 0},
        {"\"timestamp\":\"2026-11-23T05:00:00Z\",\"sentAt\":\"2026-11-23T05:00:01Z\"", -1000},
        {"\"originalTimestamp\":\"2026-11-23T05:00:00Z\",\"timestamp\":\"2020-01-01T00:00:00Z\","
         "\"sentAt\":\"2026-11-23T05:00:01Z\"",
         -1000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct translation translation;
        char body[512];
        snprintf(body, sizeof body, "{" WHO ",\"event\":\"e\",%s}", cases[i].fields);
        begin(&translation);
        translate(&translation, "track", tr_slice_of(body));
        assert_true(translation.good);
        assert_int_equal(translation.event.has_timestamp, cases[i].offset_ms != 1);
        if (translation.event.has_timestamp)
            assert_true(translation.event.timestamp_us ==
                        translation.outer.received_us + cases[i].offset_ms * 1000);
        end(&translation);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *field;
        const char *code;
    } cases[] = {
        {"[]", "event", "wrong_type"},
        {"{" WHO "}", "type", "unknown_type"},
        {"{" WHO ",\"type\":\"tracks\"}", "type", "unknown_type"},
        {"{" WHO ",\"type\":\"track\"}", "event", "required"},
        {"{" WHO ",\"type\":\"track\",\"event\":\"\"}", "event", "required"},
        {"{\"type\":\"page\"}", "userId", "required"},
        {"{\"type\":\"page\",\"userId\":\"\",\"anonymousId\":null}", "userId", "required"},
        {"{\"type\":\"page\",\"userId\":{}}", "userId", "wrong_type"},
        {"{\"type\":\"page\",\"userId\":\"a\\u0000\"}", "userId", "invalid_text"},
        {"{" WHO ",\"type\":\"page\",\"properties\":[]}", "properties", "wrong_type"},
        {"{" WHO ",\"type\":\"group\",\"traits\":1}", "traits", "wrong_type"},
        {"{" WHO ",\"type\":\"page\",\"timestamp\":\"soon\"}", "timestamp", "bad_timestamp"},
        {"{" WHO ",\"type\":\"page\",\"sentAt\":true}", "sentAt", "bad_timestamp"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct translation translation;
        begin(&translation);
        translate(&translation, NULL, tr_slice_of(cases[i].body));
        assert_false(translation.good);
        assert_string_equal(translation.reject.field, cases[i].field);
        assert_string_equal(translation.reject.code, cases[i].code);
        end(&translation);
    }
    struct translation numeric;
    begin(&numeric);
    translate(&numeric, NULL, TR_SLICE("{\"type\":\"page\",\"userId\":42}"));
    assert_true(numeric.good);
    assert_text(numeric.event.user, "42");
    end(&numeric);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node),          cmocka_unit_test(test_browser_page),
        cmocka_unit_test(test_browser_order), cmocka_unit_test(test_names_and_amounts),
        cmocka_unit_test(test_properties),    cmocka_unit_test(test_pages),
        cmocka_unit_test(test_outer_context), cmocka_unit_test(test_times),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
