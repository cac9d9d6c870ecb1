/* SPDX-License-Identifier: MIT */
/* src/base/loop.c: messages of many threads arrive once each, on the receiver's thread. */
#include "traction/base/loop.h"

#include "traction/base/alloc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { THREADS = 4, MESSAGES = 5000 };

struct counter {
    struct tr_loop *loop;
    pthread_t thread;
    int received;
};

struct letter {
    struct tr_message message;
    struct counter *counter;
};

static void on_letter(struct tr_message *message)
{
    struct letter *letter = (struct letter *)message;
    struct counter *counter = letter->counter;
    assert_true(pthread_equal(pthread_self(), counter->thread));
    if (++counter->received == THREADS * MESSAGES)
        tr_loop_stop(counter->loop);
    free(letter);
}

static void *post_many(void *context)
{
    struct counter *counter = context;
    for (int i = 0; i < MESSAGES; i++) {
        struct letter *letter = tr_calloc(1, sizeof *letter);
        letter->message.run = on_letter;
        letter->counter = counter;
        tr_loop_post(counter->loop, &letter->message);
    }
    return NULL;
}

static void test_loop_receives_everything(void **state)
{
    (void)state;
    struct counter counter = {.thread = pthread_self()};
    assert_int_equal(tr_loop_new(&counter.loop, NULL), 0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, post_many, &counter);
    tr_loop_run(counter.loop);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(counter.received, THREADS * MESSAGES);
    tr_loop_free(counter.loop);
}

static void test_mailbox_order_and_wake(void **state)
{
    (void)state;
    struct tr_mailbox *mailbox = tr_mailbox_new();
    struct tr_message messages[3] = {0};
    for (int i = 0; i < 3; i++)
        tr_mailbox_post(mailbox, &messages[i]);
    assert_ptr_equal(tr_mailbox_wait_one(mailbox, 0), &messages[0]);
    struct tr_message *rest = tr_mailbox_wait(mailbox, 0);
    assert_ptr_equal(rest, &messages[1]);
    assert_ptr_equal(rest->next, &messages[2]);
    assert_null(tr_mailbox_wait(mailbox, 1));
    tr_mailbox_wake(mailbox);
    assert_null(tr_mailbox_wait(mailbox, -1));
    tr_mailbox_free(mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop_receives_everything),
        cmocka_unit_test(test_mailbox_order_and_wake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
