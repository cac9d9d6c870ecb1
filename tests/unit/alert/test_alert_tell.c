/* SPDX-License-Identifier: MIT */
/* Fingerprints, templates, and what receivers are sent. */
#include "alert_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tr_arena *arena;

static int set_up(void **context)
{
    (void)context;
    arena = tr_arena_new(64 << 20);
    return 0;
}

static int tear_down(void **context)
{
    (void)context;
    tr_arena_free(arena);
    return 0;
}

/* Of common/model, whose empty set has the offset of FNV-1a. That Alertmanager shows the same is
 * tested against Alertmanager. */
static void test_fingerprints(void **context)
{
    (void)context;
    char one[17];
    char other[17];
    json_t *labels = json_object();
    tr_alert_fingerprint(labels, one);
    assert_string_equal(one, "cbf29ce484222325");
    json_object_set_new(labels, "b", json_string("2"));
    json_object_set_new(labels, "a", json_string("1"));
    tr_alert_fingerprint(labels, one);
    json_t *swapped = json_pack("{s:s, s:s}", "a", "1", "b", "2");
    tr_alert_fingerprint(swapped, other);
    assert_string_equal(one, other);
    json_object_set_new(swapped, "a", json_string("12"));
    json_object_set_new(swapped, "b", json_string(""));
    tr_alert_fingerprint(swapped, other);
    assert_string_not_equal(one, other);
    json_decref(labels);
    json_decref(swapped);
}

static const char *expand(const char *text, double value, const char *unit)
{
    static const struct tr_alert_rule rule = {.name = "Errors",
                                              .kpi = "error_rate",
                                              .threshold = 0.05,
                                              .windows_us = {INT64_C(300000000)}};
    json_t *labels =
        json_pack("{s:s, s:s, s:s}", "severity", "page", "team", "web", "project", "p");
    const struct tr_alert_facts facts = {.rule = &rule,
                                         .series = "/pay {{value}}",
                                         .known = true,
                                         .value = value,
                                         .n = 1200,
                                         .unit = unit,
                                         .labels = labels,
                                         .link = "https://x/"};
    const char *expanded = tr_alert_expand(text, &facts, arena);
    json_decref(labels);
    return expanded;
}

static void test_templates(void **context)
{
    (void)context;
    assert_string_equal(
        expand("{{rule}} at {{ value }} > {{threshold}} of {{n}} in {{window}}", 0.0731, "ratio"),
        "Errors at 7.31 % > 5 % of 1200 in 5m");
    assert_string_equal(expand("{{value}}", 1234, "ms"), "1.23 s");
    assert_string_equal(expand("{{value}}", 340, "ms"), "340 ms");
    assert_string_equal(expand("{{value}}", 7200, "s"), "2 h");
    assert_string_equal(expand("{{value}} {{raw_value}}", 3, "users"), "3 3");
    assert_string_equal(expand("{{labels.team}} {{labels.none}}{{severity}} {{link}}", 1, ""),
                        "web page https://x/");
    /* What is put in is not looked at again. */
    assert_string_equal(expand("{{by}}", 0.5, "ratio"), "/pay {{value}}");
    assert_string_equal(expand("no names", 1, ""), "no names");
    assert_string_equal(expand("a\tb\x01", 1, ""), "a b ");
}

static void test_templates_that_are_none(void **context)
{
    (void)context;
    assert_null(tr_alert_check_template("{{value}} {{ labels.x }}", arena));
    assert_null(tr_alert_check_template("{ not } a }} name", arena));
    assert_non_null(strstr(tr_alert_check_template("{{vlaue}}", arena), "{{vlaue}}"));
    assert_non_null(tr_alert_check_template("{{value", arena));
    assert_non_null(tr_alert_check_template("{{labels.}}", arena));
    assert_non_null(tr_alert_check_template("{{}}", arena));
}

/* Texts are cut between characters, whatever is in them. */
static void test_random_templates(void **context)
{
    (void)context;
    static const char *const pieces[] = {"{{",      "}}", "value",    "by", "{",
                                         "}",       " ",  "\xc3\xa4", "x",  "\xf0\x9f\x94\xa5",
                                         "labels.", "\n"};
    uint64_t dice = 7;
    for (int round = 0; round < 2000; round++) {
        char text[4096] = "";
        for (int i = 0; i < 600; i++) {
            dice = dice * 6364136223846793005u + 1442695040888963407u;
            strcat(text, pieces[(dice >> 33) % (sizeof pieces / sizeof *pieces)]);
            if (strlen(text) > TR_ALERT_TEXT_MAX)
                break;
        }
        const char *expanded = expand(text, 0.5, "ratio");
        assert_true(strlen(expanded) <= TR_ALERT_TEXT_MAX);
        json_t *valid = json_string(expanded);
        assert_non_null(valid);
        json_decref(valid);
        tr_arena_reset(arena);
    }
}

static json_t *two_alerts(void)
{
    return json_pack(
        "[{s:s, s:{s:s, s:s, s:s}, s:{s:s}, s:s, s:s, s:s, s:s},"
        " {s:s, s:{s:s, s:s, s:s}, s:{s:s}, s:s, s:s, s:s, s:s}]",
        "status", "resolved", "labels", "alertname", "Errors", "severity", "page", "route",
        "/<!channel>", "annotations", "summary", "a & b <http://x|y>", "startsAt",
        "2026-11-23T10:00:00Z", "endsAt", "2026-11-23T10:05:00Z", "generatorURL", "", "fingerprint",
        "1", "status", "firing", "labels", "alertname", "Errors", "severity", "page", "route", "/b",
        "annotations", "summary", "second", "startsAt", "2026-11-23T10:01:00Z", "endsAt",
        "0001-01-01T00:00:00Z", "generatorURL", "https://t/alerts", "fingerprint", "2");
}

static void compose(json_t *take_receiver, struct tr_outbound_request *request)
{
    json_t *alerts = two_alerts();
    const struct tr_alert_message message = {.receiver = take_receiver,
                                             .group_key = "{}:{alertname=\"Errors\"}",
                                             .alerts = alerts,
                                             .external_url = "https://t",
                                             .mail_from = "traction@example.org",
                                             .now_us = INT64_C(1795430400000000)};
    *request = (struct tr_outbound_request){0};
    tr_alert_compose(&message, arena, request);
    json_decref(alerts);
    json_decref(take_receiver);
}

static const char *header(const struct tr_outbound_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

static void test_webhook(void **context)
{
    (void)context;
    struct tr_outbound_request request;
    compose(json_pack("{s:s, s:s, s:[s], s:s, s:{s:s}}", "name", "ops", "webhook", "https://h/x",
                      "group_by", "alertname", "secret", "k", "headers", "X-A", "b"),
            &request);
    json_t *body = json_loadb(request.body.data, request.body.size, 0, NULL);
    assert_string_equal(request.url, "https://h/x");
    assert_string_equal(json_string_value(json_object_get(body, "status")), "firing");
    assert_string_equal(json_string_value(json_object_get(body, "receiver")), "ops");
    assert_int_equal(json_array_size(json_object_get(body, "alerts")), 2);
    json_t *common = json_object_get(body, "commonLabels");
    assert_non_null(json_object_get(common, "severity"));
    assert_null(json_object_get(common, "route"));
    assert_string_equal(header(&request, "X-A"), "b");
    assert_string_equal(header(&request, "Content-Type"), "application/json");
    assert_int_equal(strncmp(header(&request, "Traction-Signature"), "t=1795430400,v1=", 16), 0);
    json_decref(body);
}

static void test_alertmanager(void **context)
{
    (void)context;
    struct tr_outbound_request request;
    compose(json_pack("{s:s, s:s}", "name", "am", "alertmanager", "http://am:9093/"), &request);
    assert_string_equal(request.url, "http://am:9093/api/v2/alerts");
    json_t *body = json_loadb(request.body.data, request.body.size, 0, NULL);
    const json_t *over = json_array_get(body, 0);
    const json_t *firing = json_array_get(body, 1);
    assert_string_equal(json_string_value(json_object_get(over, "endsAt")), "2026-11-23T10:05:00Z");
    assert_null(json_object_get(over, "status"));
    /* Until it hears more: five minutes. */
    assert_int_equal(
        strncmp(json_string_value(json_object_get(firing, "endsAt")), "2026-11-23T10:45:00", 19),
        0);
    json_decref(body);
}

static void test_slack_takes_nothing_for_its_own(void **context)
{
    (void)context;
    struct tr_outbound_request request;
    compose(json_pack("{s:s, s:s}", "name", "chat", "slack", "https://s/x"), &request);
    json_t *body = json_loadb(request.body.data, request.body.size, 0, NULL);
    const char *text = json_string_value(
        json_object_get(json_array_get(json_object_get(body, "attachments"), 0), "text"));
    assert_non_null(strstr(text, "&lt;!channel&gt;"));
    assert_non_null(strstr(text, "a &amp; b"));
    assert_null(strchr(text, '<'));
    assert_string_equal(json_string_value(json_object_get(body, "text")), "[FIRING:1] Errors");
    json_decref(body);
}

static void test_mail(void **context)
{
    (void)context;
    struct tr_outbound_request request;
    compose(json_pack("{s:s, s:s}", "name", "post", "email", "ops@example.org"), &request);
    assert_null(request.url);
    assert_string_equal(request.mail_to, "ops@example.org");
    const char *mail = request.body.data;
    assert_non_null(strstr(mail, "To: <ops@example.org>\r\n"));
    assert_non_null(strstr(mail, "From: Traction <traction@example.org>\r\n"));
    assert_non_null(strstr(mail, "Subject: =?UTF-8?B?"));
    assert_non_null(strstr(mail, "\r\n\r\n"));
    /* No line may end alone, or be longer than SMTP has them. */
    const char *line = mail;
    for (const char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
        assert_true(end > line && end[-1] == '\r');
        assert_true(end - line <= 998);
        line = end + 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fingerprints),
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_templates_that_are_none),
        cmocka_unit_test(test_random_templates),
        cmocka_unit_test(test_webhook),
        cmocka_unit_test(test_alertmanager),
        cmocka_unit_test(test_slack_takes_nothing_for_its_own),
        cmocka_unit_test(test_mail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
