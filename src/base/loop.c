/* SPDX-License-Identifier: MIT */
#include "traction/base/loop.h"

#include "traction/base/alloc.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int tr_thread_start(pthread_t *thread_out, const char *name, void *(*run)(void *context),
                    void *context, struct tr_error *error)
{
    int code = pthread_create(thread_out, NULL, run, context);
    if (code != 0)
        return tr_error_set(error, -code, "could not start the %s thread: %s", name,
                            strerror(code));
    pthread_setname_np(*thread_out, name);
    return 0;
}

struct queue {
    struct tr_message *first;
    struct tr_message *last;
};

static void queue_append(struct queue *queue, struct tr_message *first, struct tr_message *last)
{
    last->next = NULL;
    if (queue->last != NULL)
        queue->last->next = first;
    else
        queue->first = first;
    queue->last = last;
}

static struct tr_message *queue_take(struct queue *queue)
{
    struct tr_message *first = queue->first;
    *queue = (struct queue){0};
    return first;
}

struct tr_mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct queue queue;
    bool woken;
};

struct tr_mailbox *tr_mailbox_new(void)
{
    struct tr_mailbox *mailbox = tr_calloc(1, sizeof *mailbox);
    pthread_mutex_init(&mailbox->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&mailbox->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    return mailbox;
}

void tr_mailbox_free(struct tr_mailbox *mailbox)
{
    if (mailbox == NULL)
        return;
    pthread_cond_destroy(&mailbox->filled);
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

void tr_mailbox_post(struct tr_mailbox *mailbox, struct tr_message *message)
{
    pthread_mutex_lock(&mailbox->lock);
    queue_append(&mailbox->queue, message, message);
    pthread_cond_signal(&mailbox->filled);
    pthread_mutex_unlock(&mailbox->lock);
}

void tr_mailbox_wake(struct tr_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->woken = true;
    pthread_cond_broadcast(&mailbox->filled);
    pthread_mutex_unlock(&mailbox->lock);
}

static void wait_filled(struct tr_mailbox *mailbox, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    if (timeout_ms >= 0) {
        until.tv_sec += timeout_ms / 1000;
        until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
    }
    while (mailbox->queue.first == NULL && !mailbox->woken) {
        if (timeout_ms < 0)
            pthread_cond_wait(&mailbox->filled, &mailbox->lock);
        else if (pthread_cond_timedwait(&mailbox->filled, &mailbox->lock, &until) == ETIMEDOUT)
            break;
    }
    mailbox->woken = false;
}

struct tr_message *tr_mailbox_wait(struct tr_mailbox *mailbox, int timeout_ms)
{
    pthread_mutex_lock(&mailbox->lock);
    wait_filled(mailbox, timeout_ms);
    struct tr_message *first = queue_take(&mailbox->queue);
    pthread_mutex_unlock(&mailbox->lock);
    return first;
}

struct tr_message *tr_mailbox_wait_one(struct tr_mailbox *mailbox, int timeout_ms)
{
    pthread_mutex_lock(&mailbox->lock);
    wait_filled(mailbox, timeout_ms);
    struct tr_message *message = mailbox->queue.first;
    if (message != NULL) {
        mailbox->queue.first = message->next;
        if (mailbox->queue.first == NULL)
            mailbox->queue.last = NULL;
        else
            pthread_cond_signal(&mailbox->filled);
        message->next = NULL;
    }
    pthread_mutex_unlock(&mailbox->lock);
    return message;
}

struct tr_loop {
    struct event_base *base;
    struct event *wake_event;
    int wake_fd;
    pthread_mutex_t lock;
    struct queue queue; /* guarded by lock */
    bool stopping;      /* guarded by lock */
};

static void wake(struct tr_loop *loop)
{
    uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct tr_loop *loop = context;
    uint64_t count;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&loop->lock);
    struct tr_message *message = queue_take(&loop->queue);
    bool stopping = loop->stopping;
    pthread_mutex_unlock(&loop->lock);
    while (message != NULL) {
        struct tr_message *next = message->next;
        message->run(message);
        message = next;
    }
    if (stopping)
        event_base_loopbreak(loop->base);
}

int tr_loop_new(struct tr_loop **loop_out, struct tr_error *error)
{
    struct tr_loop *loop = tr_calloc(1, sizeof *loop);
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0) {
        int code = -errno;
        pthread_mutex_destroy(&loop->lock);
        free(loop);
        return tr_error_set(error, code, "could not create an eventfd: %s", strerror(-code));
    }
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    if (loop->base == NULL) {
        tr_loop_free(loop);
        return tr_error_set(error, -EMFILE, "could not create an event loop");
    }
    loop->wake_event = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    event_add(loop->wake_event, NULL);
    *loop_out = loop;
    return 0;
}

void tr_loop_free(struct tr_loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->wake_event != NULL)
        event_free(loop->wake_event);
    if (loop->base != NULL)
        event_base_free(loop->base);
    close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

struct event_base *tr_loop_base(struct tr_loop *loop)
{
    return loop->base;
}

void tr_loop_run(struct tr_loop *loop)
{
    event_base_dispatch(loop->base);
}

void tr_loop_stop(struct tr_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->stopping = true;
    pthread_mutex_unlock(&loop->lock);
    wake(loop);
}

void tr_loop_post_chain(struct tr_loop *loop, struct tr_message *first, struct tr_message *last)
{
    pthread_mutex_lock(&loop->lock);
    bool was_empty = loop->queue.first == NULL;
    queue_append(&loop->queue, first, last);
    pthread_mutex_unlock(&loop->lock);
    if (was_empty)
        wake(loop);
}

void tr_loop_post(struct tr_loop *loop, struct tr_message *message)
{
    tr_loop_post_chain(loop, message, message);
}
