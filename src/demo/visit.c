/* SPDX-License-Identifier: MIT */
/* Somebody at a device, for a while: who, where and when of the events that come from there. */
#include "demo_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

const struct country *tr_demo_visit_country(const struct visit *visit)
{
    return &tr_demo_countries[visit->person->country];
}

const struct agent *tr_demo_visit_agent(const struct visit *visit)
{
    return &tr_demo_agents[visit->device->agent];
}

static void set_user(struct visit *visit)
{
    visit->user[0] = '\0';
    if (visit->device->known)
        snprintf(visit->user, sizeof visit->user, "u_%" PRIu32, visit->person->number);
}

/* Phones without a connection keep what happens for later. */
static int64_t pick_delay(struct visit *visit)
{
    struct dice *dice = &visit->demo->dice;
    if (tr_demo_visit_agent(visit)->form != PHONE || !tr_dice_chance(dice, 0.04))
        return 0;
    return (int64_t)(tr_dice_between(dice, 1.5, 9) * (double)HOUR_US);
}

void tr_demo_visit_begin(struct visit *visit, struct tr_demo *demo, struct person *person,
                         int device, int64_t at_us)
{
    *visit = (struct visit){.demo = demo, .person = person, .at_us = at_us};
    visit->device = &person->devices[device];
    uint64_t anonymous = tr_dice_mix(person->key + (uint64_t)device);
    snprintf(visit->anonymous, sizeof visit->anonymous, "a_%016" PRIx64, anonymous);
    if (person->has_sessions)
        snprintf(visit->session, sizeof visit->session, "s_%016" PRIx64,
                 tr_dice_mix(anonymous ^ (uint64_t)at_us));
    visit->delay_us = pick_delay(visit);
    set_user(visit);
}

void tr_demo_wait(struct visit *visit, double least_seconds, double most_seconds)
{
    double seconds = tr_dice_between(&visit->demo->dice, least_seconds, most_seconds);
    visit->at_us += (int64_t)(seconds * (double)SECOND_US);
}

bool tr_demo_visit_put(struct visit *visit, struct event *event)
{
    event->at_us = visit->at_us;
    event->sent_us = visit->at_us + visit->delay_us;
    event->agent = visit->device->agent;
    event->user = visit->user;
    event->anonymous = visit->anonymous;
    event->session = visit->session;
    event->country = tr_demo_visit_country(visit)->code;
    return tr_demo_put(visit->demo, event);
}

bool tr_demo_visit_say(struct visit *visit, enum name name, const char *format, ...)
{
    char properties[PROPERTIES_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(properties, sizeof properties, format, args);
    va_end(args);
    struct event event = {.name = name, .url = visit->url, .properties = properties};
    return tr_demo_visit_put(visit, &event);
}

void tr_demo_visit_identify(struct visit *visit)
{
    static const char *const roles[] = {"founder", "designer", "developer", "product", "marketing"};
    visit->device->known = true;
    set_user(visit);
    tr_demo_visit_say(visit, IDENTIFY, "\"role\":\"%s\"",
                      roles[visit->person->key % COUNT_OF(roles)]);
}

void tr_demo_open_page(struct visit *visit, const char *title, const char *referrer)
{
    struct event event = {
        .name = PAGE_VIEW, .url = visit->url, .referrer = referrer, .title = title};
    tr_demo_visit_put(visit, &event);
}

void tr_demo_engaged(struct visit *visit, double seconds)
{
    struct event event = {.name = ENGAGED_TIME,
                          .url = visit->url,
                          .has_value = true,
                          .value = seconds * 1000,
                          .unit = "ms"};
    tr_demo_visit_put(visit, &event);
}

void tr_demo_linger(struct visit *visit, double median_seconds)
{
    struct dice *dice = &visit->demo->dice;
    double seconds = tr_dice_lognormal(dice, median_seconds, 0.8);
    seconds = seconds < 1200 ? seconds : 1200;
    visit->at_us += (int64_t)(seconds * (double)SECOND_US);
    tr_demo_engaged(visit, seconds * tr_dice_between(dice, 0.35, 0.95));
}
