/* SPDX-License-Identifier: MIT */
/* src/event/sentiment.c, answer.c, standard.c: what is read out of properties, and what it means.
 */
#include "event_priv.h"

#include "traction/embed.h"
#include "traction/standard.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct tr_arena *arena;

/* A sum of weights, as docs/events.md says. */
static int32_t compound(double sum)
{
    return (int32_t)lround(sum / sqrt(sum * sum + 15) * TR_SENTIMENT_ONE);
}

static void expect_text(const char *text, double sum)
{
    int32_t got = tr_sentiment_of_text(tr_slice_of(text));
    if (got != compound(sum))
        fail_msg("\"%s\" is %d, not %d", text, (int)got, (int)compound(sum));
}

static void test_words(void **state)
{
    (void)state;
    expect_text("", 0);
    expect_text("the quick brown fox", 1);
    expect_text("I love it", 3);
    expect_text("LOVE it!!!", 3);
    expect_text("good, but slow", 2 * 0.5 - 1 * 1.5);
    expect_text("lovely. awful.", 2 - 3);
    expect_text("lovelyawful", 0);
    expect_text("user-friendly", 2);
    expect_text("'great'", 2);
    expect_text("great\xe2\x80\x94"
                "awful",
                2 - 3);
    expect_text("abandon \xf0\x9f\xa5\xb0", -2 + 3); /* the first word and the last */
    expect_text("great\xf0\x9f\x91\x8dgreat", 6);
}

static void test_negation_and_strength(void **state)
{
    (void)state;
    expect_text("not good", -1.5);
    expect_text("not bad", 1.5);
    expect_text("not at all good", -1.5);
    expect_text("not that it was good", 2);
    expect_text("no. good", 2);
    expect_text("isn't good", -1.5);
    expect_text("isn\xe2\x80\x99t good", -1.5);
    expect_text("isnt good", -1.5);
    expect_text("very good", 3);
    expect_text("slightly bad", -1);
    expect_text("not very good", 2 * 1.5 * -0.75);
    expect_text("very, good", 2);
}

static void test_hostile_text(void **state)
{
    (void)state;
    enum { SIZE = 32768 };
    char *text = malloc(SIZE);
    memset(text, 'a', SIZE);
    assert_int_equal(tr_sentiment_of_text(tr_slice(text, SIZE)), 0);
    memset(text, '\'', SIZE);
    assert_int_equal(tr_sentiment_of_text(tr_slice(text, SIZE)), 0);
    for (size_t i = 0; i + 5 <= SIZE; i += 5)
        memcpy(text + i, "love ", 5);
    /* Only the beginning counts, and the end of the scale is never passed. */
    assert_int_equal(tr_sentiment_of_text(tr_slice(text, SIZE)), compound(3.0 * 800));
    assert_true(tr_sentiment_of_text(tr_slice(text, SIZE)) <= TR_SENTIMENT_ONE);
    /* Cut anywhere, also inside a character. */
    static const char odd[] = "isn\xe2\x80\x99t \xf0\x9f\x91\x8d good";
    for (size_t size = 0; size < sizeof odd; size++) {
        char *copy = malloc(size + 1);
        memcpy(copy, odd, size);
        tr_sentiment_of_text(tr_slice(copy, size));
        free(copy);
    }
    free(text);
}

/* In order, each once, all readable: else words would be lost in silence. */
static void test_lexicon(void **state)
{
    (void)state;
    const char *line = tr_sentiment_files[0].text;
    const char *before = NULL;
    size_t words = 0;
    for (; *line != '\0'; before = line, line = strchr(line, '\n') + 1) {
        size_t size = strcspn(line, " \n");
        if (before != NULL && *before != '#')
            assert_true(memcmp(before, line, size + 1) < 0);
        if (*line == '#')
            continue;
        words++;
        long weight = strtol(line + size, NULL, 10);
        bool mark = strchr("nmlb", line[size + 1]) != NULL;
        assert_true(mark ? weight == 0 : weight != 0 && labs(weight) <= 3);
        if (!mark) {
            int32_t got = tr_sentiment_of_text(tr_slice(line, size));
            if (got != compound((double)weight))
                fail_msg("%.*s is not found", (int)size, line);
        }
    }
    assert_true(words > 400);
}

/* INT32_MAX: none. */
static void expect(const char *properties, const char *value, int32_t want)
{
    struct tr_decimal score;
    int32_t got = INT32_MAX;
    if (value != NULL)
        assert_int_equal(tr_decimal_parse(&score, tr_slice_of(value), 0), 0);
    tr_sentiment_derive(tr_slice_of(properties), value != NULL ? &score : NULL, arena, &got);
    if (got != want)
        fail_msg("%s %s is %d, not %d", properties, value != NULL ? value : "", (int)got,
                 (int)want);
}

static void test_given_score_text(void **state)
{
    (void)state;
    expect("{\"sentiment\":0.25,\"type\":\"nps\",\"text\":\"awful\"}", "10", 250000);
    expect("{\"sentiment\":\"-1\"}", NULL, -1000000);
    expect("{\"sentiment\":1.0000001}", NULL, INT32_MAX);
    expect("{\"sentiment\":0.0000005}", NULL, 1);
    expect("{\"sentiment\":\"good\",\"text\":\"good\"}", NULL, compound(2));
    expect("{\"sentiment\":-2,\"type\":\"csat\"}", "1", -1000000);
    expect("{\"type\":\"nps\",\"text\":\"awful\"}", "10", 1000000);
    expect("{\"type\":\"nps\"}", "5", 0);
    expect("{\"type\":\"nps\"}", "0", -1000000);
    expect("{\"type\":\"csat\"}", "4", 500000);
    expect("{\"type\":\"ces\"}", "6", 666667);
    expect("{\"type\":\"ces\"}", "2", -666667);
    expect("{\"type\":\"ces\",\"text\":\"awful\"}", "8", compound(-3));
    expect("{\"type\":\"ces\",\"text\":\"awful\"}", "0", compound(-3));
    expect("{\"type\":\"nps\",\"text\":\"awful\"}", "9.5", compound(-3));
    expect("{\"type\":\"nps\",\"text\":\"awful\"}", "-1", compound(-3));
    expect("{\"type\":\"nps\",\"text\":\"awful\"}", NULL, compound(-3));
    expect("{\"type\":\"text\",\"text\":\"nothing in it\"}", "9", compound(0));
    expect("{\"text\":\"\"}", NULL, INT32_MAX);
    expect("{\"text\":7}", NULL, INT32_MAX);
    expect("{\"type\":\"nps\"}", "11", INT32_MAX);
    expect("{}", "3", INT32_MAX);
}

static void test_answers(void **state)
{
    (void)state;
    struct tr_answer answer;
    tr_answer_read(TR_SLICE("{\"type\":\"n\\u0070s\",\"text\":\"x\"}"), arena, &answer);
    assert_true(tr_slice_is(answer.type, "nps") && answer.has_text);
    tr_answer_read(TR_SLICE("{\"type\":7,\"text\":\"\"}"), arena, &answer);
    assert_true(answer.type.data == NULL && !answer.has_text);
    tr_answer_read(TR_SLICE_NONE, arena, &answer);
    assert_true(answer.type.data == NULL && !answer.has_text);
}

static void test_tables(void **state)
{
    (void)state;
    assert_null(tr_vital_find(TR_SLICE("lcp")));
    assert_null(tr_vital_find(TR_SLICE_NONE));
    assert_int_equal(tr_vital_find(TR_SLICE("LCP"))->good, 2500000);
    assert_int_equal(tr_vital_find(TR_SLICE("CLS"))->good, 100000000);
    assert_int_equal(tr_vital_find(TR_SLICE("CLS"))->poor, 250000000);
    assert_null(tr_survey_find(TR_SLICE("text")));
    assert_int_equal(tr_survey_find(TR_SLICE("ces"))->most, 7);
}

static int set_up(void **state)
{
    (void)state;
    arena = tr_arena_new(1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tr_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_negation_and_strength),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_lexicon),
        cmocka_unit_test(test_given_score_text),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
