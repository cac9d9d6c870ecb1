/* SPDX-License-Identifier: MIT */
/*
 * A thread that does one thing at a time for the writer's own: sends rows, or reads the next batch,
 * while the writer works on something else. Between start and finish, what the task uses is the
 * helper's alone.
 */
#include "writer_loop.h"

#include <semaphore.h>
#include <stdlib.h>

struct tr_helper {
    pthread_t thread;
    sem_t begin;
    sem_t end;
    int (*task)(void *context, struct tr_error *error); /* NULL: end the thread */
    void *context;
    int result;
    struct tr_error error;
};

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        ;
}

static void *run(void *context)
{
    struct tr_helper *helper = context;
    for (;;) {
        wait_for(&helper->begin);
        if (helper->task == NULL)
            return NULL;
        helper->error = TR_ERROR_INIT;
        helper->result = helper->task(helper->context, &helper->error);
        sem_post(&helper->end);
    }
}

int tr_helper_new(struct tr_helper **helper_out, const char *name, struct tr_error *error)
{
    struct tr_helper *helper = tr_calloc(1, sizeof *helper);
    sem_init(&helper->begin, 0, 0);
    sem_init(&helper->end, 0, 0);
    int result = tr_thread_start(&helper->thread, name, run, helper, error);
    if (result < 0) {
        free(helper);
        return result;
    }
    *helper_out = helper;
    return 0;
}

void tr_helper_free(struct tr_helper *helper)
{
    if (helper == NULL)
        return;
    helper->task = NULL;
    sem_post(&helper->begin);
    pthread_join(helper->thread, NULL);
    sem_destroy(&helper->begin);
    sem_destroy(&helper->end);
    free(helper);
}

void tr_helper_start(struct tr_helper *helper, int (*task)(void *context, struct tr_error *error),
                     void *context)
{
    helper->task = task;
    helper->context = context;
    sem_post(&helper->begin);
}

int tr_helper_finish(struct tr_helper *helper, struct tr_error *error)
{
    wait_for(&helper->end);
    if (helper->result < 0)
        *error = helper->error;
    return helper->result;
}
