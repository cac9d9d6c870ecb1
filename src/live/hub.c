/* SPDX-License-Identifier: MIT */
/*
 * The thread. Once a second, and as soon as a project is watched for the first time, it looks at
 * each watched project and hands the new frame to every subscribed loop. Connected only while there
 * is anything to watch. When PostgreSQL is away, frames go on with what was last known, marked
 * stale.
 *
 * Subscriptions belong to the loops; the lock guards the list of them and what they hold.
 */
#include "live_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/clock.h"
#include "traction/base/log.h"

#include <errno.h>
#include <stdlib.h>

enum {
    PERIOD_US = 1000000,
    STATEMENT_TIMEOUT_MS = 5000,
    CONNECT_TIMEOUT_S = 2,
    LEAVE_US = 10000000
};

struct tr_live_subscription {
    struct tr_message message; /* posted while a frame waits for the loop */
    struct tr_live *live;
    struct tr_live_subscriber subscriber;
    struct tr_live_frame *frame;
    bool posted;
    bool closed; /* freed as soon as it is not posted */
    bool fresh;  /* the thread has not seen it yet */
    struct tr_live_subscription *next;
};

/* A watched project; the thread's own. */
struct topic {
    int32_t project_id;
    struct window *window;
    struct tr_live_frame *frame; /* the last */
    int64_t number;
    int64_t events_shown;
    int64_t looked_us;  /* 0: never */
    int64_t watched_us; /* when somebody listened last */
    bool wanted;
    bool fresh;
    struct topic *next;
};

struct tr_live {
    struct tr_live_options options;
    pthread_t thread;
    struct tr_mailbox *mailbox; /* only ever woken */
    pthread_mutex_t lock;
    struct tr_live_subscription *subscriptions; /* guarded by lock */
    bool stopping;                              /* guarded by lock */
    struct tr_pg *pg;
    struct topic *topics;
    int64_t retry_us; /* not connecting before; mono */
    bool complained;
};

void tr_live_options_init(struct tr_live_options *options)
{
    *options = (struct tr_live_options){.projects = 100};
}

/* Subscriptions -------------------------------------------------------------------------------- */

static void unlink_locked(struct tr_live *live, struct tr_live_subscription *subscription)
{
    struct tr_live_subscription **at = &live->subscriptions;
    while (*at != subscription)
        at = &(*at)->next;
    *at = subscription->next;
}

static void on_message(struct tr_message *message)
{
    struct tr_live_subscription *subscription = (struct tr_live_subscription *)message;
    struct tr_live *live = subscription->live;
    pthread_mutex_lock(&live->lock);
    struct tr_live_frame *frame = TR_TAKE(subscription->frame);
    bool closed = subscription->closed;
    subscription->posted = false;
    if (closed)
        unlink_locked(live, subscription);
    pthread_mutex_unlock(&live->lock);
    if (closed) {
        tr_live_frame_free(frame);
        free(subscription);
    } else {
        subscription->subscriber.on_frame(frame, subscription->subscriber.context);
    }
}

/* Projects that others watch, this one left out. */
static int count_others_locked(const struct tr_live *live, int32_t project_id)
{
    int count = 0;
    for (const struct tr_live_subscription *a = live->subscriptions; a != NULL; a = a->next) {
        bool again = a->closed || a->subscriber.project_id == project_id;
        for (const struct tr_live_subscription *b = a->next; b != NULL && !again; b = b->next)
            again = !b->closed && b->subscriber.project_id == a->subscriber.project_id;
        count += !again;
    }
    return count;
}

struct tr_live_subscription *tr_live_subscribe(struct tr_live *live,
                                               const struct tr_live_subscriber *subscriber)
{
    struct tr_live_subscription *subscription = tr_calloc(1, sizeof *subscription);
    subscription->message.run = on_message;
    subscription->live = live;
    subscription->subscriber = *subscriber;
    subscription->fresh = true;
    pthread_mutex_lock(&live->lock);
    bool room = count_others_locked(live, subscriber->project_id) < live->options.projects;
    if (room) {
        subscription->next = live->subscriptions;
        live->subscriptions = subscription;
    }
    pthread_mutex_unlock(&live->lock);
    if (!room) {
        free(subscription);
        return NULL;
    }
    tr_mailbox_wake(live->mailbox);
    return subscription;
}

void tr_live_unsubscribe(struct tr_live_subscription *subscription)
{
    struct tr_live *live = subscription->live;
    pthread_mutex_lock(&live->lock);
    bool posted = subscription->posted;
    subscription->closed = true;
    if (!posted)
        unlink_locked(live, subscription);
    pthread_mutex_unlock(&live->lock);
    if (!posted)
        free(subscription);
}

/* Hands a topic's frame to all that want it, or to those only that have never had one. */
static void publish(struct tr_live *live, const struct topic *topic, bool fresh_only)
{
    pthread_mutex_lock(&live->lock);
    for (struct tr_live_subscription *at = live->subscriptions; at != NULL; at = at->next) {
        if (at->closed || at->subscriber.project_id != topic->project_id ||
            (fresh_only && !at->fresh))
            continue;
        at->fresh = false;
        tr_live_frame_free(at->frame);
        at->frame = tr_live_frame_keep(topic->frame);
        if (!at->posted)
            tr_loop_post(at->subscriber.loop, &at->message);
        at->posted = true;
    }
    pthread_mutex_unlock(&live->lock);
}

/* Topics --------------------------------------------------------------------------------------- */

static struct topic *topic_of(struct tr_live *live, int32_t project_id)
{
    struct topic *topic = live->topics;
    while (topic != NULL && topic->project_id != project_id)
        topic = topic->next;
    if (topic == NULL) {
        topic = tr_calloc(1, sizeof *topic);
        topic->project_id = project_id;
        topic->window = tr_live_window_new();
        topic->next = live->topics;
        live->topics = topic;
    }
    return topic;
}

static void free_topic(struct topic *topic)
{
    tr_live_window_free(topic->window);
    tr_live_frame_free(topic->frame);
    free(topic);
}

/* Who is watched now; those that nobody has watched for a while are forgotten. */
static void gather_topics(struct tr_live *live)
{
    int64_t now_us = tr_clock_mono_us();
    for (struct topic *topic = live->topics; topic != NULL; topic = topic->next)
        topic->wanted = topic->fresh = false;
    pthread_mutex_lock(&live->lock);
    for (struct tr_live_subscription *at = live->subscriptions; at != NULL; at = at->next) {
        if (at->closed)
            continue;
        struct topic *topic = topic_of(live, at->subscriber.project_id);
        topic->wanted = true;
        topic->fresh = topic->fresh || at->fresh;
        topic->watched_us = now_us;
    }
    pthread_mutex_unlock(&live->lock);
    for (struct topic **at = &live->topics; *at != NULL;) {
        struct topic *topic = *at;
        if (topic->wanted || now_us - topic->watched_us < LEAVE_US) {
            at = &topic->next;
            continue;
        }
        *at = topic->next;
        free_topic(topic);
    }
}

/* What was known of the database is not, after a connection was lost: it may be another. */
static void forget_windows(struct tr_live *live)
{
    for (struct topic *topic = live->topics; topic != NULL; topic = topic->next) {
        tr_live_window_free(topic->window);
        topic->window = tr_live_window_new();
        topic->looked_us = 0;
        topic->events_shown = 0;
    }
}

/* Looking -------------------------------------------------------------------------------------- */

static int connect_pg(struct tr_live *live, struct tr_error *error)
{
    if (live->pg != NULL && !tr_pg_is_broken(live->pg))
        return 0;
    const struct tr_pg_options options = {.url = live->options.database_url,
                                          .application = "traction live",
                                          .connect_timeout_s = CONNECT_TIMEOUT_S,
                                          .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
                                          .read_only = true};
    /* Once a second for all projects together. */
    if (tr_clock_mono_us() < live->retry_us)
        return tr_error_set(error, -EAGAIN, "PostgreSQL is away");
    tr_pg_close(TR_TAKE(live->pg));
    int result = tr_pg_connect(&live->pg, &options, error);
    if (result == 0)
        forget_windows(live);
    else
        live->retry_us = tr_clock_mono_us() + PERIOD_US / 2;
    return result;
}

static void complain(struct tr_live *live, const struct tr_error *error)
{
    if (!live->complained)
        tr_log(TR_LOG_WARNING, "live: %s; listeners see what was last known", error->message);
    live->complained = true;
}

static void renew_frame(struct topic *topic, bool stale)
{
    int64_t now_us = tr_clock_wall_us();
    struct frame_facts facts = {.number = ++topic->number,
                                .now_us = now_us,
                                .looked_us = topic->looked_us != 0 ? topic->looked_us : now_us,
                                .stale = stale,
                                .events_shown = topic->events_shown};
    tr_live_frame_free(topic->frame);
    topic->frame = tr_live_frame_new(topic->window, &facts);
    topic->events_shown = topic->window->event_count;
}

static void look_at(struct tr_live *live, struct topic *topic)
{
    struct tr_error error = TR_ERROR_INIT;
    int64_t now_us = tr_clock_wall_us();
    int result = connect_pg(live, &error);
    bool first = topic->looked_us == 0;
    if (result == 0)
        result = tr_live_look(live->pg, topic->project_id, topic->window, now_us, &error);
    if (result == 0) {
        topic->looked_us = now_us;
        live->complained = false;
        if (first)
            topic->events_shown = topic->window->event_count; /* those are for newcomers */
    } else {
        complain(live, &error);
        if (live->pg != NULL && !tr_pg_is_broken(live->pg))
            tr_pg_close(TR_TAKE(live->pg));
    }
    renew_frame(topic, result < 0);
    publish(live, topic, false);
}

static bool must_stop(struct tr_live *live)
{
    pthread_mutex_lock(&live->lock);
    bool stopping = live->stopping;
    pthread_mutex_unlock(&live->lock);
    return stopping;
}

/* due: it is a second since the last time; else somebody new is here. */
static void look_around(struct tr_live *live, bool due)
{
    gather_topics(live);
    for (struct topic *topic = live->topics; topic != NULL && !must_stop(live);
         topic = topic->next) {
        if (!topic->wanted)
            continue;
        if (due || topic->frame == NULL)
            look_at(live, topic);
        else if (topic->fresh)
            publish(live, topic, true);
    }
    if (live->topics == NULL)
        tr_pg_close(TR_TAKE(live->pg));
}

static void *run(void *context)
{
    struct tr_live *live = context;
    int64_t next_us = tr_clock_mono_us();
    while (!must_stop(live)) {
        int64_t now_us = tr_clock_mono_us();
        bool due = now_us >= next_us;
        look_around(live, due);
        if (due)
            next_us = now_us - (now_us - next_us) % PERIOD_US + PERIOD_US;
        int64_t left_us = next_us - tr_clock_mono_us();
        int wait_ms = left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
        if (tr_mailbox_wait(live->mailbox, live->topics != NULL ? wait_ms : -1) != NULL)
            abort(); /* nobody posts */
    }
    return NULL;
}

int tr_live_start(struct tr_live **live_out, const struct tr_live_options *options,
                  struct tr_error *error)
{
    struct tr_live *live = tr_calloc(1, sizeof *live);
    live->options = *options;
    live->mailbox = tr_mailbox_new();
    pthread_mutex_init(&live->lock, NULL);
    int result = tr_thread_start(&live->thread, "live", run, live, error);
    if (result < 0) {
        tr_mailbox_free(live->mailbox);
        pthread_mutex_destroy(&live->lock);
        free(live);
        return result;
    }
    *live_out = live;
    return 0;
}

void tr_live_stop(struct tr_live *live)
{
    if (live == NULL)
        return;
    pthread_mutex_lock(&live->lock);
    live->stopping = true;
    pthread_mutex_unlock(&live->lock);
    tr_mailbox_wake(live->mailbox);
    pthread_join(live->thread, NULL);
    while (live->subscriptions != NULL) {
        struct tr_live_subscription *subscription = live->subscriptions;
        live->subscriptions = subscription->next;
        tr_live_frame_free(subscription->frame);
        free(subscription);
    }
    while (live->topics != NULL) {
        struct topic *topic = live->topics;
        live->topics = topic->next;
        free_topic(topic);
    }
    tr_pg_close(live->pg);
    tr_mailbox_free(live->mailbox);
    pthread_mutex_destroy(&live->lock);
    free(live);
}
