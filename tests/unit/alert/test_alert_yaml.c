/* SPDX-License-Identifier: MIT */
/* alerts.yaml: what is read, where it stands, and what is refused with its line. */
#include "alert_priv.h"

#include "traction/base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/traction-alerts-XXXXXX";

static int set_up(void **context)
{
    (void)context;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **context)
{
    (void)context;
    return unlink(path);
}

static int load(const char *text, json_t **body, struct tr_alert_places **places,
                struct tr_error *error)
{
    assert_int_equal(tr_file_replace(path, text, strlen(text), 0600, NULL), 0);
    return tr_alert_read_file(path, body, places, error);
}

static void test_types_and_places(void **context)
{
    (void)context;
    json_t *body = NULL;
    struct tr_alert_places *places = NULL;
    static const char text[] = "# a comment\n"
                               "rules:\n"
                               "  - name: API error rate\n"
                               "    above: 0.05\n"
                               "    below: .5\n"
                               "    min_samples: 50\n"
                               "    window: 5m\n"
                               "    where: [\"properties.env:prod\", 'a b']\n"
                               "    on: true\n"
                               "    no: ~\n"
                               "    quoted: \"12\"\n"
                               "    burn_rate: {slo: 0.999, windows: [1h, 5m]}\n"
                               "receivers: []\n";
    assert_int_equal(load(text, &body, &places, NULL), 0);
    const json_t *rule = json_array_get(json_object_get(body, "rules"), 0);
    assert_string_equal(json_string_value(json_object_get(rule, "name")), "API error rate");
    assert_true(json_real_value(json_object_get(rule, "above")) == 0.05);
    assert_true(json_real_value(json_object_get(rule, "below")) == 0.5);
    assert_int_equal(json_integer_value(json_object_get(rule, "min_samples")), 50);
    assert_string_equal(json_string_value(json_object_get(rule, "window")), "5m");
    assert_int_equal(json_array_size(json_object_get(rule, "where")), 2);
    assert_true(json_is_true(json_object_get(rule, "on")));
    assert_true(json_is_null(json_object_get(rule, "no")));
    assert_true(json_is_string(json_object_get(rule, "quoted")));
    assert_int_equal(tr_alert_line(places, "rules[0].above"), 4);
    assert_int_equal(tr_alert_line(places, "rules[0].burn_rate.windows[1]"), 12);
    assert_int_equal(tr_alert_line(places, "rules[0].missing"), 3);
    assert_int_equal(tr_alert_line(places, "receivers"), 13);
    json_decref(body);
    tr_alert_places_free(places);
}

static void test_what_is_refused(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        const char *line;
        const char *message;
    } cases[] = {
        {"rules:\n  - a: 1\n    a: 2\n", ":3: ", "twice"},
        {"a: &x 1\nb: *x\n", ":1: ", "anchors"},
        {"a: *x\n", ":1: ", ""},
        {"a: !!int 1\n", ":1: ", "tags"},
        {"a: 1\n---\nb: 2\n", ":2: ", "one document"},
        {"", ":1: ", "found nothing"},
        {"rules: [\n", ":2: ", ""},
        {"rules:\n\t- a\n", ":2: ", ""},
        {"? [a]\n: b\n", ":1: ", "expected a name"},
        {"a: \"\\0\"\n", ":1: ", "NUL"},
        {"a: [[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]\n", ":1: ", "nested"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *body = NULL;
        struct tr_alert_places *places = NULL;
        struct tr_error error = TR_ERROR_INIT;
        assert_true(load(cases[i].text, &body, &places, &error) < 0);
        if (strstr(error.message, cases[i].line) == NULL ||
            strstr(error.message, cases[i].message) == NULL)
            fail_msg("%zu: %s", i, error.message);
        assert_null(body);
    }
}

/* Whatever the bytes: an answer or an error, and nothing left behind. */
static void test_random_bytes(void **context)
{
    (void)context;
    static const char letters[] = "a:-[]{}&*!|>'\"#%@`,? \n\n  \t01.~\\";
    uint64_t dice = 11;
    for (int round = 0; round < 3000; round++) {
        char text[200];
        size_t size = 0;
        for (; size < sizeof text - 1; size++) {
            dice = dice * 6364136223846793005u + 1442695040888963407u;
            text[size] = letters[(dice >> 33) % (sizeof letters - 1)];
            if ((dice >> 20) % 100 == 0)
                break;
        }
        text[size] = '\0';
        FILE *file = fopen(path, "w");
        fwrite(text, 1, size, file);
        fclose(file);
        json_t *body = NULL;
        struct tr_alert_places *places = NULL;
        struct tr_error error = TR_ERROR_INIT;
        if (tr_alert_read_file(path, &body, &places, &error) == 0) {
            json_decref(body);
            tr_alert_places_free(places);
        } else {
            assert_true(error.message[0] != '\0');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_and_places),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
