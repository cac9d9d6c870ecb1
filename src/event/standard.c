/* SPDX-License-Identifier: MIT */
/* The names that KPIs are computed from, and what their values are. */
#include "event_priv.h"

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
