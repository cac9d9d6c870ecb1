/* SPDX-License-Identifier: MIT */
/* The marketing site: where visitors come from, what they look at, whether they sign up. */
#include "demo_priv.h"

#include <stdio.h>

#define SITE "https://www.planboard.example"

static const struct page *pick_page(struct dice *dice, const struct page *pages, int count)
{
    double weights[16];
    for (int i = 0; i < count; i++)
        weights[i] = pages[i].weight;
    return &pages[tr_dice_pick(dice, weights, count)];
}

/* With the parameters of a campaign, if that is how they come. */
static void go_to(struct visit *visit, const struct page *page, const char *query)
{
    int used = snprintf(visit->url, sizeof visit->url, SITE "%s", page->path);
    if (query == NULL)
        return;
    const char *number = strstr(query, "%d");
    snprintf(visit->url + used, sizeof visit->url - (size_t)used, "%.*s%d%s", (int)(number - query),
             query, visit->person->campaign, number + 2);
}

static void land(struct visit *visit, bool vitals)
{
    struct dice *dice = &visit->demo->dice;
    const struct channel *channel = &tr_demo_channels[visit->person->channel];
    const struct page *page = pick_page(dice, tr_demo_landing_pages, tr_demo_landing_page_count);
    /* Who comes back has a bookmark, mostly. */
    bool from_channel = visit->person->visits == 0 || tr_dice_chance(dice, 0.3);
    go_to(visit, page, from_channel ? channel->query : NULL);
    const char *referrer = channel->referrers[tr_dice_below(dice, 3)];
    tr_demo_open_page(visit, page->title, from_channel ? referrer : NULL);
    tr_demo_measure_page(visit, vitals);
}

static void look_around(struct visit *visit)
{
    struct dice *dice = &visit->demo->dice;
    do {
        const struct page *page = pick_page(dice, tr_demo_site_pages, tr_demo_site_page_count);
        char referrer[URL_BYTES];
        snprintf(referrer, sizeof referrer, "%s", visit->url);
        tr_demo_linger(visit, 24);
        go_to(visit, page, NULL);
        tr_demo_open_page(visit, page->title, referrer);
        tr_demo_measure_page(visit, tr_dice_chance(dice, 0.25));
    } while (tr_dice_chance(dice, 0.52));
    tr_demo_linger(visit, 30);
}

static void sign_up(struct visit *visit)
{
    static const char *const methods[] = {"email", "email", "google", "google", "microsoft"};
    struct tr_demo *demo = visit->demo;
    struct person *person = visit->person;
    const struct page page = {"/signup", "Sign up - Planboard", 0};
    go_to(visit, &page, NULL);
    tr_demo_open_page(visit, page.title, SITE "/pricing");
    tr_demo_linger(visit, 45);
    tr_demo_visit_say(visit, SIGN_UP, "\"method\":\"%s\",\"channel\":\"%s\"",
                      methods[tr_dice_below(&demo->dice, COUNT_OF(methods))],
                      tr_demo_channels[person->channel].name);
    tr_demo_sign_up(demo, person);
    if (person->identified == demo->day)
        tr_demo_visit_identify(visit);
    tr_demo_ask_reason(visit);
    tr_demo_wait(visit, 1, 4);
    tr_demo_app_visit(visit);
}

void tr_demo_site_visit(struct tr_demo *demo, struct person *person)
{
    struct dice *dice = &demo->dice;
    const struct channel *channel = &tr_demo_channels[person->channel];
    struct visit visit;
    int64_t midnight_us = demo->story.start_us + demo->day * DAY_US;
    tr_demo_visit_begin(&visit, demo, person, 0,
                        midnight_us +
                            tr_demo_pick_time(dice, &tr_demo_countries[person->country], false));
    bool comes_back = person->visits > 0;
    land(&visit, true);
    person->visits++;
    person->next_visit = NEVER;
    if (tr_dice_chance(dice, comes_back ? channel->bounce * 0.5 : channel->bounce)) {
        tr_demo_wait(&visit, 2, 40);
        tr_demo_engaged(&visit, tr_dice_between(dice, 0.8, 9.6));
    } else {
        look_around(&visit);
        if (tr_dice_chance(dice, comes_back ? channel->sign_up * 1.7 : channel->sign_up)) {
            sign_up(&visit);
            return;
        }
    }
    if (tr_dice_chance(dice, comes_back ? 0.15 : 0.27))
        person->next_visit = demo->day + 1 + tr_dice_below(dice, 9);
}

/* Machines that read the site: they run scripts and keep no cookies. */
static void bot_visit(struct tr_demo *demo)
{
    struct dice *dice = &demo->dice;
    struct person bot = {.key = tr_dice_next(dice), .country = 0};
    bot.devices[0].agent = (int8_t)tr_demo_pick_agent(dice, BOT);
    struct visit visit;
    int64_t midnight_us = demo->story.start_us + demo->day * DAY_US;
    tr_demo_visit_begin(&visit, demo, &bot, 0,
                        midnight_us + (int64_t)(tr_dice_unit(dice) * (double)DAY_US));
    const struct page *page = pick_page(dice, tr_demo_landing_pages, tr_demo_landing_page_count);
    go_to(&visit, page, NULL);
    tr_demo_open_page(&visit, page->title, NULL);
    if (tr_dice_chance(dice, 0.4))
        tr_demo_measure_page(&visit, false);
}

void tr_demo_bots(struct tr_demo *demo)
{
    int count = tr_dice_poisson(&demo->dice, 45 * demo->scale);
    for (int i = 0; i < count; i++)
        bot_visit(demo);
}
