/* SPDX-License-Identifier: MIT */
/*
 * Who is there, and who comes on a day.
 *
 * A visitor comes once, some once more within days, and may sign up. Users are of three kinds,
 * which the channel they came by and the onboarding decide: those who work with it, those who come
 * now and then, and those who only try it. Who was hit by the broken release comes less.
 */
#include "demo_priv.h"

#include <math.h>

/* At scale 1. */
static const double visitors_a_day = 150;
static const double users_before = 170;

static const struct {
    double weekday; /* chance to come */
    double fades;   /* days until that chance has fallen to a third of what can fall */
    double stays;   /* share of it that does not */
} habits[] = {[CORE] = {0.74, 150, 0.5}, [CASUAL] = {0.36, 25, 0.22}, [PASSING] = {0.30, 3, 0.0}};

static int day_in(struct tr_demo *demo, int least, int most)
{
    return demo->day + least + tr_dice_below(&demo->dice, most - least + 1);
}

/* Making people -------------------------------------------------------------------------------- */

static int pick_country(struct dice *dice)
{
    double weights[COUNTRY_COUNT];
    for (int i = 0; i < COUNTRY_COUNT; i++)
        weights[i] = tr_demo_countries[i].weight;
    return tr_dice_pick(dice, weights, COUNTRY_COUNT);
}

static int pick_channel(struct tr_demo *demo)
{
    double weights[CHANNEL_COUNT];
    int64_t noon_us = demo->story.start_us + demo->day * DAY_US + DAY_US / 2;
    for (int i = 0; i < CHANNEL_COUNT; i++)
        weights[i] = tr_demo_channels[i].visitors;
    if (tr_demo_during(&demo->story, MARK_CAMPAIGN, MARK_CAMPAIGN_END, noon_us))
        weights[CHANNEL_PAID] *= 2;
    return tr_dice_pick(&demo->dice, weights, CHANNEL_COUNT);
}

static uint16_t pick_features(struct dice *dice)
{
    uint16_t features = 0;
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (tr_dice_chance(dice, tr_demo_features[i].adopted))
            features |= (uint16_t)(1u << i);
    return features;
}

static struct person *make_person(struct tr_demo *demo, int channel)
{
    if (demo->people_count == demo->people_capacity) {
        demo->people_capacity = demo->people_capacity > 0 ? demo->people_capacity * 2 : 1024;
        demo->people = tr_realloc(demo->people, demo->people_capacity * sizeof *demo->people);
    }
    struct dice *dice = &demo->dice;
    struct person *person = &demo->people[demo->people_count++];
    *person = (struct person){.key = tr_dice_next(dice), .channel = (int8_t)channel};
    person->country = (int8_t)pick_country(dice);
    const struct country *country = &tr_demo_countries[person->country];
    bool phone = tr_dice_chance(dice, country->mobile);
    person->devices[0].agent = (int8_t)tr_demo_pick_agent(dice, phone ? PHONE : DESKTOP);
    person->devices[1].agent = (int8_t)tr_demo_pick_agent(dice, phone ? DESKTOP : PHONE);
    person->campaign = (int8_t)(demo->day / 7 + 1);
    person->has_sessions = tr_dice_chance(dice, 0.82);
    person->features = pick_features(dice);
    person->sign_up = person->next_visit = person->second_device = person->identified = NEVER;
    person->trial_end = person->begins_to_pay = person->next_bill = NEVER;
    person->cancelled = person->refund_day = NEVER;
    person->hit = person->last_nps = -NEVER;
    return person;
}

/* Signing up ----------------------------------------------------------------------------------- */

static enum kind_of_user pick_kind(struct tr_demo *demo, const struct person *person)
{
    const struct channel *channel = &tr_demo_channels[person->channel];
    const double onboarding_keeps = 0.34; /* of those who would have gone */
    double weights[] = {[CORE] = channel->core, [CASUAL] = channel->casual, [PASSING] = 0};
    weights[PASSING] = 1 - weights[CORE] - weights[CASUAL];
    if (demo->day >= 0 && tr_demo_since(&demo->story, MARK_ONBOARDING,
                                        demo->story.start_us + demo->day * DAY_US + DAY_US / 2)) {
        double kept = weights[PASSING] * onboarding_keeps;
        weights[PASSING] -= kept;
        weights[CORE] += kept / 2;
        weights[CASUAL] += kept / 2;
    }
    return (enum kind_of_user)tr_dice_pick(&demo->dice, weights, 3);
}

static void become_user(struct tr_demo *demo, struct person *person)
{
    struct dice *dice = &demo->dice;
    person->number = 1000 + ++demo->users;
    person->kind = (int8_t)pick_kind(demo, person);
    if (tr_dice_chance(dice, 0.22))
        person->second_device = day_in(demo, 1, 12);
}

void tr_demo_sign_up(struct tr_demo *demo, struct person *person)
{
    become_user(demo, person);
    person->sign_up = demo->day;
    person->identified = demo->day;
    person->next_visit = NEVER;
    if (tr_dice_chance(&demo->dice, 0.1))
        person->identified = day_in(demo, 1, 4);
    demo->signed_up[person->channel]++;
}

/* Those of the beta: most of who did not like it has gone. */
void tr_demo_populate(struct tr_demo *demo)
{
    struct dice *dice = &demo->dice;
    int count = (int)ceil(users_before * demo->scale);
    for (int i = 0; i < count; i++) {
        struct person *person = make_person(demo, pick_channel(demo));
        become_user(demo, person);
        person->sign_up = -1 - tr_dice_below(dice, 80);
        person->identified = 0;
        person->activated = true;
        person->kind = (int8_t)tr_dice_pick(dice, (double[]){5, 4, 1}, 3);
        if (person->kind != PASSING && tr_dice_chance(dice, 0.3))
            person->begins_to_pay = tr_dice_below(dice, 3);
    }
}

/* A day ---------------------------------------------------------------------------------------- */

static double chance_to_come(struct tr_demo *demo, const struct person *person)
{
    int age = demo->day - person->sign_up;
    double fading = exp(-age / habits[person->kind].fades);
    double stays = habits[person->kind].stays;
    double chance = habits[person->kind].weekday * (stays + (1 - stays) * fading);
    if (tr_demo_is_weekend(&demo->story, demo->day))
        chance *= 0.3;
    if (person->amount > 0)
        chance = fmax(chance, person->kind == CORE ? 0.55 : 0.2) * 1.05;
    if (demo->day - person->hit <= 10)
        chance *= 0.6;
    return chance;
}

static int pick_device(struct tr_demo *demo, const struct person *person)
{
    return demo->day >= person->second_device && tr_dice_chance(&demo->dice, 0.3) ? 1 : 0;
}

static void come(struct tr_demo *demo, struct person *person, int64_t at_us)
{
    struct visit visit;
    tr_demo_visit_begin(&visit, demo, person, pick_device(demo, person), at_us);
    tr_demo_app_visit(&visit);
}

static void user_day(struct tr_demo *demo, struct person *person)
{
    struct dice *dice = &demo->dice;
    if (person->sign_up == demo->day || !tr_dice_chance(dice, chance_to_come(demo, person)))
        return;
    const struct country *country = &tr_demo_countries[person->country];
    int64_t at_us =
        demo->story.start_us + demo->day * DAY_US + tr_demo_pick_time(dice, country, true);
    come(demo, person, at_us);
    if (tr_dice_chance(dice, person->kind == CORE ? 0.45 : 0.12))
        come(demo, person, at_us + (int64_t)(tr_dice_between(dice, 2, 6) * (double)HOUR_US));
}

static void visitors_day(struct tr_demo *demo)
{
    double mean = visitors_a_day * demo->scale * tr_demo_demand(&demo->story, demo->day);
    int count = tr_dice_poisson(&demo->dice, mean);
    for (int i = 0; i < count; i++) {
        struct person *person = make_person(demo, pick_channel(demo));
        demo->visitors[person->channel]++;
        tr_demo_site_visit(demo, person);
    }
}

void tr_demo_people_day(struct tr_demo *demo)
{
    size_t count = demo->people_count;
    visitors_day(demo);
    for (size_t i = 0; i < count; i++) {
        struct person *person = &demo->people[i];
        if (person->next_visit == demo->day)
            tr_demo_site_visit(demo, person);
        if (person->sign_up == NEVER)
            continue;
        user_day(demo, person);
        tr_demo_business_day(demo, person);
    }
}
