/* SPDX-License-Identifier: MIT */
/*
 * The plan. Days count from 0; docs/demo.md tells the same to readers.
 *
 * The release that breaks saving goes out at 14:00 UTC of the first Tuesday, Wednesday or Thursday
 * from day 61 on, and is taken back 26 hours later.
 */
#include "demo_priv.h"

#include <math.h>

static const struct {
    int day;
    int hour;
    const char *kind;
    const char *title;
} plan[MARK_COUNT] = {
    [MARK_TEMPLATES] = {12, 10, "release", "2.1: board templates"},
    [MARK_SEARCH] = {28, 9, "release", "2.2: faster search"},
    [MARK_CAMPAIGN] = {31, 8, "campaign", "Search ads doubled"},
    [MARK_ONBOARDING] = {40, 9, "release", "2.3: new onboarding"},
    [MARK_CAMPAIGN_END] = {45, 8, "campaign", "Search ads as before"},
    [MARK_TIMELINE] = {47, 11, "release", "2.4: timeline"},
    [MARK_TIMELINE_FIXED] = {54, 15, "release", "2.4.1: timeline in Safari"},
    [MARK_BROKEN] = {61, 14, "release", "2.5: new way of saving boards"},
    [MARK_BACK] = {62, 16, "release", "2.5 taken back"},
    [MARK_MENDED] = {71, 9, "release", "2.5.1: new way of saving boards, mended"},
    [MARK_CDN] = {77, 7, "release", "2.6: pages come from a CDN"},
};

/* Of the first visits of a day, by local hour. */
static const double leisure[24] = {3, 2, 1, 1, 1, 2, 3, 5, 7, 9, 10, 10,
                                   9, 9, 9, 9, 8, 7, 7, 8, 9, 9, 7,  5};
static const double work[24] = {0.3, 0.2, 0.1, 0.1, 0.2, 0.4, 1, 4, 11, 14,  13, 10,
                                6,   10,  12,  11,  9,   6,   3, 2, 2,  1.5, 1,  0.6};
static const double week[7] = {0.35, 1.02, 1.08, 1.06, 1.0, 0.9, 0.35}; /* from Sunday */

static int weekday(int64_t at_us)
{
    enum { THURSDAY = 4 }; /* 1 January 1970 */
    return (int)((at_us / DAY_US + THURSDAY) % 7);
}

static int64_t mark_time(const struct story *story, int mark, int shift_days)
{
    return story->start_us + (plan[mark].day + shift_days) * DAY_US + plan[mark].hour * HOUR_US;
}

void tr_demo_story_init(struct story *story, int64_t end_us)
{
    story->start_us = end_us - end_us % DAY_US - (TR_DEMO_DAYS - 1) * DAY_US;
    int shift = 0;
    while (weekday(mark_time(story, MARK_BROKEN, shift)) < 2 ||
           weekday(mark_time(story, MARK_BROKEN, shift)) > 4)
        shift++;
    for (int i = 0; i < MARK_COUNT; i++) {
        bool shifted = i == MARK_BROKEN || i == MARK_BACK;
        story->marks[i] = (struct tr_demo_mark){mark_time(story, i, shifted ? shift : 0),
                                                plan[i].kind, plan[i].title};
    }
}

bool tr_demo_since(const struct story *story, int mark, int64_t at_us)
{
    return at_us >= story->marks[mark].at_us;
}

bool tr_demo_during(const struct story *story, int from, int to, int64_t at_us)
{
    return tr_demo_since(story, from, at_us) && !tr_demo_since(story, to, at_us);
}

double tr_demo_demand(const struct story *story, int day)
{
    const double a_week = 1.04;
    return pow(a_week, day / 7.0) * week[weekday(story->start_us + day * DAY_US)];
}

bool tr_demo_is_weekend(const struct story *story, int day)
{
    int number = weekday(story->start_us + day * DAY_US);
    return number == 0 || number == 6;
}

int64_t tr_demo_pick_time(struct dice *dice, const struct country *country, bool works)
{
    int hour = tr_dice_pick(dice, works ? work : leisure, 24);
    int64_t local_us = hour * HOUR_US + (int64_t)(tr_dice_unit(dice) * (double)HOUR_US);
    return (local_us - country->utc_minutes * MINUTE_US + DAY_US) % DAY_US;
}
