/* SPDX-License-Identifier: MIT */
/*
 * Days, one after the other. What a day brings goes to the pool, as lines of text; those that are
 * due before the next midnight are sorted by their time and handed out, one batch for each
 * User-Agent. The rest waits in the pool for its day. So memory holds little more than a day.
 */
#include "demo_priv.h"

#include <stdlib.h>

/* How many events scale 1 brings. */
static const double events_at_scale_1 = 1.27e6;

enum { POOL_MAX_BYTES = 1 << 30, LINE_MAX_BYTES = 4096 };

void tr_demo_options_init(struct tr_demo_options *options)
{
    *options = (struct tr_demo_options){
        .seed = 1, .events = 1000000, .batch_events = 1000, .batch_bytes = 1000000};
}

struct tr_demo *tr_demo_new(const struct tr_demo_options *options)
{
    struct tr_demo *demo = tr_calloc(1, sizeof *demo);
    demo->options = *options;
    demo->scale = (double)options->events / events_at_scale_1;
    demo->day = -1;
    demo->flushed = -1;
    tr_demo_story_init(&demo->story, options->end_us);
    tr_dice_seed(&demo->dice, options->seed);
    for (int i = 0; i < 2; i++)
        tr_buf_init(&demo->pools[i].text, POOL_MAX_BYTES);
    for (int i = 0; i < AGENT_COUNT; i++)
        tr_buf_init(&demo->outboxes[i].body, options->batch_bytes + LINE_MAX_BYTES);
    demo->pool = &demo->pools[0];
    demo->facts.from_us = demo->story.start_us;
    demo->facts.to_us = options->end_us;
    demo->facts.broken_from_us = demo->story.marks[MARK_BROKEN].at_us;
    demo->facts.broken_to_us = demo->story.marks[MARK_BACK].at_us;
    tr_demo_populate(demo);
    return demo;
}

void tr_demo_free(struct tr_demo *demo)
{
    if (demo == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        tr_buf_fini(&demo->pools[i].text);
        free(demo->pools[i].lines);
    }
    for (int i = 0; i < AGENT_COUNT; i++)
        tr_buf_fini(&demo->outboxes[i].body);
    free(demo->people);
    free(demo);
}

/* The pool ------------------------------------------------------------------------------------- */

static void add_line(struct pool *pool, const struct line *line)
{
    if (pool->count == pool->capacity) {
        pool->capacity = pool->capacity > 0 ? pool->capacity * 2 : 4096;
        pool->lines = tr_realloc(pool->lines, pool->capacity * sizeof *pool->lines);
    }
    pool->lines[pool->count++] = *line;
}

static void count_event(struct tr_demo *demo, const struct event *event)
{
    demo->facts.events++;
    demo->facts.by_name[event->name]++;
    if (tr_demo_agents[event->agent].form == BOT)
        demo->facts.bot_events++;
}

bool tr_demo_put(struct tr_demo *demo, const struct event *event)
{
    struct pool *pool = demo->pool;
    struct line line = {.order_us = event->sent_us > 0 ? event->sent_us : event->at_us,
                        .number = demo->number++,
                        .offset = pool->text.size,
                        .agent = event->agent};
    if (line.order_us >= demo->options.end_us)
        return false;
    tr_demo_write(&pool->text, event, demo->options.seed, line.number);
    line.size = (uint32_t)(pool->text.size - line.offset);
    add_line(pool, &line);
    count_event(demo, event);
    return true;
}

static int compare_lines(const void *left, const void *right)
{
    const struct line *a = left;
    const struct line *b = right;
    if (a->order_us != b->order_us)
        return a->order_us < b->order_us ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Leaves the lines that have gone out behind. */
static void renew_pool(struct tr_demo *demo)
{
    struct pool *old = demo->pool;
    struct pool *new = old == &demo->pools[0] ? &demo->pools[1] : &demo->pools[0];
    new->count = 0;
    tr_buf_clear(&new->text, new->text.capacity);
    for (size_t i = demo->next; i < old->count; i++) {
        struct line line = old->lines[i];
        line.offset = new->text.size;
        tr_buf_append(&new->text, old->text.data + old->lines[i].offset, line.size);
        add_line(new, &line);
    }
    demo->pool = new;
    demo->next = 0;
}

/* Days ----------------------------------------------------------------------------------------- */

/* False after the last one. */
static bool simulate_day(struct tr_demo *demo)
{
    if (demo->day + 1 == TR_DEMO_DAYS)
        return false;
    renew_pool(demo);
    demo->day++;
    tr_demo_people_day(demo);
    tr_demo_interviews(demo);
    tr_demo_costs(demo);
    tr_demo_bots(demo);
    demo->until_us = demo->story.start_us + (demo->day + 1) * DAY_US;
    qsort(demo->pool->lines, demo->pool->count, sizeof *demo->pool->lines, compare_lines);
    return true;
}

/* Batches -------------------------------------------------------------------------------------- */

static bool is_full(const struct tr_demo *demo, const struct outbox *outbox, size_t more)
{
    return outbox->events == demo->options.batch_events ||
           outbox->body.size + more > demo->options.batch_bytes;
}

/* Moves the day's lines to the outboxes until one is full; its agent, or -1 at the day's end. */
static int fill_outboxes(struct tr_demo *demo)
{
    const struct pool *pool = demo->pool;
    for (; demo->next < pool->count; demo->next++) {
        const struct line *line = &pool->lines[demo->next];
        struct outbox *outbox = &demo->outboxes[line->agent];
        if (line->order_us >= demo->until_us)
            return -1;
        if (is_full(demo, outbox, line->size))
            return line->agent;
        tr_buf_append(&outbox->body, pool->text.data + line->offset, line->size);
        outbox->events++;
    }
    return -1;
}

static int find_outbox(const struct tr_demo *demo)
{
    for (int i = 0; i < AGENT_COUNT; i++)
        if (demo->outboxes[i].events > 0)
            return i;
    return -1;
}

static void empty_outbox(struct outbox *outbox)
{
    tr_buf_clear(&outbox->body, outbox->body.capacity);
    outbox->events = 0;
}

bool tr_demo_next(struct tr_demo *demo, struct tr_demo_batch *batch_out)
{
    if (demo->flushed >= 0)
        empty_outbox(&demo->outboxes[demo->flushed]);
    int agent = fill_outboxes(demo);
    if (agent < 0)
        agent = find_outbox(demo);
    while (agent < 0 && simulate_day(demo)) {
        agent = fill_outboxes(demo);
        if (agent < 0)
            agent = find_outbox(demo);
    }
    demo->flushed = agent;
    if (agent < 0)
        return false;
    *batch_out = (struct tr_demo_batch){.user_agent = tr_demo_agents[agent].text,
                                        .body = tr_buf_slice(&demo->outboxes[agent].body),
                                        .events = demo->outboxes[agent].events};
    return true;
}

/* What there was to find ----------------------------------------------------------------------- */

const struct tr_demo_mark *tr_demo_marks(const struct tr_demo *demo, size_t *count_out)
{
    const struct story *story = &demo->story;
    *count_out = 0;
    while (*count_out < MARK_COUNT && story->marks[*count_out].at_us < demo->options.end_us)
        ++*count_out;
    return story->marks;
}

void tr_demo_get_facts(const struct tr_demo *demo, struct tr_demo_facts *facts_out)
{
    *facts_out = demo->facts;
}
