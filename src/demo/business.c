/* SPDX-License-Identifier: MIT */
/*
 * Trials, subscriptions, invoices, credits, costs: what the product's own servers send. A trial
 * takes 14 days; a month has 30. Prices are per seat.
 */
#include "demo_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { TRIAL_DAYS = 14, BILLING_DAYS = 30, LAST_CREDIT_DAYS = 12 };

static const char *const plan_names[] = {"free", "team", "business"};
static const int seat_prices[] = {0, 12, 29};
static const double tries[] = {[CORE] = 0.62, [CASUAL] = 0.34, [PASSING] = 0.07};
static const double pays[] = {[CORE] = 0.64, [CASUAL] = 0.24, [PASSING] = 0.02};
static const double cancels_daily[] = {[CORE] = 0.0011, [CASUAL] = 0.0036, [PASSING] = 0.007};

const char *tr_demo_currency(const struct person *person)
{
    bool euro = tr_demo_countries[person->country].euro;
    return euro && person->key % 3 != 0 ? "EUR" : "USD";
}

/* An event from the servers, in the working hours of the day. */
static bool put(struct tr_demo *demo, const struct person *person, enum name name, int amount,
                const char *properties)
{
    char user[ID_BYTES];
    snprintf(user, sizeof user, "u_%" PRIu32, person->number);
    double hour = tr_dice_between(&demo->dice, 7, 19);
    struct event event = {.at_us = demo->story.start_us + demo->day * DAY_US +
                                   (int64_t)(hour * (double)HOUR_US),
                          .agent = SERVER_AGENT,
                          .name = name,
                          .user = user,
                          .has_value = true,
                          .value = amount,
                          .unit = tr_demo_currency(person),
                          .country = tr_demo_countries[person->country].code,
                          .properties = properties};
    return tr_demo_put(demo, &event);
}

/* Conversions ---------------------------------------------------------------------------------- */

void tr_demo_conversion(struct visit *visit, const char *goal)
{
    tr_demo_visit_say(visit, CONVERSION, "\"goal\":\"%s\",\"channel\":\"%s\"", goal,
                      tr_demo_channels[visit->person->channel].name);
}

void tr_demo_begin_trial(struct visit *visit)
{
    struct person *person = visit->person;
    if (!tr_dice_chance(&visit->demo->dice, tries[person->kind]))
        return;
    person->trial_end = visit->demo->day + TRIAL_DAYS;
    tr_demo_wait(visit, 5, 60);
    tr_demo_conversion(visit, "trial");
}

/* Purchases ------------------------------------------------------------------------------------ */

static void purchase(struct tr_demo *demo, const struct person *person, int amount, uint32_t order,
                     const char *item)
{
    char properties[PROPERTIES_BYTES];
    snprintf(properties, sizeof properties, "\"order_id\":\"o_%06" PRIu32 "\",\"item\":\"%s\"",
             order, item);
    put(demo, person, PURCHASE, amount, properties);
}

static void bill(struct tr_demo *demo, struct person *person)
{
    person->next_bill = demo->day + BILLING_DAYS;
    purchase(demo, person, person->amount, ++demo->orders, "subscription");
}

static void buy_credits(struct tr_demo *demo, struct person *person)
{
    static const int packs[] = {49, 49, 49, 99, 99, 199};
    int amount = packs[tr_dice_below(&demo->dice, COUNT_OF(packs))];
    purchase(demo, person, amount, ++demo->orders, "credits");
    if (person->refund_day != NEVER || !tr_dice_chance(&demo->dice, 0.08))
        return;
    person->refund = amount;
    person->refund_order = demo->orders;
    person->refund_day = demo->day + 1 + tr_dice_below(&demo->dice, LAST_CREDIT_DAYS);
}

static void refund(struct tr_demo *demo, struct person *person)
{
    purchase(demo, person, -person->refund, person->refund_order, "refund");
    person->refund_day = NEVER;
}

/* Subscriptions -------------------------------------------------------------------------------- */

static void subscribe(struct tr_demo *demo, struct person *person)
{
    struct dice *dice = &demo->dice;
    bool large = tr_dice_chance(dice, 0.13);
    char properties[PROPERTIES_BYTES];
    person->plan = large ? PLAN_BUSINESS : PLAN_TEAM;
    person->seats = (int)fmin(tr_dice_lognormal(dice, large ? 11 : 4.5, 0.5) + 1, 60);
    person->amount = person->seats * seat_prices[person->plan];
    person->cancelled = NEVER;
    snprintf(properties, sizeof properties,
             "\"plan\":\"%s\",\"previous\":0,\"seats\":%d,\"channel\":\"%s\"",
             plan_names[person->plan], person->seats, tr_demo_channels[person->channel].name);
    put(demo, person, SUBSCRIPTION_STARTED, person->amount, properties);
    bill(demo, person);
}

static void convert_to_paid(struct tr_demo *demo, struct person *person)
{
    char properties[PROPERTIES_BYTES];
    subscribe(demo, person);
    snprintf(properties, sizeof properties, "\"goal\":\"paid\",\"plan\":\"%s\",\"channel\":\"%s\"",
             plan_names[person->plan], tr_demo_channels[person->channel].name);
    put(demo, person, CONVERSION, person->amount, properties);
}

static void change(struct tr_demo *demo, struct person *person, int plan, int seats)
{
    int previous = person->amount;
    char properties[PROPERTIES_BYTES];
    person->plan = (int8_t)plan;
    person->seats = seats > 0 ? seats : 1;
    person->amount = person->seats * seat_prices[plan];
    if (person->amount == previous)
        return;
    snprintf(properties, sizeof properties, "\"plan\":\"%s\",\"previous\":%d,\"seats\":%d",
             plan_names[plan], previous, person->seats);
    put(demo, person, SUBSCRIPTION_CHANGED, person->amount, properties);
}

static bool was_hit(const struct tr_demo *demo, const struct person *person)
{
    return demo->day - person->hit <= 7;
}

static void cancel(struct tr_demo *demo, struct person *person)
{
    static const char *const reasons[] = {"price", "not used", "not used", "missing features",
                                          "project ended"};
    bool outage = was_hit(demo, person) && tr_dice_chance(&demo->dice, 0.9);
    const char *reason = reasons[tr_dice_below(&demo->dice, COUNT_OF(reasons))];
    int previous = person->amount;
    char properties[PROPERTIES_BYTES];
    snprintf(properties, sizeof properties, "\"plan\":\"%s\",\"previous\":%d,\"reason\":\"%s\"",
             plan_names[person->plan], previous, outage ? "lost work" : reason);
    person->amount = 0;
    person->plan = PLAN_FREE;
    person->cancelled = demo->day;
    if (!put(demo, person, SUBSCRIPTION_CANCELLED, 0, properties) || !outage)
        return;
    demo->facts.outage_cancelled++;
    demo->facts.outage_monthly += previous;
}

/* Days ----------------------------------------------------------------------------------------- */

static void customer_day(struct tr_demo *demo, struct person *person)
{
    struct dice *dice = &demo->dice;
    int more = 1 + tr_dice_below(dice, 4);
    double luck = tr_dice_unit(dice);
    if (person->next_bill == demo->day)
        bill(demo, person);
    if (tr_dice_chance(dice, 0.006))
        buy_credits(demo, person);
    if (tr_dice_chance(dice, cancels_daily[person->kind] + (was_hit(demo, person) ? 0.06 : 0)))
        cancel(demo, person);
    else if (luck < 0.0045)
        change(demo, person, person->plan, person->seats + more);
    else if (luck < 0.0045 + 0.0018)
        change(demo, person, person->plan, person->seats - more);
    else if (luck > 1 - 0.0009 && person->plan == PLAN_TEAM)
        change(demo, person, PLAN_BUSINESS, person->seats + more);
}

static void trial_ends(struct tr_demo *demo, struct person *person)
{
    double chance = pays[person->kind] * (was_hit(demo, person) ? 0.4 : 1);
    person->trial_end = NEVER;
    if (tr_dice_chance(&demo->dice, chance))
        convert_to_paid(demo, person);
}

/* Some of those who left come back. */
static void come_back(struct tr_demo *demo, struct person *person)
{
    if (demo->day - person->cancelled > 7 && tr_dice_chance(&demo->dice, 0.01))
        subscribe(demo, person);
}

void tr_demo_business_day(struct tr_demo *demo, struct person *person)
{
    if (person->refund_day == demo->day)
        refund(demo, person);
    if (person->amount > 0)
        customer_day(demo, person);
    else if (person->begins_to_pay == demo->day)
        subscribe(demo, person);
    else if (person->trial_end == demo->day)
        trial_ends(demo, person);
    else
        come_back(demo, person);
}

/* What the channels cost, once a day ------------------------------------------------------------
 */

static void put_cost(struct tr_demo *demo, int channel, double amount)
{
    char properties[PROPERTIES_BYTES];
    snprintf(properties, sizeof properties, "\"channel\":\"%s\"", tr_demo_channels[channel].name);
    struct event event = {.at_us = demo->story.start_us + demo->day * DAY_US + 20 * HOUR_US,
                          .agent = SERVER_AGENT,
                          .name = ACQUISITION_COST,
                          .user = "planboard-marketing",
                          .has_value = true,
                          .value = amount,
                          .decimals = 2,
                          .unit = "USD",
                          .properties = properties};
    tr_demo_put(demo, &event);
}

void tr_demo_costs(struct tr_demo *demo)
{
    const double partner_fee = 15; /* for a user */
    for (int i = 0; i < CHANNEL_COUNT; i++) {
        const struct channel *channel = &tr_demo_channels[i];
        double visit = channel->cost_visit * tr_dice_between(&demo->dice, 0.9, 1.15);
        bool campaign = tr_demo_during(&demo->story, MARK_CAMPAIGN, MARK_CAMPAIGN_END,
                                       demo->story.start_us + demo->day * DAY_US + DAY_US / 2);
        if (campaign && i == CHANNEL_PAID)
            visit *= 1.4; /* the next clicks are dearer */
        double amount = demo->visitors[i] * visit + channel->cost_day * demo->scale;
        if (i == CHANNEL_REFERRAL)
            amount += demo->signed_up[i] * partner_fee;
        if (amount > 0)
            put_cost(demo, i, amount);
        demo->visitors[i] = demo->signed_up[i] = 0;
    }
}
