/* SPDX-License-Identifier: MIT */
/*
 * What browsers measure. Times are log-normal; phones and far countries are slower, the CDN brings
 * the far ones nearer.
 */
#include "demo_priv.h"

#include <stdio.h>

/* How the page's way to the reader stretches what takes one. */
static double distance(const struct visit *visit)
{
    double far = tr_demo_visit_country(visit)->distance;
    bool cdn = tr_demo_since(&visit->demo->story, MARK_CDN, visit->at_us);
    return cdn ? 0.9 * (1 + (far - 1) * 0.25) : far;
}

static bool is_phone(const struct visit *visit)
{
    return tr_demo_visit_agent(visit)->form == PHONE;
}

/* Pages ---------------------------------------------------------------------------------------- */

static void put_vital(struct visit *visit, const char *metric, double value, const double limits[2])
{
    const char *rating = value <= limits[0]   ? "good"
                         : value <= limits[1] ? "needs-improvement"
                                              : "poor";
    bool shift = limits[1] < 1; /* CLS has no unit */
    char properties[PROPERTIES_BYTES];
    snprintf(properties, sizeof properties, "\"metric\":\"%s\",\"rating\":\"%s\"", metric, rating);
    struct event event = {.name = WEB_VITAL,
                          .url = visit->url,
                          .has_value = true,
                          .value = value,
                          .decimals = shift ? 4 : 1,
                          .unit = shift ? "score" : "ms",
                          .properties = properties};
    tr_demo_visit_put(visit, &event);
}

static void put_vitals(struct visit *visit, double paint_ms)
{
    struct dice *dice = &visit->demo->dice;
    double far = distance(visit);
    bool phone = is_phone(visit);
    put_vital(visit, "TTFB", tr_dice_lognormal(dice, (phone ? 310 : 240) * far * far, 0.5),
              (double[]){800, 1800});
    put_vital(visit, "FCP", paint_ms * tr_dice_between(dice, 0.5, 0.75), (double[]){1800, 3000});
    put_vital(visit, "LCP", paint_ms, (double[]){2500, 4000});
    put_vital(visit, "CLS", tr_dice_lognormal(dice, phone ? 0.045 : 0.022, 1.1),
              (double[]){0.1, 0.25});
    put_vital(visit, "INP", tr_dice_lognormal(dice, phone ? 165 : 78, 0.6), (double[]){200, 500});
}

void tr_demo_measure_page(struct visit *visit, bool vitals)
{
    struct dice *dice = &visit->demo->dice;
    double median = (is_phone(visit) ? 2150 : 1350) * distance(visit);
    double paint_ms = tr_dice_lognormal(dice, median, 0.42);
    struct event event = {.name = PAGE_LOAD,
                          .url = visit->url,
                          .has_value = true,
                          .value = paint_ms * tr_dice_between(dice, 1.1, 1.6),
                          .unit = "ms"};
    visit->at_us += (int64_t)(paint_ms * 1600);
    tr_demo_visit_put(visit, &event);
    if (vitals)
        put_vitals(visit, paint_ms);
}

/* Requests ------------------------------------------------------------------------------------- */

static bool is_broken(const struct visit *visit, int route)
{
    return route == ROUTE_SAVE &&
           tr_demo_during(&visit->demo->story, MARK_BROKEN, MARK_BACK, visit->at_us);
}

static int pick_status(struct visit *visit, int number)
{
    static const int failures[] = {500, 500, 500, 502, 503};
    struct dice *dice = &visit->demo->dice;
    const struct route *route = &tr_demo_routes[number];
    double luck = tr_dice_unit(dice);
    int failure = failures[tr_dice_below(dice, COUNT_OF(failures))];
    int success = strcmp(route->method, "POST") == 0 ? 201 : 200;
    if (is_broken(visit, number))
        return luck < 0.18 ? 500 : success;
    if (luck < route->failing)
        return failure;
    if (luck < route->failing + route->refusing)
        return route->refusal;
    return success;
}

static double pick_ms(struct visit *visit, int number)
{
    struct dice *dice = &visit->demo->dice;
    const struct route *route = &tr_demo_routes[number];
    double median = route->ms;
    if (number == ROUTE_SEARCH && tr_demo_since(&visit->demo->story, MARK_SEARCH, visit->at_us))
        median *= 0.36;
    double ms = tr_dice_lognormal(dice, median, route->sigma);
    if (is_broken(visit, number))
        ms *= 3;
    double network = is_phone(visit) ? 45 : 22;
    return ms + tr_dice_lognormal(dice, network * tr_demo_visit_country(visit)->distance, 0.4);
}

static void count_save(struct visit *visit, int status)
{
    struct tr_demo_facts *facts = &visit->demo->facts;
    facts->broken_saves++;
    facts->failed_saves += status >= 500;
}

int tr_demo_request(struct visit *visit, int number)
{
    const struct route *route = &tr_demo_routes[number];
    int status = pick_status(visit, number);
    char properties[PROPERTIES_BYTES];
    snprintf(properties, sizeof properties, "\"route\":\"%s\",\"method\":\"%s\",\"status\":%d",
             route->path, route->method, status);
    struct event event = {.name = API_REQUEST,
                          .has_value = true,
                          .value = pick_ms(visit, number),
                          .decimals = 1,
                          .unit = "ms",
                          .properties = properties};
    if (tr_demo_visit_put(visit, &event) && is_broken(visit, number))
        count_save(visit, status);
    visit->at_us += (int64_t)(event.value * 1000);
    return status;
}

/* Errors --------------------------------------------------------------------------------------- */

static void put_fault(struct visit *visit, const struct fault *fault)
{
    tr_demo_visit_say(visit, ERROR, "\"type\":\"%s\",\"message\":\"%s\",\"fatal\":%s", fault->type,
                      fault->message, fault->fatal ? "true" : "false");
}

void tr_demo_measure_faults(struct visit *visit, bool timeline)
{
    static const struct fault safari = {"RangeError", "Invalid time value", 0, false};
    struct dice *dice = &visit->demo->dice;
    double weights[16];
    if (timeline) {
        bool hit =
            tr_demo_visit_agent(visit)->engine == WEBKIT &&
            tr_demo_during(&visit->demo->story, MARK_TIMELINE, MARK_TIMELINE_FIXED, visit->at_us);
        if (hit && tr_dice_chance(dice, 0.7))
            put_fault(visit, &safari);
        return;
    }
    if (!tr_dice_chance(dice, 0.009))
        return;
    for (int i = 0; i < tr_demo_fault_count; i++)
        weights[i] = tr_demo_faults[i].weight;
    put_fault(visit, &tr_demo_faults[tr_dice_pick(dice, weights, tr_demo_fault_count)]);
}
