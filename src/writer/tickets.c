/* SPDX-License-Identifier: MIT */
/* Requests that wait for their commit. A tag is never given twice in a process's life; the high
 * half is random, so that records of an earlier process match nobody. */
#include "writer_loop.h"

#include "traction/base/clock.h"
#include "traction/base/hash.h"

void tr_tickets_init(struct tickets *tickets)
{
    pthread_mutex_init(&tickets->lock, NULL);
    uint32_t high = 0;
    tr_random(&high, sizeof high);
    tickets->next_tag = ((uint64_t)high << 32) + 1;
}

static struct tr_commit_ticket **find(struct tickets *tickets, uint64_t tag)
{
    struct tr_commit_ticket **link = &tickets->buckets[tag % TICKET_BUCKETS];
    while (*link != NULL && (*link)->tag != tag)
        link = &(*link)->next;
    return link;
}

/* Under the lock. */
static struct tr_commit_ticket *take(struct tickets *tickets, struct tr_commit_ticket **link)
{
    struct tr_commit_ticket *ticket = *link;
    *link = ticket->next;
    tickets->count--;
    return ticket;
}

static void expire(struct tickets *tickets, int64_t now_us)
{
    pthread_mutex_lock(&tickets->lock);
    for (size_t i = 0; i < TICKET_BUCKETS && tickets->count > 0; i++) {
        struct tr_commit_ticket **link = &tickets->buckets[i];
        while (*link != NULL) {
            if ((*link)->deadline_us > now_us) {
                link = &(*link)->next;
                continue;
            }
            struct tr_commit_ticket *ticket = take(tickets, link);
            ticket->committed = false;
            tr_loop_post(ticket->loop, &ticket->message);
        }
    }
    pthread_mutex_unlock(&tickets->lock);
}

void tr_tickets_fini(struct tickets *tickets)
{
    pthread_mutex_destroy(&tickets->lock);
}

bool tr_tickets_waiting(struct tickets *tickets)
{
    pthread_mutex_lock(&tickets->lock);
    bool waiting = tickets->count > 0;
    pthread_mutex_unlock(&tickets->lock);
    return waiting;
}

void tr_tickets_committed(struct tickets *tickets, const struct item *items, size_t count)
{
    pthread_mutex_lock(&tickets->lock);
    for (size_t i = 0; i < count && tickets->count > 0; i++) {
        if (items[i].tag == 0)
            continue;
        struct tr_commit_ticket **link = find(tickets, items[i].tag);
        struct tr_commit_ticket *ticket = *link;
        if (ticket == NULL)
            continue;
        ticket->done++;
        ticket->duplicates += items[i].duplicate;
        if (ticket->done < ticket->records)
            continue;
        take(tickets, link);
        ticket->committed = true;
        tr_loop_post(ticket->loop, &ticket->message);
    }
    pthread_mutex_unlock(&tickets->lock);
}

void tr_writer_expect(struct tr_writer *writer, struct tr_commit_ticket *ticket)
{
    struct tickets *tickets = &writer->tickets;
    ticket->done = 0;
    ticket->duplicates = 0;
    ticket->committed = false;
    ticket->deadline_us = INT64_MAX;
    pthread_mutex_lock(&tickets->lock);
    ticket->tag = tickets->next_tag++;
    struct tr_commit_ticket **link = &tickets->buckets[ticket->tag % TICKET_BUCKETS];
    ticket->next = *link;
    *link = ticket;
    tickets->count++;
    pthread_mutex_unlock(&tickets->lock);
}

void tr_writer_set_deadline(struct tr_writer *writer, struct tr_commit_ticket *ticket,
                            int timeout_ms)
{
    pthread_mutex_lock(&writer->tickets.lock);
    ticket->deadline_us = tr_clock_mono_us() + (int64_t)timeout_ms * 1000;
    pthread_mutex_unlock(&writer->tickets.lock);
}

bool tr_writer_forget(struct tr_writer *writer, struct tr_commit_ticket *ticket)
{
    pthread_mutex_lock(&writer->tickets.lock);
    struct tr_commit_ticket **link = find(&writer->tickets, ticket->tag);
    bool found = *link != NULL;
    if (found)
        take(&writer->tickets, link);
    pthread_mutex_unlock(&writer->tickets.lock);
    return found;
}

void tr_writer_expire(struct tr_writer *writer)
{
    expire(&writer->tickets, tr_clock_mono_us());
}
