/* SPDX-License-Identifier: MIT */
/* The names that KPIs are computed from, and what their values are. */
#include "event_priv.h"

#include "traction/standard.h"

static const struct tr_standard names[] = {
    {.name = "page_view", .kind = TR_EVENT_ENGAGEMENT},
    {.name = "engaged_time", .kind = TR_EVENT_ENGAGEMENT, .duration = true},
    {.name = "feature_used", .kind = TR_EVENT_ENGAGEMENT},
    {.name = "sign_up", .kind = TR_EVENT_ENGAGEMENT},
    {.name = "identify", .kind = TR_EVENT_ENGAGEMENT},
    {.name = "page_load", .kind = TR_EVENT_PERFORMANCE, .duration = true},
    {.name = "web_vital", .kind = TR_EVENT_PERFORMANCE},
    {.name = "api_request", .kind = TR_EVENT_PERFORMANCE, .duration = true},
    {.name = "error", .kind = TR_EVENT_PERFORMANCE},
    {.name = "acquisition_cost", .kind = TR_EVENT_BUSINESS, .money = true},
    {.name = "conversion", .kind = TR_EVENT_BUSINESS},
    {.name = "purchase", .kind = TR_EVENT_BUSINESS, .money = true},
    {.name = "subscription_started", .kind = TR_EVENT_BUSINESS, .money = true},
    {.name = "subscription_changed", .kind = TR_EVENT_BUSINESS, .money = true},
    {.name = "subscription_cancelled", .kind = TR_EVENT_BUSINESS, .money = true},
    {.name = "survey_answer", .kind = TR_EVENT_FEEDBACK},
    {.name = "ticket_opened", .kind = TR_EVENT_FEEDBACK},
    {.name = "ticket_closed", .kind = TR_EVENT_FEEDBACK},
    {.name = "interview_note", .kind = TR_EVENT_FEEDBACK},
};

const struct tr_standard *tr_standard_find(struct tr_slice name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (name.data[0] == names[i].name[0] && tr_slice_is(name, names[i].name))
            return &names[i];
    return NULL;
}

#define MS(value) ((int64_t)(value)*1000)
#define CLS(hundredths) ((int64_t)(hundredths)*10000000)

const struct tr_vital tr_vitals[TR_VITAL_COUNT] = {
    {"LCP", 3, MS(2500), MS(4000), MS(86400000)}, {"INP", 3, MS(200), MS(500), MS(86400000)},
    {"CLS", 9, CLS(10), CLS(25), CLS(1000000)},   {"FCP", 3, MS(1800), MS(3000), MS(86400000)},
    {"TTFB", 3, MS(800), MS(1800), MS(86400000)},
};

const struct tr_vital *tr_vital_find(struct tr_slice metric)
{
    for (size_t i = 0; i < TR_VITAL_COUNT; i++)
        if (tr_slice_is(metric, tr_vitals[i].name))
            return &tr_vitals[i];
    return NULL;
}

static const struct tr_survey surveys[] = {{"nps", 0, 10}, {"csat", 1, 5}, {"ces", 1, 7}};

const struct tr_survey *tr_survey_find(struct tr_slice type)
{
    for (size_t i = 0; i < sizeof surveys / sizeof *surveys; i++)
        if (tr_slice_is(type, surveys[i].type))
            return &surveys[i];
    return NULL;
}
