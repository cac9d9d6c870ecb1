/* SPDX-License-Identifier: MIT */
/* Surveys, tickets, interviews: what people say, and how it follows what happened to them. */
#include "demo_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { NPS_AGE_DAYS = 14, NPS_PAUSE_DAYS = 40, REMEMBERED_DAYS = 8 };

static const double content[] = {[CORE] = 8.7, [CASUAL] = 7.4, [PASSING] = 5.6}; /* of ten */

static bool was_hit(const struct visit *visit)
{
    return visit->demo->day - visit->person->hit <= REMEMBERED_DAYS;
}

static int score(struct dice *dice, double mean, double sigma, int least, int most)
{
    double number = round(mean + sigma * tr_dice_normal(dice));
    return (int)fmin(fmax(number, least), most);
}

/* Surveys -------------------------------------------------------------------------------------- */

struct answer {
    const char *survey;
    const char *type;
    int score;
    const char *text; /* NULL: none */
    bool has_score;
    bool has_sentiment; /* the product has asked a service what the text feels like */
    double sentiment;
};

static void put_answer(struct visit *visit, const struct answer *answer)
{
    char properties[PROPERTIES_BYTES];
    int used = snprintf(properties, sizeof properties, "\"survey\":\"%s\",\"type\":\"%s\"",
                        answer->survey, answer->type);
    if (answer->text != NULL)
        used += snprintf(properties + used, sizeof properties - (size_t)used, ",\"text\":\"%s\"",
                         answer->text);
    if (answer->has_sentiment)
        snprintf(properties + used, sizeof properties - (size_t)used, ",\"sentiment\":%.2f",
                 answer->sentiment);
    struct event event = {.name = SURVEY_ANSWER,
                          .url = visit->url,
                          .has_value = answer->has_score,
                          .value = answer->score,
                          .unit = answer->has_score ? "score" : NULL,
                          .properties = properties};
    tr_demo_visit_put(visit, &event);
}

static const char *pick_text(struct visit *visit, enum mood mood)
{
    struct dice *dice = &visit->demo->dice;
    if (mood == ANNOYED && was_hit(visit))
        return tr_demo_pick_complaint(dice);
    return tr_demo_pick_answer(dice, mood);
}

/* Some answers have a text, some texts a sentiment. */
static void add_text(struct visit *visit, struct answer *answer, enum mood mood, double chance)
{
    static const double sentiments[] = {[PLEASED] = 0.7, [INDIFFERENT] = 0.05, [ANNOYED] = -0.65};
    struct dice *dice = &visit->demo->dice;
    if (!tr_dice_chance(dice, chance))
        return;
    answer->text = pick_text(visit, mood);
    answer->has_sentiment = tr_dice_chance(dice, 0.3);
    answer->sentiment = sentiments[mood] + tr_dice_between(dice, -0.25, 0.25);
}

static void ask_nps(struct visit *visit)
{
    struct person *person = visit->person;
    struct dice *dice = &visit->demo->dice;
    double mean = content[person->kind] - (was_hit(visit) ? 4 : 0);
    struct answer answer = {.survey = "nps", .type = "nps", .has_score = true};
    answer.score = score(dice, mean, 1.4, 0, 10);
    enum mood mood = answer.score >= 9 ? PLEASED : answer.score >= 7 ? INDIFFERENT : ANNOYED;
    add_text(visit, &answer, mood, 0.45);
    person->last_nps = visit->demo->day;
    tr_demo_wait(visit, 3, 40);
    put_answer(visit, &answer);
}

void tr_demo_ask_effort(struct visit *visit)
{
    struct dice *dice = &visit->demo->dice;
    if (!tr_dice_chance(dice, 0.35))
        return;
    bool easier = tr_demo_since(&visit->demo->story, MARK_ONBOARDING, visit->at_us);
    struct answer answer = {.survey = "first board", .type = "ces", .has_score = true};
    answer.score = score(dice, easier ? 5.8 : 4.6, 1.2, 1, 7);
    tr_demo_wait(visit, 3, 20);
    put_answer(visit, &answer);
}

void tr_demo_ask_reason(struct visit *visit)
{
    struct dice *dice = &visit->demo->dice;
    if (!tr_dice_chance(dice, 0.25))
        return;
    struct answer answer = {.survey = "why planboard", .type = "text"};
    answer.text = tr_demo_pick_reason(dice);
    tr_demo_wait(visit, 5, 30);
    put_answer(visit, &answer);
}

/* Tickets -------------------------------------------------------------------------------------- */

static void put_ticket(struct visit *visit, enum name name, const char *topic, const char *text)
{
    char properties[PROPERTIES_BYTES];
    bool mail = visit->person->key % 5 == 0;
    int used = snprintf(properties, sizeof properties,
                        "\"ticket\":\"t_%" PRIu32 "\",\"topic\":\"%s\",\"channel\":\"%s\"",
                        visit->demo->tickets, topic, mail ? "support mail" : "in-app");
    if (text != NULL)
        snprintf(properties + used, sizeof properties - (size_t)used, ",\"text\":\"%s\"", text);
    struct event event = {.name = name, .url = visit->url, .properties = properties};
    bool counted = tr_demo_visit_put(visit, &event) && name == TICKET_OPENED;
    if (counted && strcmp(topic, "saving") == 0)
        visit->demo->facts.outage_tickets++;
}

static void ask_satisfaction(struct visit *visit, bool outage)
{
    struct dice *dice = &visit->demo->dice;
    struct answer answer = {.survey = "support", .type = "csat", .has_score = true};
    answer.score = score(dice, outage ? 2.3 : 4.4, 0.9, 1, 5);
    enum mood mood = answer.score >= 4 ? PLEASED : answer.score == 3 ? INDIFFERENT : ANNOYED;
    add_text(visit, &answer, mood, 0.2);
    put_answer(visit, &answer);
}

/* From the first word to the answer to "how was it?"; most of it is in the days to come. */
static void ticket(struct visit *visit, bool outage)
{
    struct dice *dice = &visit->demo->dice;
    const char *topic = "saving";
    const char *text = NULL;
    if (outage)
        text = tr_demo_pick_complaint(dice);
    else
        text = tr_demo_pick_ticket(dice, &topic);
    struct visit later = *visit;
    later.demo->tickets++;
    later.session[0] = '\0';
    tr_demo_wait(&later, 20, 400);
    put_ticket(&later, TICKET_OPENED, topic, text);
    double hours = tr_dice_lognormal(dice, outage ? 14 : 6, 0.9);
    later.at_us += (int64_t)(fmin(hours, 120) * (double)HOUR_US);
    put_ticket(&later, TICKET_CLOSED, topic, NULL);
    tr_demo_wait(&later, 300, 20000);
    if (tr_dice_chance(dice, 0.55))
        ask_satisfaction(&later, outage);
}

void tr_demo_feedback(struct visit *visit)
{
    struct tr_demo *demo = visit->demo;
    struct person *person = visit->person;
    bool old_enough = demo->day - person->sign_up >= NPS_AGE_DAYS;
    if (visit->failed > 0 && tr_dice_chance(&demo->dice, 0.3))
        ticket(visit, true);
    else if (tr_dice_chance(&demo->dice, 0.011))
        ticket(visit, false);
    if (old_enough && demo->day - person->last_nps >= NPS_PAUSE_DAYS &&
        tr_dice_chance(&demo->dice, was_hit(visit) ? 0.3 : 0.07))
        ask_nps(visit);
}

/* Interviews ----------------------------------------------------------------------------------- */

static const struct person *pick_user(struct tr_demo *demo)
{
    for (;;) {
        const struct person *person =
            &demo->people[(size_t)(tr_dice_unit(&demo->dice) * (double)demo->people_count)];
        if (person->sign_up != NEVER)
            return person;
    }
}

void tr_demo_interviews(struct tr_demo *demo)
{
    struct dice *dice = &demo->dice;
    if (tr_demo_is_weekend(&demo->story, demo->day) || !tr_dice_chance(dice, 0.3))
        return;
    const struct person *person = pick_user(demo);
    const char *topic = NULL;
    const char *text = tr_demo_pick_interview(dice, &topic);
    char user[ID_BYTES];
    char properties[PROPERTIES_BYTES];
    snprintf(user, sizeof user, "u_%" PRIu32, person->number);
    snprintf(properties, sizeof properties, "\"topic\":\"%s\",\"channel\":\"call\",\"text\":\"%s\"",
             topic, text);
    struct event event = {.at_us = demo->story.start_us + demo->day * DAY_US +
                                   (int64_t)(tr_dice_between(dice, 9, 17) * (double)HOUR_US),
                          .agent = SERVER_AGENT,
                          .name = INTERVIEW_NOTE,
                          .user = user,
                          .country = tr_demo_countries[person->country].code,
                          .properties = properties};
    tr_demo_put(demo, &event);
}
