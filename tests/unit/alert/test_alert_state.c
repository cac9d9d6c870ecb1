/* SPDX-License-Identifier: MIT */
/*
 * The states of an alert against a model that shares nothing: the machine steps from look to look,
 * the model searches the whole history of looks for what the words say. Every sequence of six looks
 * is tried, then long random ones.
 */
#include "alert_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LOOKS_MAX = 400, EXHAUSTIVE = 6 };

struct look {
    enum tr_alert_found found;
    int64_t at_us;
};

/* What a look counts as: 1 the condition holds, 0 it does not, -1 the look changes nothing. */
static int effect(const struct tr_alert_rule *rule, enum tr_alert_found found)
{
    if (found == TR_ALERT_HOLDS)
        return 1;
    if (found == TR_ALERT_HOLDS_NOT || rule->no_data == TR_ALERT_NO_DATA_IGNORE)
        return 0;
    return rule->no_data == TR_ALERT_NO_DATA_ALERT ? 1 : -1;
}

struct story {
    enum tr_alert_phase phase;
    int64_t active_us;
    int64_t fired_us;
};

/* From the beginning: the first look of each episode, when it fired, when it was over. */
static struct story tell(const struct tr_alert_rule *rule, const struct look *looks, int count)
{
    int i = 0;
    for (;;) {
        while (i < count && effect(rule, looks[i].found) != 1)
            i++;
        if (i == count)
            return (struct story){TR_ALERT_INACTIVE, 0, 0};
        int first = i;
        int fired = -1;
        for (; i < count && fired < 0 && effect(rule, looks[i].found) != 0; i++)
            if (effect(rule, looks[i].found) == 1 &&
                looks[i].at_us - looks[first].at_us >= rule->for_us)
                fired = i;
        if (fired < 0 && i == count)
            return (struct story){TR_ALERT_PENDING, looks[first].at_us, 0};
        if (fired < 0)
            continue;
        bool over = false;
        int clear = -1;
        for (; i < count && !over; i++) {
            int now = effect(rule, looks[i].found);
            if (now == 1)
                clear = -1;
            if (now == 0 && clear < 0)
                clear = i;
            over = now == 0 && looks[i].at_us - looks[clear].at_us >= rule->keep_firing_us;
        }
        if (!over)
            return (struct story){TR_ALERT_FIRING, looks[first].at_us, looks[fired].at_us};
    }
}

/* What became of it must be what the phases before and after say. */
static void check_changes(unsigned became, enum tr_alert_phase before, enum tr_alert_phase after,
                          bool was_no_data, bool no_data)
{
    assert_int_equal((became & TR_ALERT_BECAME_NO_DATA) != 0, no_data && !was_no_data);
    assert_int_equal((became & TR_ALERT_BECAME_RESOLVED) != 0,
                     before == TR_ALERT_FIRING && after == TR_ALERT_INACTIVE);
    assert_int_equal((became & TR_ALERT_BECAME_INACTIVE) != 0,
                     before == TR_ALERT_PENDING && after == TR_ALERT_INACTIVE);
    assert_int_equal((became & TR_ALERT_BECAME_FIRING) != 0,
                     before != TR_ALERT_FIRING && after == TR_ALERT_FIRING);
    assert_int_equal((became & TR_ALERT_BECAME_PENDING) != 0,
                     before == TR_ALERT_INACTIVE && after != TR_ALERT_INACTIVE);
}

static void check(const struct tr_alert_rule *rule, const struct look *looks, int count)
{
    struct tr_alert_state state = {0};
    for (int i = 0; i < count; i++) {
        struct tr_alert_state before = state;
        unsigned became = tr_alert_step(rule, looks[i].found, looks[i].at_us, &state);
        struct story story = tell(rule, looks, i + 1);
        assert_int_equal(state.phase, story.phase);
        assert_int_equal(state.active_us, story.active_us);
        assert_int_equal(state.fired_us, story.fired_us);
        assert_int_equal(state.no_data, looks[i].found == TR_ALERT_TOO_LITTLE);
        check_changes(became, before.phase, state.phase, before.no_data, state.no_data);
    }
}

static void test_every_short_sequence(void **context)
{
    (void)context;
    static const int64_t fors[] = {0, 1, 3};
    static const int64_t keeps[] = {0, 2};
    struct look looks[EXHAUSTIVE];
    for (int variant = 0; variant < 18; variant++) {
        struct tr_alert_rule rule = {.for_us = fors[variant % 3],
                                     .keep_firing_us = keeps[variant / 3 % 2],
                                     .no_data = (enum tr_alert_no_data)(variant / 6)};
        for (int code = 0; code < 6 * 6 * 6 * 6 * 6 * 6; code++) {
            int64_t at_us = 100;
            for (int i = 0, rest = code; i < EXHAUSTIVE; i++, rest /= 6) {
                at_us += 1 + rest % 2;
                looks[i] = (struct look){(enum tr_alert_found)(rest % 6 / 2), at_us};
            }
            check(&rule, looks, EXHAUSTIVE);
        }
    }
}

/* Numbers that do not depend on the machine (Knuth's MMIX generator). */
static uint32_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static void test_long_random_sequences(void **context)
{
    (void)context;
    static struct look looks[LOOKS_MAX];
    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint64_t dice = seed;
        struct tr_alert_rule rule = {.for_us = draw(&dice) % 40,
                                     .keep_firing_us = draw(&dice) % 40,
                                     .no_data = (enum tr_alert_no_data)(draw(&dice) % 3)};
        uint32_t stays = 1 + draw(&dice) % 20;
        int64_t at_us = 1000;
        enum tr_alert_found found = TR_ALERT_HOLDS_NOT;
        for (int i = 0; i < LOOKS_MAX; i++) {
            /* Now and then nobody looked for a long time: a restart. */
            at_us += draw(&dice) % 50 == 0 ? 200 : 1 + draw(&dice) % 10;
            if (draw(&dice) % stays == 0)
                found = (enum tr_alert_found)(draw(&dice) % 3);
            looks[i] = (struct look){found, at_us};
        }
        check(&rule, looks, LOOKS_MAX);
    }
}

/* Whoever takes over goes on from what was written down, and fires when the other would have. */
static void test_pending_survives_a_change_of_leader(void **context)
{
    (void)context;
    struct tr_alert_rule rule = {.for_us = 120};
    struct tr_alert_state state = {0};
    assert_int_equal(tr_alert_step(&rule, TR_ALERT_HOLDS, 1000, &state), TR_ALERT_BECAME_PENDING);
    struct tr_alert_state taken_over = {.phase = state.phase, .active_us = state.active_us};
    assert_int_equal(tr_alert_step(&rule, TR_ALERT_HOLDS, 1119, &taken_over), 0);
    assert_int_equal(tr_alert_step(&rule, TR_ALERT_HOLDS, 1120, &taken_over),
                     TR_ALERT_BECAME_FIRING);
    assert_int_equal(taken_over.fired_us, 1120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_short_sequence),
        cmocka_unit_test(test_long_random_sequences),
        cmocka_unit_test(test_pending_survives_a_change_of_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
