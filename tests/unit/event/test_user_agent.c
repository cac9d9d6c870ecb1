/* SPDX-License-Identifier: MIT */
/* Covers src/event/user_agent.c, client_hints.c, agent_reader.c and user_agents.yaml. */
#include "user_agent_priv.h"

#include "traction/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CHROME_LINUX                                                          \
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " \
    "Chrome/131.0.0.0 Safari/537.36"
#define CHROME_ANDROID                                                           \
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) " \
    "Chrome/131.0.0.0 Mobile Safari/537.36"

struct readers {
    struct tr_agent_rules *rules;
    struct tr_agent_reader *reader;
};

static int begin(void **state)
{
    struct readers *readers = calloc(1, sizeof *readers);
    readers->rules = tr_agent_rules_new();
    readers->reader = tr_agent_reader_new(readers->rules);
    *state = readers;
    return 0;
}

static int end(void **state)
{
    struct readers *readers = *state;
    tr_agent_reader_free(readers->reader);
    tr_agent_rules_free(readers->rules);
    free(readers);
    return 0;
}

static const struct tr_agent *ask(void **state, struct tr_slice user_agent)
{
    struct readers *readers = *state;
    struct tr_agent_fields fields = {.user_agent = user_agent};
    return tr_agent_read(readers->reader, &fields);
}

/* Up to the tab or the end of the line, and behind it. */
static char *take_field(char **rest)
{
    char *field = *rest;
    size_t size = strcspn(field, "\t\n");
    *rest = field + size + (field[size] != '\0');
    field[size] = '\0';
    return field;
}

static void test_table(void **state)
{
    FILE *table = fopen(TABLE, "re");
    assert_non_null(table);
    char line[2048];
    int count = 0;
    while (fgets(line, sizeof line, table) != NULL) {
        char *rest = line;
        if (line[0] == '#')
            continue;
        const char *device = take_field(&rest);
        const char *browser = take_field(&rest);
        const char *os = take_field(&rest);
        const char *text = take_field(&rest);
        const struct tr_agent *agent = ask(state, tr_slice_of(text));
        if (strcmp(agent->device, device) != 0 || strcmp(agent->browser, browser) != 0 ||
            strcmp(agent->os, os) != 0 || agent->bot != (strcmp(device, "bot") == 0))
            fail_msg("%s: %s, %s, %s", text, agent->device, agent->browser, agent->os);
        count++;
    }
    fclose(table);
    assert_true(count >= 100);
}

static void test_hints(void **state)
{
    static const struct {
        const char *user_agent;
        const char *brands;
        const char *mobile;
        const char *platform;
        const char *expected;
    } cases[] = {
        {CHROME_LINUX, NULL, NULL, NULL, "desktop Chrome Linux"},
        {CHROME_LINUX, "\"Brave\";v=\"131\", \"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\"",
         "?0", "\"macOS\"", "desktop Brave Mac OS X"},
        {CHROME_LINUX, "\"Google Chrome\";v=\"131\", \"Chromium\";v=\"131\"", "?0", "\"Linux\"",
         "desktop Chrome Linux"},
        {CHROME_LINUX, "\"Not Brave\";v=\"1\"", "?0", "\"Chromium OS\"",
         "desktop Chrome Chrome OS"},
        /* A phone, and a tablet, that ask for the desktop's pages. */
        {CHROME_LINUX, NULL, "?1", "\"Android\"", "mobile Chrome Android"},
        {CHROME_LINUX, NULL, "?0", "\"Android\"", "tablet Chrome Android"},
        {CHROME_ANDROID, "\"Brave\";v=\"131\"", "?1", "\"Android\"", "mobile Brave Android"},
        {CHROME_ANDROID, NULL, "?0", NULL, "mobile Chrome Mobile Android"},
        {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
         "\"Brave\";v=\"131\"", "rubbish", "\"Linux\"", "desktop Firefox Ubuntu"},
        {"Googlebot/2.1 (+http://www.google.com/bot.html)", "\"Brave\";v=\"131\"", "?1",
         "\"Windows\"", "bot Googlebot "},
    };
    struct readers *readers = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_agent_fields fields = {tr_slice_of(cases[i].user_agent),
                                         tr_slice_of(cases[i].brands), tr_slice_of(cases[i].mobile),
                                         tr_slice_of(cases[i].platform)};
        const struct tr_agent *agent = tr_agent_read(readers->reader, &fields);
        char got[256];
        snprintf(got, sizeof got, "%s %s %s", agent->device, agent->browser, agent->os);
        assert_string_equal(got, cases[i].expected);
    }
}

static void test_nothing(void **state)
{
    static const struct tr_slice cases[] = {{NULL, 0}, {"", 0}, {"\0\0", 2}, {"\xff\xfe/1", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tr_agent *agent = ask(state, cases[i]);
        assert_string_equal(agent->device, "");
        assert_string_equal(agent->browser, "");
        assert_string_equal(agent->os, "");
        assert_false(agent->bot);
    }
}

/* A name that is not UTF-8, or cut inside a character, is not stored. */
static void test_names_are_text(void **state)
{
    assert_string_equal(ask(state, TR_SLICE("\xff\xff/1 CFNetwork/1410 Darwin/22.6.0"))->browser,
                        "");
    char text[256];
    int size = snprintf(text, sizeof text, "a%s/1 CFNetwork/1410 Darwin/22.6.0",
                        "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
                        "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
                        "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
                        "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9");
    const char *browser = ask(state, tr_slice(text, (size_t)size))->browser;
    assert_int_equal(strlen(browser), 63);
    assert_true(tr_text_valid(tr_slice_of(browser)));
}

/* What stands behind 512 bytes is not read; what is asked again is remembered. */
static void test_length(void **state)
{
    char text[1024];
    memset(text, 'x', sizeof text);
    memcpy(text + 505, "curl/8.5", 8);
    const struct tr_agent *first = ask(state, tr_slice(text, sizeof text));
    assert_string_equal(first->browser, "");
    text[600] = 'y';
    assert_ptr_equal(ask(state, tr_slice(text, sizeof text)), first);
    memcpy(text, "curl/8.5 ", 9);
    assert_string_equal(ask(state, tr_slice(text, sizeof text))->browser, "curl");
}

/* Many more than are remembered, twice: each answer is its own. */
static void test_memory(void **state)
{
    enum { AGENTS = 5000 };
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < AGENTS; i++) {
            char text[80];
            char name[32];
            snprintf(name, sizeof name, "App%d", i);
            snprintf(text, sizeof text, "%s/1 CFNetwork/1410.0.3 Darwin/22.6.0", name);
            assert_string_equal(ask(state, tr_slice_of(text))->browser, name);
        }
    }
}

/* The fields are told apart, not only their sum. */
static void test_fields_are_told_apart(void **state)
{
    struct readers *readers = *state;
    struct tr_agent_fields one = {.user_agent = TR_SLICE("?1"), .mobile = TR_SLICE_NONE};
    struct tr_agent_fields other = {.user_agent = TR_SLICE_NONE, .mobile = TR_SLICE("?1")};
    assert_string_equal(tr_agent_read(readers->reader, &one)->device, "");
    assert_string_equal(tr_agent_read(readers->reader, &other)->device, "mobile");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_names_are_text),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_fields_are_told_apart),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
