/* SPDX-License-Identifier: MIT */
/* Covers src/demo: what is generated is the same each time, valid, in order, and as counted. */
#include "dice.h"

#include "traction/base/arena.h"
#include "traction/base/buf.h"
#include "traction/base/hash.h"
#include "traction/demo.h"
#include "traction/event.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* 2026-11-23T10:15:30Z, a Monday */
#define END_US (INT64_C(1795428930) * 1000000)
#define HOUR_US (INT64_C(3600) * 1000000)
#define DAY_US (24 * HOUR_US)

enum { EVENTS = 12000 };

static struct tr_demo_options small(void)
{
    struct tr_demo_options options;
    tr_demo_options_init(&options);
    options.end_us = END_US;
    options.events = EVENTS;
    return options;
}

/* All lines of a run, each with a terminator instead of its newline. */
struct run {
    struct tr_buf text;
    struct tr_demo_facts facts;
    int64_t events;
};

static void run_demo(struct run *run, const struct tr_demo_options *options)
{
    TR_CLEANUP(tr_demo_freep) struct tr_demo *demo = tr_demo_new(options);
    struct tr_demo_batch batch;
    run->events = 0;
    tr_buf_init(&run->text, 128 << 20);
    while (tr_demo_next(demo, &batch)) {
        assert_in_range(batch.events, 1, options->batch_events);
        assert_in_range(batch.body.size, 1, options->batch_bytes);
        assert_true(strlen(batch.user_agent) > 5);
        tr_buf_append_slice(&run->text, batch.body);
        run->events += batch.events;
    }
    assert_false(tr_demo_next(demo, &batch));
    assert_false(tr_buf_overflowed(&run->text));
    tr_demo_get_facts(demo, &run->facts);
}

static void digest(const struct run *run, uint8_t out[32])
{
    tr_sha256(run->text.data, run->text.size, out);
}

/* Chance --------------------------------------------------------------------------------------- */

static void test_generators_of_the_papers(void **state)
{
    (void)state;
    /* The numbers of the authors' C code: SplitMix64 of 1234567, xoshiro256** of 1, 2, 3, 4. */
    struct dice dice;
    tr_dice_seed(&dice, 1234567);
    assert_true(dice.state[0] == UINT64_C(6457827717110365317));
    assert_true(dice.state[1] == UINT64_C(3203168211198807973));
    assert_true(dice.state[2] == UINT64_C(9817491932198370423));
    dice = (struct dice){{1, 2, 3, 4}};
    assert_true(tr_dice_next(&dice) == 11520);
    assert_true(tr_dice_next(&dice) == 0);
    assert_true(tr_dice_next(&dice) == 1509978240);
    assert_true(tr_dice_next(&dice) == UINT64_C(1215971899390074240));
}

static void test_distributions(void **state)
{
    (void)state;
    enum { ROUNDS = 20000 };
    struct dice dice;
    tr_dice_seed(&dice, 7);
    double normal = 0;
    double square = 0;
    double few = 0;
    double many = 0;
    int below = 0;
    int picked[3] = {0};
    for (int i = 0; i < ROUNDS; i++) {
        double number = tr_dice_normal(&dice);
        normal += number / ROUNDS;
        square += number * number / ROUNDS;
        few += tr_dice_poisson(&dice, 3.5) / (double)ROUNDS;
        many += tr_dice_poisson(&dice, 200) / (double)ROUNDS;
        below += tr_dice_lognormal(&dice, 100, 0.7) < 100;
        picked[tr_dice_pick(&dice, (double[]){1, 0, 3}, 3)]++;
    }
    assert_true(fabs(normal) < 0.03 && fabs(square - 1) < 0.05);
    assert_true(fabs(few - 3.5) < 0.06 && fabs(many - 200) < 0.5);
    assert_in_range(below, ROUNDS * 48 / 100, ROUNDS * 52 / 100);
    assert_in_range(picked[0], ROUNDS * 23 / 100, ROUNDS * 27 / 100);
    assert_int_equal(picked[1], 0);
}

/* The same again ------------------------------------------------------------------------------- */

static void test_equal_options_equal_bytes(void **state)
{
    (void)state;
    struct tr_demo_options options = small();
    uint8_t digests[3][32];
    for (int i = 0; i < 3; i++) {
        struct run run;
        options.seed = i < 2 ? 5 : 6;
        run_demo(&run, &options);
        digest(&run, digests[i]);
        tr_buf_fini(&run.text);
    }
    assert_memory_equal(digests[0], digests[1], 32);
    assert_memory_not_equal(digests[0], digests[2], 32);
}

static void test_about_as_many_as_asked_for(void **state)
{
    (void)state;
    enum { MANY = 100000 }; /* few people more or less make little of a difference */
    struct tr_demo_options options = small();
    options.events = MANY;
    for (options.seed = 1; options.seed <= 2; options.seed++) {
        struct run run;
        run_demo(&run, &options);
        assert_in_range(run.events, MANY * 7 / 10, MANY * 13 / 10);
        tr_buf_fini(&run.text);
    }
}

static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Sorted; borrowed from the run. */
static const char **sort_lines(struct run *run)
{
    const char **lines = tr_calloc((size_t)run->events, sizeof *lines);
    char *at = run->text.data;
    for (int64_t i = 0; i < run->events; i++) {
        char *end = memchr(at, '\n', run->text.size - (size_t)(at - run->text.data));
        assert_non_null(end);
        *end = '\0';
        lines[i] = at;
        at = end + 1;
    }
    assert_ptr_equal(at, run->text.data + run->text.size);
    qsort(lines, (size_t)run->events, sizeof *lines, compare_lines);
    return lines;
}

/* A line begins with its id, so equal ids would be neighbours. */
static bool same_id(const char *a, const char *b)
{
    size_t size = strcspn(a, ",");
    return strncmp(a, b, size) == 0;
}

static void test_a_later_end_of_the_day_only_adds(void **state)
{
    (void)state;
    struct tr_demo_options options = small();
    struct run early;
    struct run late;
    run_demo(&early, &options);
    options.end_us += 6 * HOUR_US;
    run_demo(&late, &options);
    assert_true(late.events > early.events);
    TR_CLEANUP(tr_freep) const char **early_lines = sort_lines(&early);
    TR_CLEANUP(tr_freep) const char **late_lines = sort_lines(&late);
    int64_t found = 0;
    for (int64_t i = 0; i < late.events; i++) {
        found += found < early.events && strcmp(late_lines[i], early_lines[found]) == 0;
        assert_true(i == 0 || !same_id(late_lines[i], late_lines[i - 1]));
    }
    assert_int_equal(found, early.events);
    tr_buf_fini(&early.text);
    tr_buf_fini(&late.text);
}

/* Validity ------------------------------------------------------------------------------------- */

struct order {
    int64_t day;
    int64_t last_us;
    int64_t events;
    int64_t late;
};

static void check_event(const struct tr_event *event, struct order *order)
{
    assert_true(event->has_timestamp);
    assert_in_range(event->timestamp_us, END_US - 90 * DAY_US, END_US - 1);
    order->events++;
    order->late += event->timestamp_us < order->last_us;
    if (event->timestamp_us > order->last_us)
        order->last_us = event->timestamp_us;
}

static void check_batch(struct tr_slice body, struct tr_arena *arena, struct order *order)
{
    struct tr_event_limits limits;
    struct tr_event_reader reader;
    struct tr_event event;
    struct tr_slice raw;
    struct tr_reject reject;
    const struct tr_event_sender sender = {.project_id = 1, .received_us = END_US};
    tr_event_limits_init(&limits);
    tr_event_reader_init(&reader, body, END_US, &limits, arena);
    struct tr_buf records;
    tr_buf_init(&records, 8 << 20);
    order->last_us = 0;
    for (int outcome; (outcome = tr_event_reader_next(&reader, &event, &raw, &reject)) != 0;) {
        if (outcome != TR_EVENT_READ ||
            !tr_event_encode(&event, &sender, &limits, arena, &records, &reject))
            fail_msg("%s: %s: %.*s", reject.field, reject.message, (int)raw.size, raw.data);
        check_event(&event, order);
    }
    tr_buf_fini(&records);
}

static void test_every_event_passes_the_door_in_order(void **state)
{
    (void)state;
    struct tr_demo_options options = small();
    TR_CLEANUP(tr_demo_freep) struct tr_demo *demo = tr_demo_new(&options);
    TR_CLEANUP(tr_arena_freep) struct tr_arena *arena = tr_arena_new(16 << 20);
    struct tr_demo_batch batch;
    struct order order = {.day = 0};
    int64_t events = 0;
    while (tr_demo_next(demo, &batch)) {
        check_batch(batch.body, arena, &order);
        tr_arena_reset(arena);
        events += batch.events;
    }
    assert_int_equal(order.events, events);
    assert_true(order.late > 0);
    assert_true(order.late < order.events / 100);
}

/* Facts ---------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void count_line(const json_t *event, struct tr_demo_facts *counted)
{
    const json_t *properties = json_object_get(event, "properties");
    int64_t at_us = json_integer_value(json_object_get(event, "timestamp")) * 1000;
    for (int i = 0; i < TR_DEMO_NAMES; i++)
        counted->by_name[i] += strcmp(text_of(event, "name"), tr_demo_name(i)) == 0;
    bool broken = at_us >= counted->broken_from_us && at_us < counted->broken_to_us;
    if (broken && strcmp(text_of(properties, "route"), "/api/boards") == 0 &&
        strcmp(text_of(event, "name"), "api_request") == 0) {
        counted->broken_saves++;
        counted->failed_saves += json_integer_value(json_object_get(properties, "status")) == 500;
    }
    if (strcmp(text_of(event, "name"), "ticket_opened") == 0)
        counted->outage_tickets += strcmp(text_of(properties, "topic"), "saving") == 0;
    if (strcmp(text_of(properties, "reason"), "lost work") == 0) {
        counted->outage_cancelled++;
        counted->outage_monthly += json_integer_value(json_object_get(properties, "previous"));
    }
}

static void test_facts_are_what_the_events_say(void **state)
{
    (void)state;
    struct tr_demo_options options = small();
    options.events = 40000;
    struct run run;
    run_demo(&run, &options);
    struct tr_demo_facts counted = {.broken_from_us = run.facts.broken_from_us,
                                    .broken_to_us = run.facts.broken_to_us};
    TR_CLEANUP(tr_freep) const char **lines = sort_lines(&run);
    for (int64_t i = 0; i < run.events; i++) {
        json_t *event = json_loads(lines[i], 0, NULL);
        assert_non_null(event);
        count_line(event, &counted);
        json_decref(event);
    }
    assert_int_equal(run.facts.events, run.events);
    for (int i = 0; i < TR_DEMO_NAMES; i++) {
        assert_int_equal(counted.by_name[i], run.facts.by_name[i]);
        assert_true(counted.by_name[i] > 0);
    }
    assert_int_equal(counted.broken_saves, run.facts.broken_saves);
    assert_int_equal(counted.failed_saves, run.facts.failed_saves);
    assert_true(counted.failed_saves * 100 > counted.broken_saves * 8);
    assert_int_equal(counted.outage_tickets, run.facts.outage_tickets);
    assert_int_equal(counted.outage_cancelled, run.facts.outage_cancelled);
    assert_int_equal(counted.outage_monthly, run.facts.outage_monthly);
    tr_buf_fini(&run.text);
}

static void test_the_broken_release_goes_out_in_the_middle_of_a_week(void **state)
{
    (void)state;
    struct tr_demo_options options = small();
    options.events = 100;
    for (int day = 0; day < 7; day++) {
        options.end_us = END_US + day * DAY_US;
        TR_CLEANUP(tr_demo_freep) struct tr_demo *demo = tr_demo_new(&options);
        struct tr_demo_facts facts;
        tr_demo_get_facts(demo, &facts);
        assert_int_equal(facts.broken_from_us % DAY_US, 14 * HOUR_US);
        assert_int_equal(facts.broken_to_us - facts.broken_from_us, 26 * HOUR_US);
        assert_in_range((facts.broken_from_us / DAY_US + 4) % 7, 2, 4);
        assert_in_range((facts.broken_from_us - facts.from_us) / DAY_US, 61, 65);
        size_t count;
        const struct tr_demo_mark *marks = tr_demo_marks(demo, &count);
        assert_int_equal(count, 11);
        for (size_t i = 1; i < count; i++)
            assert_true(marks[i].at_us > marks[i - 1].at_us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generators_of_the_papers),
        cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_equal_options_equal_bytes),
        cmocka_unit_test(test_about_as_many_as_asked_for),
        cmocka_unit_test(test_a_later_end_of_the_day_only_adds),
        cmocka_unit_test(test_every_event_passes_the_door_in_order),
        cmocka_unit_test(test_facts_are_what_the_events_say),
        cmocka_unit_test(test_the_broken_release_goes_out_in_the_middle_of_a_week),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
