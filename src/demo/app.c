/* SPDX-License-Identifier: MIT */
/*
 * The product: boards, cards, and now and then a save that fails. Everything that is saved goes
 * through one route; while that is broken people try again, give up, and remember.
 */
#include "demo_priv.h"

#include <stdio.h>

#define APP "https://app.planboard.example"

enum { FIRST_SAVES = 4 }; /* that the first board takes */

static const double pages_go_on[] = {[CORE] = 0.80, [CASUAL] = 0.70, [PASSING] = 0.58};
static const double activates[] = {[CORE] = 0.85, [CASUAL] = 0.55, [PASSING] = 0.17};

static void go_to(struct visit *visit, const char *path)
{
    struct dice *dice = &visit->demo->dice;
    bool board = path[strlen(path) - 1] == '/';
    int number = (int)(visit->person->key % 9000) + 1000 + tr_dice_below(dice, 3);
    if (board)
        snprintf(visit->url, sizeof visit->url, APP "%s%d", path, number);
    else
        snprintf(visit->url, sizeof visit->url, APP "%s", path);
}

/* Saving --------------------------------------------------------------------------------------- */

static void note_hit(struct visit *visit)
{
    struct person *person = visit->person;
    visit->failed++;
    if (person->hit < 0 && visit->at_us < visit->demo->options.end_us)
        visit->demo->facts.people_hit++;
    person->hit = visit->demo->day;
}

static bool save_once(struct visit *visit)
{
    const struct story *story = &visit->demo->story;
    int64_t at_us = visit->at_us;
    if (tr_demo_request(visit, ROUTE_SAVE) < 500)
        return true;
    tr_demo_visit_say(visit, ERROR,
                      "\"type\":\"SaveError\",\"message\":\"Board could not be saved\","
                      "\"fatal\":false,\"route\":\"%s\"",
                      tr_demo_routes[ROUTE_SAVE].path);
    if (tr_demo_during(story, MARK_BROKEN, MARK_BACK, at_us))
        note_hit(visit);
    return false;
}

static bool save(struct visit *visit)
{
    if (save_once(visit))
        return true;
    if (!tr_dice_chance(&visit->demo->dice, 0.6))
        return false;
    tr_demo_wait(visit, 2, 9);
    return save_once(visit);
}

/* Using ---------------------------------------------------------------------------------------- */

/* Returns a number of feature. */
static int pick_feature(struct visit *visit)
{
    bool timeline = tr_demo_since(&visit->demo->story, MARK_TIMELINE, visit->at_us);
    double weights[FEATURE_COUNT];
    for (int i = 0; i < FEATURE_COUNT; i++) {
        bool used = visit->person->features >> i & 1 && (i != FEATURE_TIMELINE || timeline);
        weights[i] = used ? tr_demo_features[i].weight : 0;
    }
    weights[0] += 0.01; /* for those who use none */
    return tr_dice_pick(&visit->demo->dice, weights, FEATURE_COUNT);
}

static void use_feature(struct visit *visit, int number)
{
    const struct feature *feature = &tr_demo_features[number];
    tr_demo_visit_say(visit, FEATURE_USED, "\"feature\":\"%s\"", feature->name);
    if (feature->route == ROUTE_SAVE)
        save(visit);
    else if (feature->route >= 0)
        tr_demo_request(visit, feature->route);
    if (number == FEATURE_TIMELINE)
        tr_demo_measure_faults(visit, true);
}

static void use_page(struct visit *visit)
{
    struct dice *dice = &visit->demo->dice;
    int uses = tr_dice_poisson(dice, visit->person->kind == CORE ? 1.7 : 1.2);
    for (int i = 0; i < uses; i++) {
        tr_demo_wait(visit, 4, 60);
        use_feature(visit, pick_feature(visit));
    }
    tr_demo_measure_faults(visit, false);
    tr_demo_linger(visit, 35);
}

static void open_next_page(struct visit *visit)
{
    struct dice *dice = &visit->demo->dice;
    double weights[8];
    for (int i = 0; i < tr_demo_app_page_count; i++)
        weights[i] = tr_demo_app_pages[i].weight;
    const struct page *page =
        &tr_demo_app_pages[tr_dice_pick(dice, weights, tr_demo_app_page_count)];
    char referrer[URL_BYTES];
    snprintf(referrer, sizeof referrer, "%s", visit->url);
    go_to(visit, page->path);
    tr_demo_open_page(visit, page->title, referrer);
    tr_demo_request(visit, page == tr_demo_app_pages ? ROUTE_BOARD : ROUTE_BOARDS);
    if (tr_dice_chance(dice, 0.5))
        tr_demo_request(visit, ROUTE_NOTES);
}

/* The first board ------------------------------------------------------------------------------ */

/* Who does not get it done may not try again. */
static void lose_heart(struct person *person, struct dice *dice)
{
    if (tr_dice_chance(dice, 0.55))
        person->kind = PASSING;
}

static void try_to_activate(struct visit *visit)
{
    struct person *person = visit->person;
    struct dice *dice = &visit->demo->dice;
    if (person->activated || visit->demo->day - person->sign_up > 7 ||
        !tr_dice_chance(dice, activates[person->kind]))
        return;
    for (int i = 0; i < FIRST_SAVES; i++) {
        tr_demo_wait(visit, 10, 50);
        tr_demo_visit_say(visit, FEATURE_USED, "\"feature\":\"%s\"", tr_demo_features[0].name);
        if (!save_once(visit)) {
            lose_heart(person, dice);
            return;
        }
    }
    person->activated = true;
    tr_demo_conversion(visit, "activated");
    tr_demo_ask_effort(visit);
    tr_demo_begin_trial(visit);
}

/* The visit ------------------------------------------------------------------------------------ */

static void sign_in(struct visit *visit)
{
    go_to(visit, "/login");
    tr_demo_open_page(visit, "Sign in - Planboard", NULL);
    tr_demo_measure_page(visit, false);
    tr_demo_wait(visit, 5, 30);
    if (tr_demo_request(visit, ROUTE_SESSION) >= 400) {
        tr_demo_wait(visit, 5, 20);
        tr_demo_request(visit, ROUTE_SESSION);
    }
    tr_demo_visit_identify(visit);
}

static void open_product(struct visit *visit)
{
    go_to(visit, "/boards");
    tr_demo_open_page(visit, "My boards - Planboard", NULL);
    tr_demo_measure_page(visit, true);
    tr_demo_request(visit, ROUTE_ME);
    tr_demo_request(visit, ROUTE_BOARDS);
    tr_demo_request(visit, ROUTE_NOTES);
    tr_demo_linger(visit, 12);
}

void tr_demo_app_visit(struct visit *visit)
{
    struct dice *dice = &visit->demo->dice;
    struct person *person = visit->person;
    if (!visit->device->known && visit->demo->day >= person->identified)
        sign_in(visit);
    open_product(visit);
    try_to_activate(visit);
    do {
        open_next_page(visit);
        use_page(visit);
        if (visit->failed >= 2 && tr_dice_chance(dice, 0.5))
            break;
    } while (tr_dice_chance(dice, pages_go_on[person->kind]));
    tr_demo_feedback(visit);
}
