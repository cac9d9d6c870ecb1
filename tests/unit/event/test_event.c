/* SPDX-License-Identifier: MIT */
/* Covers src/event/reader.c, encode.c, properties.c, url.c, channel.c, standard.c and record.c. */
#include "record_priv.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* 2026-11-23T10:15:30Z */
#define NOW_US (INT64_C(1795428930) * 1000000)
#define NOW_TEXT "2026-11-23T10:15:30Z"

static const uint8_t salt[16] = {1, 2, 3};
static const struct tr_event_sender sender = {
    .project_id = 7,
    .received_us = NOW_US,
    .user_agent = {"curl/8", 6},
    .address = {"\x7f\0\0\1", 4},
    .salt = salt,
};

struct outcome {
    char verdicts[4096]; /* "ok", "field:code" or "body:code!" per event; "too_many" */
    struct tr_buf records;
    size_t ends[64];
    size_t count;
    struct tr_arena *arena;
};

static void add_verdict(struct outcome *outcome, const struct tr_reject *reject, const char *mark)
{
    size_t used = strlen(outcome->verdicts);
    snprintf(outcome->verdicts + used, sizeof outcome->verdicts - used, "%s%s%s%s%s",
             used > 0 ? " " : "", reject != NULL ? reject->field : "ok", reject != NULL ? ":" : "",
             reject != NULL ? reject->code : "", mark);
}

static void add_event(struct outcome *outcome, const struct tr_event *event,
                      const struct tr_event_limits *limits)
{
    struct tr_reject reject;
    size_t before = outcome->records.size;
    if (!tr_event_encode(event, &sender, limits, outcome->arena, &outcome->records, &reject)) {
        assert_int_equal(outcome->records.size, before);
        add_verdict(outcome, &reject, "");
        return;
    }
    if (outcome->count < 64)
        outcome->ends[outcome->count++] = outcome->records.size;
    add_verdict(outcome, NULL, "");
}

/* The body is copied to the byte, for the sanitizer to see reads beyond it. */
static void run(struct outcome *outcome, struct tr_slice body)
{
    struct tr_event_limits limits;
    struct tr_event_reader reader;
    struct tr_event event;
    struct tr_reject reject;
    struct tr_slice raw;
    tr_event_limits_init(&limits);
    limits.events = 50;
    outcome->verdicts[0] = '\0';
    outcome->count = 0;
    outcome->arena = tr_arena_new(16 << 20);
    tr_buf_init(&outcome->records, 16 << 20);
    char *copy = malloc(body.size + 1);
    memcpy(copy, body.data, body.size);
    char *exact = realloc(copy, body.size > 0 ? body.size : 1);
    tr_event_reader_init(&reader, tr_slice(exact, body.size), NOW_US, &limits, outcome->arena);
    for (;;) {
        int got = tr_event_reader_next(&reader, &event, &raw, &reject);
        if (got == 0)
            break;
        if (got == TR_EVENT_TOO_MANY) {
            strcat(outcome->verdicts, " too_many");
            break;
        }
        assert_true(raw.data >= exact && raw.data + raw.size <= exact + body.size);
        if (got == TR_EVENT_READ)
            add_event(outcome, &event, &limits);
        else
            add_verdict(outcome, &reject, got == TR_EVENT_BODY_BAD ? "!" : "");
    }
    free(exact);
}

static void done(struct outcome *outcome)
{
    tr_buf_fini(&outcome->records);
    tr_arena_free(outcome->arena);
}

static void expect(const char *body, size_t size, const char *verdicts)
{
    static struct outcome outcome;
    run(&outcome, tr_slice(body, size));
    if (strcmp(outcome.verdicts, verdicts) != 0)
        fail_msg("%.*s\n  gives    %s\n  expected %s", (int)size, body, outcome.verdicts, verdicts);
    done(&outcome);
}
#define EXPECT(body, verdicts) expect(body, sizeof(body) - 1, verdicts)
/* Of an event with a name and these fields. */
#define EXPECT_FIELDS(fields, verdict) EXPECT("{\"name\":\"x\"," fields "}", verdict)

/* Bodies -------------------------------------------------------------------------------------- */

static void test_forms(void **state)
{
    (void)state;
    EXPECT("{\"name\":\"a\"}", "ok");
    EXPECT("\xef\xbb\xbf {\"name\":\"a\"} \r\n", "ok");
    EXPECT("[]", "");
    EXPECT(" [ {\"name\":\"a\"} , {\"name\":\"b\"} ] ", "ok ok");
    EXPECT("{\"events\":[{\"name\":\"a\"}],\"sent_at\":\"" NOW_TEXT "\"}", "ok");
    EXPECT("{\"sent_at\":1795428930000,\"events\":[]}", "");
    EXPECT("{\"sent_at\":null,\"events\":[{\"name\":\"a\"},{}]}", "ok name:required");
    EXPECT("{\"name\":\"a\"}\n{\"name\":\"b\"}\n\n{\"name\":\"c\"}", "ok ok ok");
    EXPECT("{\"name\":\"a\"}{\"name\":\"b\"}", "ok ok");
    EXPECT("{\n \"name\":\n\"a\"\n}", "ok");
}

static void test_bad_bodies(void **state)
{
    (void)state;
    EXPECT("", "body:empty!");
    EXPECT(" \n", "body:empty!");
    EXPECT("\xef\xbb\xbf", "body:empty!");
    EXPECT("hello", "body:bad_json!");
    EXPECT("\"text\"", "body:bad_json!");
    EXPECT("[", "body:bad_json!");
    EXPECT("{", "body:bad_json!");
    EXPECT("{\"name\"", "body:bad_json!");
    EXPECT("{\"name\":\"a\"", "body:bad_json!");
    EXPECT("[{\"name\":\"a\"},{\"name\":tru}]", "ok body:bad_json!");
    EXPECT("[{\"name\":\"a\"},]", "ok body:bad_json!");
    EXPECT("[{\"name\":\"a\"}", "ok body:bad_json!");
    EXPECT("[{\"name\":\"a\"}] x", "ok body:bad_json!");
    EXPECT("[{\"name\":\"a\"}],", "ok body:bad_json!");
    EXPECT("[{\"name\":\"a\"} {\"name\":\"b\"}]", "ok body:bad_json!");
    EXPECT("{\"events\":[{\"name\":\"a\"}],", "ok body:bad_json!");
    EXPECT("{\"events\":[{\"name\":\"a\"}]", "ok body:bad_json!");
    EXPECT("{\"events\":[{\"name\":\"a\"}]} x", "ok body:bad_json!");
    EXPECT("{\"events\":[{\"name\":\"a\"},x]}", "ok body:bad_json!");
    EXPECT("{\"events\":{}}", "events:wrong_type!");
    EXPECT("{\"sent_at\":1}", "events:required!");
    EXPECT("{\"events\":[],\"events\":[]}", "events:duplicate_field!");
    EXPECT("{\"events\":[{\"name\":\"a\"}],\"sent_at\":\"now\"}", "sent_at:bad_timestamp!");
    EXPECT("{\"events\":[{\"name\":\"a\"}],\"x\":1}", "x:unknown_field!");
    EXPECT("{\"x\":1,\"events\":[{\"name\":\"a\"}]}", "x:unknown_field!");
}

static void test_verdict_per_event(void **state)
{
    (void)state;
    EXPECT("[1,null,\"x\",[],{\"name\":\"a\"}]",
           "event:wrong_type event:wrong_type event:wrong_type event:wrong_type ok");
    EXPECT("[{\"name\":\"\xff\"},{\"name\":\"a\"}]", "name:invalid_utf8 ok");
    EXPECT("[{\"name\":\"a\",\"\xff\":1},{\"name\":\"a\"}]", "?:invalid_utf8 ok");
    EXPECT("{\"name\":\"a\"}\nnonsense\n{\"name\":\"c\"}", "ok event:bad_json ok");
    EXPECT("{\"name\":\n{\"name\":\"b\"}\n", "event:bad_json ok");
    EXPECT("{\"name\":\"a\"\n{\"name\":\"b\"}\n{\"na", "event:bad_json ok event:bad_json");
    EXPECT("{\"name\":\"a\"}\n[{\"name\":\"b\"}]\n{\"name\":\"c\"}", "ok event:wrong_type ok");
}

static void test_too_many(void **state)
{
    (void)state;
    char body[2048] = "[{}";
    for (int i = 1; i < 50; i++)
        strcat(body, ",{}");
    struct outcome *outcome = malloc(sizeof *outcome);
    strcat(body, "]");
    run(outcome, tr_slice_of(body));
    assert_null(strstr(outcome->verdicts, "too_many"));
    done(outcome);
    body[strlen(body) - 1] = '\0';
    strcat(body, ",{}]");
    run(outcome, tr_slice_of(body));
    assert_non_null(strstr(outcome->verdicts, "too_many"));
    done(outcome);
    free(outcome);
}

/* Every beginning of a good body gets an answer, and none gets more events than the whole. */
static void test_truncation(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "[{\"name\":\"a\",\"value\":1.5e1,\"properties\":{\"a\":[1,\"\\u00e9\\ud83d\\ude00\"]}}]",
        "{\"sent_at\":\"" NOW_TEXT "\",\"events\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
        "{\"name\":\"a\",\"url\":\"https://h/p?utm_source=x\",\"timestamp\":1795428930000}\n"
        "{\"name\":\"b\",\"user\":\"\\u0041\",\"properties\":{\"status\":true,\"x\":null}}\n",
    };
    struct outcome *outcome = malloc(sizeof *outcome);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (size_t size = 0; size < strlen(bodies[i]); size++) {
            run(outcome, tr_slice(bodies[i], size));
            assert_true(outcome->count <= 2);
            assert_true(size < 4 || outcome->verdicts[0] != '\0');
            done(outcome);
        }
    }
    free(outcome);
}

/* A megabyte of the worst: the arena holds next to nothing of it. */
static void test_worst_shapes(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    static const char *const shapes[] = {"[",   "{\"a\":",       "[[],",
                                         "{},", "[{},",          "{\"properties\":{",
                                         "\"",  "[\"\\u0000\",", "{\"name\":\"a\"}\n",
                                         "0"};
    char *body = malloc(SIZE);
    struct outcome *outcome = malloc(sizeof *outcome);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t length = strlen(shapes[i]);
        for (size_t at = 0; at < SIZE; at++)
            body[at] = shapes[i][at % length];
        run(outcome, tr_slice(body, SIZE));
        assert_true(tr_arena_used(outcome->arena) + outcome->records.capacity < SIZE);
        done(outcome);
    }
    free(outcome);
    free(body);
}

/* Fields -------------------------------------------------------------------------------------- */

static void test_fields(void **state)
{
    (void)state;
    EXPECT("{}", "name:required");
    EXPECT("{\"name\":\"\"}", "name:required");
    EXPECT("{\"name\":null}", "name:required");
    EXPECT("{\"name\":1}", "name:wrong_type");
    EXPECT("{\"name\":\"a\",\"name\":\"b\"}", "name:duplicate_field");
    EXPECT("{\"name\":\"a\",\"n\\u0061me\":\"b\"}", "name:duplicate_field");
    EXPECT("{\"Name\":\"a\"}", "Name:unknown_field");
    EXPECT_FIELDS("\"plan\":\"pro\"", "plan:unknown_field");
    EXPECT_FIELDS("\"events\":[]", "events:unknown_field");
    EXPECT_FIELDS("\"id\":\"\"", "id:empty");
    EXPECT_FIELDS("\"id\":null,\"user\":null,\"value\":null,\"properties\":null", "ok");
    EXPECT_FIELDS("\"user\":42", "user:wrong_type");
    EXPECT_FIELDS("\"kind\":\"business\"", "ok");
    EXPECT_FIELDS("\"kind\":\"b\"", "kind:bad_kind");
    EXPECT_FIELDS("\"user\":\"a\\u0000b\"", "user:invalid_text");
    EXPECT_FIELDS("\"session\":\"\\ud800\"", "session:invalid_text");
    EXPECT_FIELDS("\"title\":\"a\\u0000b\\ud83d\"", "ok");
    EXPECT_FIELDS("\"title\":[]", "title:wrong_type");
    EXPECT_FIELDS("\"properties\":[]", "properties:wrong_type");
    EXPECT_FIELDS("\"properties\":\"{}\"", "properties:wrong_type");
}

static void expect_length(const char *field, size_t limit, const char *beyond)
{
    char body[8192];
    char text[4096];
    for (size_t size = limit; size <= limit + 1; size++) {
        memset(text, 'x', size);
        text[size] = '\0';
        snprintf(body, sizeof body, "{%s\"%s\":\"%s\"}",
                 strcmp(field, "name") == 0 ? "" : "\"name\":\"a\",", field, text);
        expect(body, strlen(body), size == limit ? "ok" : beyond);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    expect_length("name", 200, "name:too_long");
    expect_length("id", 128, "id:too_long");
    expect_length("user", 200, "user:too_long");
    expect_length("anonymous", 200, "anonymous:too_long");
    expect_length("session", 200, "session:too_long");
    expect_length("url", 2000, "url:too_long");
    expect_length("referrer", 2000, "referrer:too_long");
    expect_length("title", 1000, "ok");
}

static void test_values(void **state)
{
    (void)state;
    EXPECT_FIELDS("\"value\":\"1\"", "value:wrong_type");
    EXPECT_FIELDS("\"value\":1e400", "value:not_finite");
    EXPECT_FIELDS("\"value\":1e-400", "ok");
    EXPECT_FIELDS("\"value\":9223372036854775808", "value:out_of_range");
    EXPECT_FIELDS("\"value\":NaN", "body:bad_json!");
    EXPECT_FIELDS("\"value\":-5,\"unit\":\"count\"", "ok");
    EXPECT_FIELDS("\"unit\":\"EUR\"", "ok");
    EXPECT_FIELDS("\"unit\":\"eur\"", "unit:bad_unit");
    EXPECT_FIELDS("\"unit\":\"kg\"", "unit:bad_unit");
    EXPECT("{\"name\":\"purchase\",\"value\":-3,\"unit\":\"USD\"}", "ok");
    EXPECT("{\"name\":\"purchase\",\"value\":3,\"unit\":\"ms\"}", "unit:bad_unit");
    EXPECT("{\"name\":\"purchase\"}", "ok");
    EXPECT("{\"name\":\"page_load\",\"value\":-1}", "value:out_of_range");
    EXPECT("{\"name\":\"page_load\",\"value\":86400000,\"unit\":\"ms\"}", "ok");
    EXPECT("{\"name\":\"page_load\",\"value\":86400000.1}", "value:out_of_range");
    EXPECT("{\"name\":\"page_load\",\"value\":86400.1,\"unit\":\"s\"}", "value:out_of_range");
    EXPECT("{\"name\":\"page_load\",\"value\":1,\"unit\":\"EUR\"}", "unit:bad_unit");
}

static void test_properties(void **state)
{
    (void)state;
    EXPECT_FIELDS("\"properties\":{\"a\":\"\\u0000\",\"b\":[\"\\ud800\"]}", "ok");
    EXPECT_FIELDS("\"properties\":{\"a\":{\"\\u0000\":1}}", "properties.a:invalid_text");
    EXPECT_FIELDS("\"properties\":{\"\\udc00\":1}", "properties:invalid_text");
    EXPECT_FIELDS("\"properties\":{\"a\":[0,\"\xff\"]}", "properties.a[1]:invalid_utf8");
    EXPECT_FIELDS("\"properties\":{\"a\":1e300}", "ok");
    EXPECT_FIELDS("\"properties\":{\"a\":{\"b\":1e200000}}", "properties.a.b:out_of_range");
    EXPECT_FIELDS("\"properties\":{\"a\":1,\"a\":2}", "ok");
    EXPECT_FIELDS("\"properties\":{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}", "ok");
    EXPECT_FIELDS("\"properties\":{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",
                  "properties:too_deep");
#define API "{\"name\":\"api_request\",\"properties\":{\"status\":"
    EXPECT(API "200}}", "ok");
    EXPECT(API "\"503\"}}", "ok");
    EXPECT(API "0}}", "ok");
    EXPECT(API "null}}", "ok");
    EXPECT(API "99}}", "properties.status:out_of_range");
    EXPECT(API "600}}", "properties.status:out_of_range");
    EXPECT(API "200.5}}", "properties.status:out_of_range");
    EXPECT(API "-200}}", "properties.status:out_of_range");
    EXPECT(API "\"ok\"}}", "properties.status:wrong_type");
    EXPECT(API "true}}", "properties.status:wrong_type");
#undef API
    EXPECT_FIELDS("\"properties\":{\"status\":\"active\"}", "ok");
}

static void test_properties_size(void **state)
{
    (void)state;
    enum { LIMIT = 32768 };
    char *body = malloc(LIMIT + 100);
    for (int extra = 0; extra <= 1; extra++) {
        int size = LIMIT + extra - (int)strlen("{\"a\":\"\"}");
        int length = sprintf(body, "{\"name\":\"x\",\"properties\":{\"a\":\"%0*d\"}}", size, 0);
        expect(body, (size_t)length, extra ? "properties:too_large" : "ok");
    }
    free(body);
}

/* Rows ---------------------------------------------------------------------------------------- */

struct row {
    struct outcome outcome;
    struct tr_record record;
    struct tr_slice columns[TR_COLUMN_COUNT];
};

static void split_row(struct row *row)
{
    const char *at = row->record.row.data + 2;
    for (int i = 0; i < TR_COLUMN_COUNT; i++) {
        uint32_t size;
        memcpy(&size, at, 4);
        size = be32toh(size);
        at += 4;
        row->columns[i] = TR_SLICE_NONE;
        if (size == UINT32_MAX)
            continue;
        row->columns[i] = tr_slice(at, size);
        at += size;
    }
    assert_ptr_equal(at, row->record.row.data + row->record.row.size);
}

static void read_row(struct row *row, const char *body)
{
    struct tr_error error = TR_ERROR_INIT;
    run(&row->outcome, tr_slice_of(body));
    if (strcmp(row->outcome.verdicts, "ok") != 0)
        fail_msg("%s gives %s", body, row->outcome.verdicts);
    assert_int_equal(tr_record_decode(tr_buf_slice(&row->outcome.records), &row->record, &error),
                     0);
    split_row(row);
}

static void assert_column(const struct row *row, enum tr_column column, const char *text)
{
    struct tr_slice got = row->columns[column];
    if (text == NULL ? got.data != NULL : !tr_slice_is(got, text))
        fail_msg("column %d is %s%.*s, not %s", column, got.data == NULL ? "null" : "",
                 (int)got.size, got.data != NULL ? got.data : "", text != NULL ? text : "null");
}

/* One event with this url, referrer and channel property: what becomes of them. */
static void expect_page(const char *fields, const char *url, const char *host, const char *path,
                        const char *channel)
{
    struct row *row = calloc(1, sizeof *row);
    char body[1024];
    snprintf(body, sizeof body, "{\"name\":\"page_view\",%s}", fields);
    read_row(row, body);
    assert_column(row, TR_COLUMN_URL, url);
    assert_column(row, TR_COLUMN_HOST, host);
    assert_column(row, TR_COLUMN_PATH, path);
    assert_column(row, TR_COLUMN_CHANNEL, channel);
    done(&row->outcome);
    free(row);
}

static void test_urls(void **state)
{
    (void)state;
    expect_page("\"url\":\"https://App.Example:8443/a/b?q=secret&utm_source=x&t=1#f\"",
                "https://App.Example:8443/a/b?utm_source=x", "app.example", "/a/b", "referral");
    expect_page("\"url\":\"https://app.example\"", "https://app.example", "app.example", "/",
                "direct");
    expect_page("\"url\":\"http://user:p@ss@h/x\"", "http://h/x", "h", "/x", "direct");
    expect_page("\"url\":\"//h/x?token=1\"", "//h/x", "h", "/x", "direct");
    expect_page("\"url\":\"http://[::1]:80/\"", "http://[::1]:80/", "[::1]", "/", "direct");
    expect_page("\"url\":\"/pricing?a=b#c\"", "/pricing", NULL, "/pricing", "direct");
    expect_page("\"url\":\"app://screen/one\"", "app://screen/one", "screen", "/one", "direct");
    expect_page("\"url\":\"about:blank\"", "about:blank", NULL, NULL, "direct");
    expect_page("\"url\":\"file:///tmp/x\"", "file:///tmp/x", NULL, "/tmp/x", "direct");
    expect_page("\"url\":\"\"", NULL, NULL, NULL, NULL);
    expect_page("\"url\":\"?a=b\"", NULL, NULL, NULL, NULL);
    expect_page("\"url\":\"https://h?utm_source=a&utm_source=b&ref=c&x\"",
                "https://h?utm_source=a&utm_source=b&ref=c", "h", "/", "referral");
}

static const struct {
    const char *query;
    const char *referrer;
    const char *channel;
} channel_cases[] = {
    {"", "", "direct"},
    {"", "https://h/other", NULL},
    {"", "https://www.google.co.uk/", "organic search"},
    {"", "https://mail.google.com/", "email"},
    {"", "https://t.co/x", "social"},
    {"", "https://m.facebook.com/", "social"},
    {"", "https://news.example/", "referral"},
    {"?utm_source=newsletter&utm_medium=email", "https://www.google.com/", "email"},
    {"?utm_source=google&utm_medium=cpc", "", "paid"},
    {"?utm_source=google", "", "organic search"},
    {"?utm_source=Facebook&utm_medium=paid_social", "", "paid"},
    {"?utm_medium=Social", "", "social"},
    {"?utm_medium=affiliate", "", "affiliate"},
    {"?utm_source=partner", "", "referral"},
    {"?gclid=1&utm_medium=email", "", "paid"},
    {"?fbclid=1", "https://news.example/", "social"},
    {"?utm_source=", "", "direct"},
    {"?gbraid=1", "", "paid"},
    {"?wbraid=1", "https://www.google.com/", "paid"},
    {"?li_fat_id=1&utm_medium=email", "", "paid"},
    {"?ttclid=", "", "direct"},
    {"?twclid=1", "https://t.co/", "paid"},
    {"?igsh=1", "", "social"},
    {"?fbclid=1&utm_medium=email", "", "email"},
    {"?mc_eid=1", "https://mail.google.com/", "email"},
    {"?irclickid=1", "", "affiliate"},
    {"", "https://chatgpt.com/", "ai assistant"},
    {"?utm_source=chatgpt.com", "", "ai assistant"},
    {"?utm_source=ChatGPT&utm_medium=referral", "", "ai assistant"},
    {"", "https://www.perplexity.ai/search/x", "ai assistant"},
    {"", "https://notperplexity.ai/", "referral"},
    {"", "https://gemini.google.com/", "ai assistant"},
    {"", "https://bing.com/chat", "organic search"},
    {"", "https://copilot.microsoft.com/", "ai assistant"},
    {"", "https://claude.ai/", "ai assistant"},
    {"", "https://x.com/", "social"},
    {"", "https://netflix.com/", "referral"},
    {"", "android-app://com.google.android.gm/", "email"},
};

static void test_channels(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof channel_cases / sizeof *channel_cases; i++) {
        struct row *row = calloc(1, sizeof *row);
        char body[512];
        snprintf(body, sizeof body,
                 "{\"name\":\"page_view\",\"url\":\"https://h/%s\",\"referrer\":\"%s\"}",
                 channel_cases[i].query, channel_cases[i].referrer);
        read_row(row, body);
        assert_column(row, TR_COLUMN_CHANNEL, channel_cases[i].channel);
        done(&row->outcome);
        free(row);
    }
    expect_page("\"properties\":{\"channel\":\"podcast\"},\"url\":\"/?utm_medium=email\"",
                "/?utm_medium=email", NULL, "/", "podcast");
}

static void test_whole_row(void **state)
{
    (void)state;
    struct row *row = calloc(1, sizeof *row);
    read_row(
        row,
        "{\"id\":\"e1\",\"name\":\"api_request\",\"timestamp\":\"2026-11-23T09:15:30.250Z\","
        "\"user\":\"u_42\",\"anonymous\":\"a_7\",\"session\":\"s\\u005f19\",\"value\":1.5,"
        "\"unit\":\"s\",\"url\":\"https://app.example/p\",\"referrer\":\"https://www.bing.com/"
        "search?q=x\",\"title\":\"T\",\"properties\":{\"route\":\"old\",\"status\":\"500\","
        "\"feature\":1,\"goal\":true,\"plan\":{\"a\":1},\"metric\":null,\"route\":\"/a\\u0062\"}}");
    const struct tr_record *record = &row->record;
    assert_int_equal(record->type, TR_RECORD_EVENT);
    assert_int_equal(record->project_id, 7);
    assert_true(record->received_us == NOW_US);
    assert_true(record->timestamp_us == NOW_US - 3600 * INT64_C(1000000) + 250000);
    assert_true(record->has_client_id);
    assert_int_equal(record->kind, TR_EVENT_PERFORMANCE);
    assert_true(tr_slice_is(record->id, "e1") && tr_slice_is(record->name, "api_request"));
    assert_true(tr_slice_is(record->session, "s_19") && tr_slice_is(record->unit, "ms"));
    assert_true(record->has_value && record->value == 1500);
    assert_true(tr_slice_is(record->value_text, "1500"));
    assert_true(tr_slice_is(record->route, "/ab") && record->status == 500);
    assert_true(tr_slice_is(record->feature, "1") && tr_slice_is(record->goal, "true"));
    assert_false(record->bot);
    assert_column(row, TR_COLUMN_DEVICE, NULL);
    assert_column(row, TR_COLUMN_ADDRESS, NULL);
    uint8_t digest[16];
    tr_id_digest(7, TR_SLICE("e1"), digest);
    assert_memory_equal(record->id_digest, digest, 16);
    tr_person_digest(7, 'u', TR_SLICE("u_42"), digest);
    assert_memory_equal(record->person, digest, 16);
    assert_memory_equal(row->columns[TR_COLUMN_PERSON].data, digest, 16);
    assert_column(row, TR_COLUMN_USER_ID, "u_42");
    assert_column(row, TR_COLUMN_ANONYMOUS_ID, "a_7");
    assert_column(row, TR_COLUMN_REFERRER, "https://www.bing.com/search");
    assert_column(row, TR_COLUMN_REFERRER_HOST, "www.bing.com");
    assert_column(row, TR_COLUMN_CHANNEL, "organic search");
    assert_column(row, TR_COLUMN_TITLE, "T");
    assert_column(row, TR_COLUMN_PLAN, NULL);
    assert_column(row, TR_COLUMN_METRIC, NULL);
    assert_column(row, TR_COLUMN_COUNTRY, NULL);
    assert_int_equal(row->columns[TR_COLUMN_PROPERTIES].data[0], 1);
    done(&row->outcome);
    free(row);
}

static void test_feedback_row(void **state)
{
    (void)state;
    struct row *row = calloc(1, sizeof *row);
    read_row(row, "{\"name\":\"survey_answer\",\"value\":4,\"properties\":{\"type\":\"csat\"}}");
    const float half = 0.5F;
    uint32_t bits;
    memcpy(&bits, &half, sizeof bits);
    bits = htobe32(bits);
    assert_memory_equal(row->columns[TR_COLUMN_SENTIMENT].data, &bits, sizeof bits);
    assert_true(row->record.has_sentiment && row->record.sentiment == 500000);
    assert_true(tr_slice_is(row->record.properties, "{\"type\":\"csat\"}"));
    done(&row->outcome);
    /* Of another kind it is no feedback. */
    read_row(row, "{\"name\":\"survey_answer\",\"kind\":\"business\",\"value\":4,"
                  "\"properties\":{\"type\":\"csat\"}}");
    assert_column(row, TR_COLUMN_SENTIMENT, NULL);
    assert_false(row->record.has_sentiment);
    done(&row->outcome);
    free(row);
}

/* A record that a program of the first release left in the spool: its row has no sentiment. */
static void test_row_of_an_older_program(void **state)
{
    (void)state;
    struct row *row = calloc(1, sizeof *row);
    struct tr_error error = TR_ERROR_INIT;
    struct tr_record record;
    struct tr_buf out;
    read_row(row, "{\"name\":\"x\",\"properties\":{\"a\":1}}");
    struct tr_slice whole = row->record.row;
    struct tr_buf *bytes = &row->outcome.records;
    size_t count_at = (size_t)(whole.data - bytes->data) + 1;
    size_t cut = (size_t)4 * (TR_COLUMN_COUNT - TR_COLUMN_COUNT_LEAST);
    bytes->data[count_at] = TR_COLUMN_COUNT_LEAST;
    bytes->size -= cut;
    assert_int_equal(tr_record_decode(tr_buf_slice(bytes), &record, &error), 0);
    assert_false(record.has_sentiment);
    tr_buf_init(&out, 1 << 16);
    tr_record_append_row(&record, &out);
    bytes->data[count_at] = TR_COLUMN_COUNT;
    assert_int_equal(out.size, whole.size);
    assert_memory_equal(out.data, whole.data, whole.size);
    tr_buf_fini(&out);
    bytes->data[count_at] = TR_COLUMN_COUNT_LEAST - 1;
    assert_int_equal(tr_record_decode(tr_buf_slice(bytes), &record, &error), -EBADMSG);
    bytes->data[count_at] = TR_COLUMN_COUNT + 1;
    assert_int_equal(tr_record_decode(tr_buf_slice(bytes), &record, &error), -EBADMSG);
    done(&row->outcome);
    free(row);
}

static void test_defaults(void **state)
{
    (void)state;
    struct row *row = calloc(1, sizeof *row);
    uint8_t anonymous[16];
    read_row(row, "{\"name\":\"x\",\"properties\":{ }}");
    assert_false(row->record.has_client_id);
    assert_int_equal(row->record.id.size, 36);
    assert_int_equal(row->record.kind, TR_EVENT_ENGAGEMENT);
    assert_true(row->record.timestamp_us == NOW_US);
    assert_false(row->record.has_value);
    assert_null(row->record.value_text.data);
    assert_column(row, TR_COLUMN_PROPERTIES, NULL);
    assert_column(row, TR_COLUMN_USER_ID, NULL);
    assert_int_equal(row->columns[TR_COLUMN_ANONYMOUS_ID].size, 33);
    assert_int_equal(row->columns[TR_COLUMN_ANONYMOUS_ID].data[0], '~');
    memcpy(anonymous, row->record.person, 16);
    done(&row->outcome);
    read_row(row, "{\"name\":\"y\"}");
    assert_memory_equal(row->record.person, anonymous, 16);
    done(&row->outcome);
    free(row);
}

static void expect_time(const char *body, int64_t offset_us, bool clamped)
{
    struct row *row = calloc(1, sizeof *row);
    read_row(row, body);
    if (row->record.timestamp_us != NOW_US + offset_us)
        fail_msg("%s: off by %" PRId64, body, row->record.timestamp_us - NOW_US - offset_us);
    assert_int_equal(row->columns[TR_COLUMN_CLAMPED].data[0], clamped);
    done(&row->outcome);
    free(row);
}

#define AT(timestamp) "{\"name\":\"x\",\"timestamp\":" timestamp "}"
#define SECOND INT64_C(1000000)
static void test_times(void **state)
{
    (void)state;
    expect_time(AT("1795428929000"), -SECOND, false);
    expect_time(AT("\"1795428929000\""), -SECOND, false);
    expect_time(AT("\"2026-11-24T10:15:30Z\""), 86400 * SECOND, false);
    expect_time(AT("\"2026-11-24T10:15:31Z\""), 0, true);
    expect_time(AT("\"2025-11-23T10:15:30Z\""), -365 * 86400 * SECOND, false);
    expect_time(AT("\"2025-11-20T10:15:30Z\""), 0, true);
    expect_time(AT("1795428930"), 0, true);
    expect_time(AT("1e300"), 0, true);
    expect_time(AT("-1e300"), 0, true);
    /* The client's clock is an hour ahead. */
    expect_time(
        "{\"sent_at\":\"2026-11-23T11:15:30Z\",\"events\":[" AT("\"2026-11-23T11:15:20Z\"") "]}",
        -10 * SECOND, false);
    expect_time("{\"events\":[" AT("\"2026-11-23T11:15:20Z\"") "],\"sent_at\":1795432530000}",
                -10 * SECOND, false);
    expect_time("{\"sent_at\":1e300,\"events\":[" AT("1e300") "]}", 0, false);
}

static void test_repaired_text(void **state)
{
    (void)state;
    struct row *row = calloc(1, sizeof *row);
    read_row(row, "{\"name\":\"x\",\"title\":\"a\\u0000\",\"properties\":{\"goal\":\"\\ud800\"}}");
    assert_column(row, TR_COLUMN_TITLE, "a\xef\xbf\xbd");
    assert_column(row, TR_COLUMN_GOAL, "\xef\xbf\xbd");
    assert_column(row, TR_COLUMN_PROPERTIES, "\x01{\"goal\":\"\\ufffd\"}");
    done(&row->outcome);
    free(row);
}

static void test_truncated_text(void **state)
{
    (void)state;
    struct row *row = calloc(1, sizeof *row);
    char body[1024];
    snprintf(body, sizeof body,
             "{\"name\":\"x\",\"properties\":{\"feature\":\"%0199d\xe2\x82\xac\"}}", 0);
    read_row(row, body);
    assert_int_equal(row->record.feature.size, 199);
    done(&row->outcome);
    free(row);
}

/* Protocols hand over texts of any origin; the encoder trusts none of them. */
static void test_foreign_texts(void **state)
{
    (void)state;
    static const struct {
        struct tr_event event;
        const char *field;
        const char *code;
    } cases[] = {
        {{.name = {"\xff", 1}}, "name", "invalid_utf8"},
        {{.name = {"a\0b", 3}}, "name", "invalid_text"},
        {{.name = {"a", 1}, .url = {"/\xff", 2}}, "url", "invalid_utf8"},
        {{.name = {"a", 1}, .title = {"\0", 1}}, "title", "invalid_text"},
        {{.name = {"a", 1}, .value = {"abc", 3}}, "value", "wrong_type"},
        {{.name = {"a", 1}, .value = {"", 0}}, "value", "wrong_type"},
        {{.name = {"a", 1}, .channel = {"\xc3", 1}}, "channel", "invalid_utf8"},
        {{.name = {"a", 1}, .properties = {"[]", 2}}, "properties", "wrong_type"},
        {{.name = {"a", 1}, .properties = {"{} ", 3}}, "properties", "bad_json"},
        {{.name = {"a", 1}, .properties = {"{\"a\"}", 5}}, "properties", "bad_json"},
    };
    struct tr_event_limits limits;
    struct tr_arena *arena = tr_arena_new(65536);
    struct tr_buf out;
    tr_event_limits_init(&limits);
    tr_buf_init(&out, 65536);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_reject reject;
        assert_false(tr_event_encode(&cases[i].event, &sender, &limits, arena, &out, &reject));
        assert_string_equal(reject.field, cases[i].field);
        assert_string_equal(reject.code, cases[i].code);
    }
    assert_int_equal(out.size, 0);
    tr_buf_fini(&out);
    tr_arena_free(arena);
}

/* Who sends ----------------------------------------------------------------------------------- */

static const struct tr_agent phone = {"mobile", false, "Mobile Safari", "iOS"};
static const struct tr_agent robot = {"bot", true, "Googlebot", ""};

/* The record of an event with these properties, from this sender; columns are its row. */
static void encode_from(struct row *row, const struct tr_event_sender *from, const char *properties)
{
    struct tr_event event = {.name = TR_SLICE("x"), .user = TR_SLICE("u")};
    struct tr_event_limits limits;
    struct tr_reject reject;
    struct tr_error error = TR_ERROR_INIT;
    event.properties = tr_slice_of(properties);
    tr_event_limits_init(&limits);
    row->outcome.arena = tr_arena_new(1 << 20);
    tr_buf_init(&row->outcome.records, 1 << 20);
    assert_true(
        tr_event_encode(&event, from, &limits, row->outcome.arena, &row->outcome.records, &reject));
    assert_int_equal(tr_record_decode(tr_buf_slice(&row->outcome.records), &row->record, &error),
                     0);
    split_row(row);
}

static void test_agents(void **state)
{
    (void)state;
    struct row *row = calloc(1, sizeof *row);
    struct tr_event_sender from = sender;
    from.agent = &phone;
    encode_from(row, &from, NULL);
    assert_column(row, TR_COLUMN_DEVICE, "mobile");
    assert_column(row, TR_COLUMN_BROWSER, "Mobile Safari");
    assert_column(row, TR_COLUMN_OS, "iOS");
    assert_false(row->record.bot);
    done(&row->outcome);
    from.agent = &robot;
    encode_from(row, &from, NULL);
    assert_column(row, TR_COLUMN_DEVICE, "bot");
    assert_column(row, TR_COLUMN_OS, NULL);
    assert_true(row->record.bot);
    done(&row->outcome);
    free(row);
}

static void test_country(void **state)
{
    (void)state;
    static const struct {
        const char *properties;
        const char *of_address;
        const char *country;
    } cases[] = {
        {NULL, NULL, NULL},
        {NULL, "DE", "DE"},
        {"{\"country\":\"fr\"}", "DE", "FR"},
        {"{\"country\":\"fR\"}", NULL, "FR"},
        {"{\"country\":\"France\"}", "DE", "DE"},
        {"{\"country\":\"F1\"}", NULL, NULL},
        {"{\"country\":12}", "DE", "DE"},
        {"{\"country\":null}", "DE", "DE"},
        {"{\"country\":{\"a\":1}}", "DE", "DE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct row *row = calloc(1, sizeof *row);
        struct tr_event_sender from = sender;
        from.country = tr_slice_of(cases[i].of_address);
        encode_from(row, &from, cases[i].properties);
        assert_column(row, TR_COLUMN_COUNTRY, cases[i].country);
        done(&row->outcome);
        free(row);
    }
}

static void test_kept_address(void **state)
{
    (void)state;
    struct row *row = calloc(1, sizeof *row);
    struct tr_event_sender from = sender;
    assert_true(tr_address_parse(TR_SLICE("192.0.2.0"), &from.kept));
    from.kept_bits = 24;
    encode_from(row, &from, NULL);
    assert_true(
        tr_slice_equal(row->columns[TR_COLUMN_ADDRESS], tr_slice("\x02\x18\0\x04\xc0\0\x02\0", 8)));
    done(&row->outcome);
    assert_true(tr_address_parse(TR_SLICE("2001:db8::1"), &from.kept));
    from.kept_bits = 128;
    encode_from(row, &from, NULL);
    assert_int_equal(row->columns[TR_COLUMN_ADDRESS].size, 20);
    assert_memory_equal(row->columns[TR_COLUMN_ADDRESS].data, "\x03\x80\0\x10\x20\x01", 6);
    done(&row->outcome);
    free(row);
}

/* Which parameters of the query are kept is a setting. */
static void test_query_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *kept;
    } cases[] = {
        {"utm_source", "/?utm_source=a"},
        {"q, page", "/?q=secret&page=2"},
        {"*", "/?utm_source=a&q=secret&page=2&qq&*=1"},
        {"-", "/"},
        {"", "/"},
        {"Q utm", "/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TR_CLEANUP(tr_arena_freep) struct tr_arena *arena = tr_arena_new(1 << 16);
        struct tr_url url;
        assert_true(tr_url_parse(&url, TR_SLICE("/?utm_source=a&q=secret&page=2&qq&*=1"),
                                 cases[i].list, 2000, arena));
        assert_true(tr_slice_is(url.text, cases[i].kept));
    }
}

/* Rows of the first release, which had no address, are completed. */
static void test_older_row(void **state)
{
    (void)state;
    struct row *row = calloc(1, sizeof *row);
    read_row(row, "{\"id\":\"1\",\"name\":\"x\",\"properties\":{\"a\":1}}");
    struct tr_error error = TR_ERROR_INIT;
    struct tr_record record;
    struct tr_buf out;
    struct tr_slice whole = tr_buf_slice(&row->outcome.records);
    char *older = malloc(whole.size);
    size_t count_at = whole.size - row->record.row.size + 1;
    memcpy(older, whole.data, whole.size);
    older[count_at] = TR_COLUMN_COUNT_LEAST;
    size_t size = whole.size - (size_t)4 * (TR_COLUMN_COUNT - TR_COLUMN_COUNT_LEAST);
    assert_int_equal(tr_record_decode(tr_slice(older, size), &record, &error), 0);
    assert_true(tr_slice_is(record.id, "1"));
    tr_buf_init(&out, 1 << 16);
    tr_record_append_row(&record, &out);
    assert_true(tr_slice_equal(tr_buf_slice(&out), row->record.row));
    tr_buf_clear(&out, 1 << 16);
    tr_record_append_row(&row->record, &out);
    assert_true(tr_slice_equal(tr_buf_slice(&out), row->record.row));
    older[count_at] = TR_COLUMN_COUNT_LEAST - 1;
    assert_int_equal(tr_record_decode(tr_slice(older, size), &record, &error), -EBADMSG);
    older[count_at] = TR_COLUMN_COUNT + 1;
    assert_int_equal(tr_record_decode(tr_slice(older, size), &record, &error), -EBADMSG);
    tr_buf_fini(&out);
    free(older);
    done(&row->outcome);
    free(row);
}

/* Records ------------------------------------------------------------------------------------- */

static void test_reject_record(void **state)
{
    (void)state;
    struct tr_reject reject = {3, "va\xfflue", "not_finite", "a finite number"};
    struct tr_record record;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_buf out;
    tr_buf_init(&out, 4096);
    tr_reject_encode(&reject, &sender, TR_SLICE("/v1/events"), tr_slice("a\0\xff", 3), &out);
    assert_int_equal(tr_record_decode(tr_buf_slice(&out), &record, &error), 0);
    assert_int_equal(record.type, TR_RECORD_REJECT);
    assert_int_equal(record.project_id, 7);
    assert_int_equal(record.index, 3);
    assert_true(record.received_us == NOW_US);
    assert_true(tr_slice_is(record.source, "/v1/events"));
    assert_true(tr_slice_is(record.field, "va?lue"));
    assert_true(tr_slice_is(record.code, "not_finite"));
    assert_true(tr_slice_is(record.message, "a finite number"));
    assert_true(tr_slice_equal(record.raw, tr_slice("a\0\xff", 3)));
    for (size_t size = 0; size < out.size; size++)
        assert_int_equal(tr_record_decode(tr_slice(out.data, size), &record, &error), -EBADMSG);
    /* Counted, and not kept; no bytes at all are something else. */
    tr_buf_clear(&out, 4096);
    tr_reject_encode(&reject, &sender, TR_SLICE("/"), TR_SLICE_NONE, &out);
    assert_int_equal(tr_record_decode(tr_buf_slice(&out), &record, &error), 0);
    assert_null(record.raw.data);
    tr_buf_clear(&out, 4096);
    tr_reject_encode(&reject, &sender, TR_SLICE("/"), TR_SLICE(""), &out);
    assert_int_equal(tr_record_decode(tr_buf_slice(&out), &record, &error), 0);
    assert_non_null(record.raw.data);
    tr_buf_fini(&out);
}

/* A record that lost or gained bytes is refused; damage never reads outside. */
static void test_damaged_records(void **state)
{
    (void)state;
    struct row *row = calloc(1, sizeof *row);
    read_row(row, "{\"id\":\"1\",\"name\":\"x\",\"value\":2,\"properties\":{\"status\":404}}");
    struct tr_slice whole = tr_buf_slice(&row->outcome.records);
    struct tr_error error = TR_ERROR_INIT;
    struct tr_record record;
    char *copy = malloc(whole.size);
    for (size_t size = 0; size < whole.size; size++) {
        char *part = malloc(size + 1);
        memcpy(part, whole.data, size);
        assert_int_equal(tr_record_decode(tr_slice(part, size), &record, &error), -EBADMSG);
        free(part);
    }
    for (size_t i = 0; i < whole.size * 8; i++) {
        memcpy(copy, whole.data, whole.size);
        copy[i / 8] ^= (char)(1 << (i % 8));
        tr_record_decode(tr_slice(copy, whole.size), &record, &error);
    }
    free(copy);
    done(&row->outcome);
    free(row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_verdict_per_event),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_worst_shapes),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_properties_size),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_agents),
        cmocka_unit_test(test_country),
        cmocka_unit_test(test_kept_address),
        cmocka_unit_test(test_query_parameters),
        cmocka_unit_test(test_older_row),
        cmocka_unit_test(test_whole_row),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_feedback_row),
        cmocka_unit_test(test_row_of_an_older_program),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_repaired_text),
        cmocka_unit_test(test_truncated_text),
        cmocka_unit_test(test_foreign_texts),
        cmocka_unit_test(test_reject_record),
        cmocka_unit_test(test_damaged_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
