/* SPDX-License-Identifier: MIT */
/* src/live/hub.c without a database: frames go on, subscriptions come and go, nothing is left. */
#include "traction/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct tr_live *live;
    struct tr_loop *loop;
    struct tr_live_subscription *subscription;
    int64_t number;
    int frames;
};

static void start(struct fixture *fixture, int projects)
{
    struct tr_live_options options;
    struct tr_error error = TR_ERROR_INIT;
    tr_live_options_init(&options);
    options.database_url = "host=/nonexistent";
    options.projects = projects;
    assert_int_equal(tr_live_start(&fixture->live, &options, &error), 0);
    assert_int_equal(tr_loop_new(&fixture->loop, &error), 0);
}

static void stop(struct fixture *fixture)
{
    tr_live_stop(fixture->live);
    tr_loop_free(fixture->loop);
}

static void on_frame(struct tr_live_frame *take_frame, void *context)
{
    struct fixture *fixture = context;
    assert_true(take_frame->number > fixture->number);
    assert_non_null(memmem(take_frame->stats.data, take_frame->stats.size, "\"stale\":true", 12));
    fixture->number = take_frame->number;
    tr_live_frame_free(take_frame);
    if (++fixture->frames == 2) {
        tr_live_unsubscribe(fixture->subscription); /* from within */
        tr_loop_stop(fixture->loop);
    }
}

static struct tr_live_subscription *subscribe(struct fixture *fixture, int32_t project_id)
{
    const struct tr_live_subscriber subscriber = {project_id, fixture->loop, on_frame, fixture};
    return tr_live_subscribe(fixture->live, &subscriber);
}

static void test_frames_without_a_database(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    start(&fixture, 1);
    fixture.subscription = subscribe(&fixture, 1);
    assert_non_null(fixture.subscription);
    tr_loop_run(fixture.loop);
    assert_int_equal(fixture.frames, 2);
    stop(&fixture);
}

static void test_projects_are_counted_once(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    start(&fixture, 2);
    struct tr_live_subscription *one = subscribe(&fixture, 1);
    struct tr_live_subscription *again = subscribe(&fixture, 1);
    assert_non_null(one);
    assert_non_null(again);
    assert_non_null(subscribe(&fixture, 2));
    assert_null(subscribe(&fixture, 3));
    tr_live_unsubscribe(one);
    assert_null(subscribe(&fixture, 3));
    tr_live_unsubscribe(again);
    assert_non_null(subscribe(&fixture, 3));
    stop(&fixture); /* with two that nobody ended, and perhaps frames on their way */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_without_a_database),
        cmocka_unit_test(test_projects_are_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
