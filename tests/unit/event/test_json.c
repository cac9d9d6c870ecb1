/* SPDX-License-Identifier: MIT */
/* Covers src/event/json.c and json_text.c: the grammar, flags, texts; jansson is the oracle. */
#include "traction/json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A copy without a byte to spare, so that reading beyond the end is seen by the sanitizer. */
static bool scan(struct tr_slice text, struct tr_json_value *value)
{
    char *exact = malloc(text.size > 0 ? text.size : 1);
    if (text.size > 0)
        memcpy(exact, text.data, text.size);
    bool good = tr_json_scan(tr_slice(exact, text.size), value);
    free(exact);
    return good;
}

/* In the manner of JSONTestSuite: y must be taken, n must be refused. */
#define S(text)                \
    {                          \
        text, sizeof(text) - 1 \
    }
static const struct tr_slice taken[] = {
    S("[[]   ]"),
    S("[\"\"]"),
    S("[]"),
    S("[\"a\"]"),
    S("[false]"),
    S("[null, 1, \"1\", {}]"),
    S("[null]"),
    S("[1\n]"),
    S(" [1]"),
    S("[1,null,null,null,2]"),
    S("[2] "),
    S("[123e65]"),
    S("[0e+1]"),
    S("[0e1]"),
    S("[ 4]"),
    S("[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]\n"),
    S("[20e1]"),
    S("[-0]"),
    S("[-123]"),
    S("[-1]"),
    S("[1E22]"),
    S("[1E-2]"),
    S("[1E+2]"),
    S("[123e45]"),
    S("[123.456e78]"),
    S("[1e-2]"),
    S("[1e+2]"),
    S("[123]"),
    S("[123.456789]"),
    S("{\"asd\":\"sdf\", \"dfg\":\"fgh\"}"),
    S("{\"asd\":\"sdf\"}"),
    S("{\"a\":\"b\",\"a\":\"c\"}"),
    S("{\"a\":\"b\",\"a\":\"b\"}"),
    S("{}"),
    S("{\"\":0}"),
    S("{\"foo\\u0000bar\": 42}"),
    S("{ \"min\": -1.0e+28, \"max\": 1.0e+28 }"),
    S("{\"x\":[{\"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}], \"id\": \"xxxx\"}"),
    S("{\"a\":[]}"),
    S("{\"title\":\"\\u041f\\u043e\\u043b\\u0442\\u043e\\u0440\\u0430\" }"),
    S("{\n\"a\": \"b\"\n}"),
    S("[\"\\u0060\\u012a\\u12AB\"]"),
    S("[\"\\uD801\\udc37\"]"),
    S("[\"\\ud83d\\ude39\\ud83d\\udc8d\"]"),
    S("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
    S("[\"\\\\u0000\"]"),
    S("[\"\\\"\"]"),
    S("[\"a/*b*/c/*d//e\"]"),
    S("[\"\\\\a\"]"),
    S("[\"\\\\n\"]"),
    S("[\"\\u0012\"]"),
    S("[\"\\uFFFF\"]"),
    S("[ \"asd\"]"),
    S("[\"\\uDBFF\\uDFFF\"]"),
    S("[\"new\\u00A0line\"]"),
    S("[\"\xf4\x8f\xbf\xbf\"]"),
    S("[\"\xef\xbf\xbf\"]"),
    S("[\"\\u0000\"]"),
    S("[\"\\u002c\"]"),
    S("[\"\xcf\x80\"]"),
    S("[\"\xf0\x9b\xbf\xbf\"]"),
    S("[\"asd \"]"),
    S("\" \""),
    S("[\"\\uD834\\uDd1e\"]"),
    S("[\"\\u0821\"]"),
    S("[\"\\u0123\"]"),
    S("[\"\xe2\x80\xa8\"]"),
    S("[\"\xe2\x80\xa9\"]"),
    S("[\"\\u0061\\u30af\\u30EA\\u30b9\"]"),
    S("[\"new\\u000Aline\"]"),
    S("[\"\x7f\"]"),
    S("[\"\\uA66D\"]"),
    S("[\"\\u005C\"]"),
    S("[\"\xe2\x8d\x82\xe3\x88\xb4\xe2\x8d\x82\"]"),
    S("[\"\\u200B\"]"),
    S("[\"\\u2064\"]"),
    S("[\"\\uFDD0\"]"),
    S("[\"\\uFFFE\"]"),
    S("[\"\\u0022\"]"),
    S("[\"\xe2\x82\xac\xf0\x9d\x84\x9e\"]"),
    S("[\"a\x7f"
      "a\"]"),
    S("false"),
    S("42"),
    S("-0.1"),
    S("null"),
    S("\"asd\""),
    S("true"),
    S("\"\""),
    S("[\"a\"]\n"),
    S("[true]"),
    S(" [] "),
    S("\t\r\n{}\t"),
};
static const struct tr_slice refused[] = {
    S(""),
    S(" "),
    S("[1 true]"),
    S("[a\xe5]"),
    S("[\"\": 1]"),
    S("[\"\"],"),
    S("[,1]"),
    S("[1,,2]"),
    S("[\"x\",,]"),
    S("[\"x\"]]"),
    S("[\"\",]"),
    S("[\"x\""),
    S("[x"),
    S("[3[4]]"),
    S("[\xff]"),
    S("[1:2]"),
    S("[,]"),
    S("[-]"),
    S("[   , \"\"]"),
    S("[\"a\",\n4\n,1,"),
    S("[1,]"),
    S("[1,,]"),
    S("[\"\va\"\\f]"),
    S("[*]"),
    S("[\"\""),
    S("[1,"),
    S("[1,\n1\n,1"),
    S("[{}"),
    S("[fals]"),
    S("[nul]"),
    S("[tru]"),
    S("123\0"),
    S("[++1234]"),
    S("[+1]"),
    S("[+Inf]"),
    S("[-01]"),
    S("[-1.0.]"),
    S("[-2.]"),
    S("[-NaN]"),
    S("[.-1]"),
    S("[.2e-3]"),
    S("[0.1.2]"),
    S("[0.3e+]"),
    S("[0.3e]"),
    S("[0.e1]"),
    S("[0E+]"),
    S("[0E]"),
    S("[0e+]"),
    S("[0e]"),
    S("[1.0e+]"),
    S("[1.0e-]"),
    S("[1.0e]"),
    S("[1 000.0]"),
    S("[1eE2]"),
    S("[2.e+3]"),
    S("[2.e-3]"),
    S("[2.e3]"),
    S("[9.e+]"),
    S("[Inf]"),
    S("[NaN]"),
    S("[\xef\xbc\x91]"),
    S("[1+2]"),
    S("[0x1]"),
    S("[0x42]"),
    S("[Infinity]"),
    S("[0e+-1]"),
    S("[-123.123foo]"),
    S("[123\xe5]"),
    S("[1e1\xe5]"),
    S("[0\xe5]"),
    S("[-Infinity]"),
    S("[-foo]"),
    S("[- 1]"),
    S("[-012]"),
    S("[-.123]"),
    S("[-1x]"),
    S("[1ea]"),
    S("[1e\xe5]"),
    S("[1.]"),
    S("[.123]"),
    S("[1.2a-3]"),
    S("[1.8011670033376514H-308]"),
    S("[012]"),
    S("[\"x\", truth]"),
    S("{[: \"x\"}"),
    S("{\"x\", null}"),
    S("{\"x\"::\"b\"}"),
    S("{\xf0\x9f\x87\xa8}"),
    S("{\"a\":\"a\" 123}"),
    S("{key: 'value'}"),
    S("{\"\xb9\":\"0\",}"),
    S("{\"a\" b}"),
    S("{:\"b\"}"),
    S("{\"a\" \"b\"}"),
    S("{\"a\":"),
    S("{\"a\""),
    S("{1:1}"),
    S("{9999E9999:1}"),
    S("{null:null,null:null}"),
    S("{\"id\":0,,,,,}"),
    S("{'a':0}"),
    S("{\"id\":0,}"),
    S("{\"a\":\"b\"}/**/"),
    S("{\"a\":\"b\"}/**//"),
    S("{\"a\":\"b\"}//"),
    S("{\"a\":\"b\",,\"c\":\"d\"}"),
    S("{a: \"b\"}"),
    S("{\"a\":\"a"),
    S("{ \"foo\" : \"bar\", \"a\" }"),
    S("{\"a\":\"b\"}#"),
    S(" "),
    S("[\"\\uD800\\\"]"),
    S("[\"\\uD800\\u\"]"),
    S("[\"\\uD800\\u1\"]"),
    S("[\"\\uD800\\u1x\"]"),
    S("[\xc3\xa9]"),
    S("[\"\\\0\"]"),
    S("[\"\\x00\"]"),
    S("[\"\\\\\\\"]"),
    S("[\"\\\t\"]"),
    S("[\"\\\xf0\x9f\x8c\x80\"]"),
    S("[\"\\\"]"),
    S("[\"\\u00A\"]"),
    S("[\"\\uD834\\uDd\"]"),
    S("[\"\\uD800\\uD800\\x\"]"),
    S("[\"\\a\"]"),
    S("[\"\\uqqqq\"]"),
    S("[\"\\\xe5\"]"),
    S("[\\u0020\"asd\"]"),
    S("[\\n]"),
    S("\""),
    S("['single quote']"),
    S("abc"),
    S("[\"\\"),
    S("[\"a\0a\"]"),
    S("[\"new\nline\"]"),
    S("[\"\t\"]"),
    S("\"\\UA66D\""),
    S("\"\"x"),
    S("<.>"),
    S("[<null>]"),
    S("[1]x"),
    S("[1]]"),
    S("[\"asd]"),
    S("a\xc3\xa5"),
    S("[True]"),
    S("1]"),
    S("{\"x\": true,"),
    S("[][]"),
    S("]"),
    S("\xef\xbb{}"),
    S("\xe5"),
    S("["),
    S("{"),
    S("{]"),
    S("[}"),
    S("2@"),
    S("{}}"),
    S("{\"\":"),
    S("{\"a\":/*comment*/\"b\"}"),
    S("{\"a\": true} \"x\""),
    S("['"),
    S("[,"),
    S("[{"),
    S("[\"a"),
    S("[\"a\""),
    S("{,"),
    S("{["),
    S("{\"a"),
    S("{'a'"),
    S("[\"\\{[\"\\{[\"\\{[\"\\{"),
    S("*"),
    S("{\"a\":\"b\"}#{}"),
    S("[\\u000A\"\"]"),
    S("[1"),
    S("[ false, nul"),
    S("[ true, fals"),
    S("[ false, tru"),
    S("{\"asd\":\"asd\""),
    S("\xc3\xa5"),
    S("[\xe2\x81\xa0]"),
    S("\xef\xbb\xbf[]"),
    S("[\f]"),
    S("[1\xc2\xa0]"),
    S("1 2"),
    S("--1"),
    S("truee"),
};

static void test_conformance(void **state)
{
    (void)state;
    struct tr_json_value value;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (!scan(taken[i], &value))
            fail_msg("refused: %.*s", (int)taken[i].size, taken[i].data);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (scan(refused[i], &value))
            fail_msg("taken: %.*s", (int)refused[i].size, refused[i].data);
}

static void test_flags(void **state)
{
    (void)state;
    static const struct {
        struct tr_slice text;
        unsigned flags;
        int depth;
    } cases[] = {
        {S("1"), 0, 0},
        {S("\"a\\n\""), TR_JSON_ESCAPED, 0},
        {S("\"\\u0000\""), TR_JSON_ESCAPED | TR_JSON_ODD_TEXT, 0},
        {S("\"\\ud800\""), TR_JSON_ESCAPED | TR_JSON_ODD_TEXT, 0},
        {S("\"\\udc00\\ud800\""), TR_JSON_ESCAPED | TR_JSON_ODD_TEXT, 0},
        {S("\"\\ud800\\ud800\\udc00\""), TR_JSON_ESCAPED | TR_JSON_ODD_TEXT, 0},
        {S("\"\\ud83d\\ude00\""), TR_JSON_ESCAPED, 0},
        {S("\"\xff\""), TR_JSON_BAD_UTF8, 0},
        {S("\"\xc0\x80\""), TR_JSON_BAD_UTF8, 0},
        {S("\"\xed\xa0\x80\""), TR_JSON_BAD_UTF8, 0},
        {S("\"\xf4\x90\x80\x80\""), TR_JSON_BAD_UTF8, 0},
        {S("\"\xe2\x82\""), TR_JSON_BAD_UTF8, 0},
        {S("[{\"\\u0000\":1}]"), TR_JSON_ESCAPED | TR_JSON_ODD_KEY, 2},
        {S("[{\"\xff\":1}]"), TR_JSON_BAD_UTF8, 2},
        {S("{\"a\":[[],{}]}"), 0, 3},
        {S("1e300"), 0, 0},
        {S("1e301"), TR_JSON_WILD_NUMBER, 0},
        {S("1e-301"), TR_JSON_WILD_NUMBER, 0},
        {S("[1E99999999999999999999]"), TR_JSON_WILD_NUMBER, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_json_value value;
        assert_true(tr_json_scan(cases[i].text, &value));
        assert_int_equal(value.flags, cases[i].flags);
        assert_int_equal(value.depth, cases[i].depth);
        assert_ptr_equal(value.raw.data, cases[i].text.data);
        assert_int_equal(value.raw.size, cases[i].text.size);
    }
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * TR_JSON_DEPTH_MAX + 4];
    struct tr_json_value value;
    memset(text, '[', TR_JSON_DEPTH_MAX + 1);
    memset(text + TR_JSON_DEPTH_MAX + 1, ']', TR_JSON_DEPTH_MAX + 1);
    assert_false(tr_json_scan(tr_slice(text, 2 * TR_JSON_DEPTH_MAX + 2), &value));
    assert_true(tr_json_scan(tr_slice(text + 1, 2 * TR_JSON_DEPTH_MAX), &value));
    assert_int_equal(value.depth, TR_JSON_DEPTH_MAX);
}

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        struct tr_slice json;
        struct tr_slice text;
    } cases[] = {
        {S("\"plain\""), S("plain")},
        {S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), S("\"\\/\b\f\n\r\t")},
        {S("\"a\\u00e9\\u20ac\\ud83d\\ude00z\""), S("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z")},
        {S("\"\\u0000\\ud800x\\udc00\""), S("\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd")},
    };
    struct tr_arena *arena = tr_arena_new(65536);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_json_value value;
        assert_true(tr_json_scan(cases[i].json, &value));
        struct tr_slice text = tr_json_text(&value, arena);
        assert_int_equal(text.size, cases[i].text.size);
        assert_memory_equal(text.data, cases[i].text.data, text.size);
    }
    tr_arena_free(arena);
}

static void test_repair(void **state)
{
    (void)state;
    char text[] = "{\"a\":\"\\u0000 \\ud800\\\\u0000 \\ud83d\\ude00 \\udc00\"}";
    tr_json_repair(text, sizeof text - 1);
    assert_string_equal(text, "{\"a\":\"\\ufffd \\ufffd\\\\u0000 \\ud83d\\ude00 \\ufffd\"}");
}

static void test_append_string(void **state)
{
    (void)state;
    struct tr_buf out;
    tr_buf_init(&out, 1024);
    tr_json_append_string(&out, (struct tr_slice)S("a\"b\\c\n\x01\xff\xc3\xa9"));
    assert_true(tr_slice_is(tr_buf_slice(&out), "\"a\\\"b\\\\c\\n\\u0001\xef\xbf\xbd\xc3\xa9\""));
    tr_buf_fini(&out);
}

static void test_text_helpers(void **state)
{
    (void)state;
    assert_true(tr_text_valid((struct tr_slice)S("")));
    assert_true(tr_text_valid((struct tr_slice)S("0123456789abcdef\xe2\x82\xac")));
    assert_false(tr_text_valid((struct tr_slice)S("01234567\0"
                                                  "9abcdef")));
    assert_false(tr_text_valid((struct tr_slice)S("0123456789\xe2\x82")));
    assert_int_equal(tr_text_truncate((struct tr_slice)S("a\xe2\x82\xac"), 3).size, 1);
    assert_int_equal(tr_text_truncate((struct tr_slice)S("a\xe2\x82\xac"), 4).size, 4);
    assert_int_equal(tr_text_truncate((struct tr_slice)S("abc"), 2).size, 2);
}

static void test_walk(void **state)
{
    (void)state;
    struct tr_json_walk walk;
    struct tr_json_value key;
    struct tr_json_value value;
    struct tr_slice text = S(" {\"a\" : 1 , \"b\":[2,{\"c\":null}] } tail");
    int members = 0;
    tr_json_walk_init(&walk, text);
    while (tr_json_next_key(&walk, &key) && tr_json_take(&walk, &value))
        members++;
    assert_int_equal(members, 2);
    assert_false(walk.bad);
    assert_string_equal(walk.at, " tail");
    static const char *const names[] = {"x", "ab", "none"};
    struct tr_json_value found[3];
    tr_json_collect((struct tr_slice)S("{\"x\":1,\"y\":2,\"\\u0061b\":3,\"x\":[4]}"), names, 3,
                    found);
    assert_true(tr_slice_is(found[0].raw, "[4]") && found[0].type == TR_JSON_ARRAY);
    assert_true(tr_slice_is(found[1].raw, "3"));
    assert_null(found[2].raw.data);
    tr_json_collect((struct tr_slice)S("[1]"), names, 3, found);
    assert_null(found[0].raw.data);
}

/* Differential ---------------------------------------------------------------------------------
 * Documents are generated, then damaged at random. The answer has to be jansson's, but where the
 * header says otherwise: jansson refuses bytes that are not UTF-8, lone surrogates, NULs, huge
 * numbers and what is deeper than 2,048. */

static uint32_t seed = 1;
static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void generate(struct tr_buf *out, int depth)
{
    static const char *const scalars[] = {
        "0",
        "-1",
        "3.25",
        "1e5",
        "-0.5E-3",
        "true",
        "false",
        "null",
        "\"\"",
        "\"text\"",
        "123456789",
        "\"long enough for a vector, twice: 0123456789\"",
        "\"\\u00e9\\n\\ud83d\\ude00\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "\"0123456789abcde\\\\\"",
    };
    uint32_t kind = depth > 4 ? 0 : draw(4);
    if (kind < 2) {
        tr_buf_append_text(out, scalars[draw(sizeof scalars / sizeof *scalars)]);
        return;
    }
    bool object = kind == 2;
    tr_buf_append_text(out, object ? "{" : "[");
    uint32_t count = draw(5);
    for (uint32_t i = 0; i < count; i++) {
        tr_buf_append_text(out, i > 0 ? ", " : draw(2) ? " " : "");
        if (object)
            tr_buf_printf(out, "\"k%u\":%s", draw(10), draw(2) ? "" : "\t");
        generate(out, depth + 1);
    }
    tr_buf_append_text(out, object ? "}" : "]");
}

static void damage(struct tr_buf *text)
{
    static const char bytes[] = "{}[]\",:\\ \n01e.-+tfnu\x01\x80\xc3\xff";
    for (uint32_t n = draw(4); n > 0 && text->size > 0; n--)
        text->data[draw((uint32_t)text->size)] = bytes[draw(sizeof bytes - 1)];
}

static bool same(struct tr_slice raw, const json_t *value, struct tr_arena *arena);

static bool same_object(struct tr_json_walk *walk, const json_t *value, struct tr_arena *arena)
{
    struct tr_json_value key;
    struct tr_json_value member;
    json_t *seen = json_object();
    bool equal = true;
    while (equal && tr_json_next_key(walk, &key) && tr_json_take(walk, &member)) {
        struct tr_slice name = tr_json_text(&key, arena);
        char *text = tr_arena_strndup(arena, name.data, name.size);
        json_t *twin = json_object_get(value, text);
        equal = twin != NULL;
        /* Of a key that comes twice jansson keeps the last. */
        json_object_set_new(seen, text, json_boolean(same(member.raw, twin, arena)));
    }
    const char *name;
    json_t *matched;
    equal = equal && json_object_size(seen) == json_object_size(value);
    json_object_foreach(seen, name, matched) equal = equal && json_is_true(matched);
    json_decref(seen);
    return equal && !walk->bad;
}

static bool same(struct tr_slice raw, const json_t *value, struct tr_arena *arena)
{
    struct tr_json_value scanned;
    struct tr_json_walk walk;
    size_t index = 0;
    assert_true(tr_json_scan(raw, &scanned));
    switch (scanned.type) {
    case TR_JSON_STRING: {
        struct tr_slice text = tr_json_text(&scanned, arena);
        return json_is_string(value) &&
               tr_slice_equal(text, tr_slice(json_string_value(value), json_string_length(value)));
    }
    case TR_JSON_NUMBER:
        return json_is_number(value) && strtod(tr_arena_strndup(arena, raw.data, raw.size), NULL) ==
                                            json_number_value(value);
    case TR_JSON_TRUE:
        return json_is_true(value);
    case TR_JSON_FALSE:
        return json_is_false(value);
    case TR_JSON_NULL:
        return json_is_null(value);
    case TR_JSON_OBJECT:
        tr_json_walk_init(&walk, raw);
        return json_is_object(value) && same_object(&walk, value, arena);
    case TR_JSON_ARRAY:
        tr_json_walk_init(&walk, raw);
        while (tr_json_next_item(&walk) && tr_json_take(&walk, &scanned))
            if (!same(scanned.raw, json_array_get(value, index++), arena))
                return false;
        return !walk.bad && index == json_array_size(value);
    }
    return false;
}

static void compare(struct tr_slice text, struct tr_arena *arena)
{
    struct tr_json_value value = {0};
    json_t *oracle = json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool good = scan(text, &value);
    unsigned different =
        TR_JSON_BAD_UTF8 | TR_JSON_ODD_TEXT | TR_JSON_ODD_KEY | TR_JSON_WILD_NUMBER;
    if (oracle != NULL && !good)
        fail_msg("refused what jansson takes: %.*s", (int)text.size, text.data);
    if (oracle == NULL && good && !(value.flags & different) && value.type != TR_JSON_NUMBER &&
        value.depth == 0)
        fail_msg("taken what jansson refuses: %.*s", (int)text.size, text.data);
    if (oracle != NULL && !(value.flags & different) && !same(text, oracle, arena))
        fail_msg("read differently: %.*s", (int)text.size, text.data);
    json_decref(oracle);
}

static void test_against_jansson(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct tr_buf text;
        struct tr_arena *arena = tr_arena_new(1 << 20);
        tr_buf_init(&text, 1 << 16);
        generate(&text, 0);
        if (i % 4 != 0)
            damage(&text);
        compare(tr_buf_slice(&text), arena);
        tr_arena_free(arena);
        tr_buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conformance),     cmocka_unit_test(test_flags),
        cmocka_unit_test(test_depth),           cmocka_unit_test(test_texts),
        cmocka_unit_test(test_repair),          cmocka_unit_test(test_append_string),
        cmocka_unit_test(test_text_helpers),    cmocka_unit_test(test_walk),
        cmocka_unit_test(test_against_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
