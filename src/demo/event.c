/* SPDX-License-Identifier: MIT */
/* An event's JSON. The texts of the tables need no escaping, and there are no others. */
#include "demo_priv.h"

#include <inttypes.h>

static const char *const names[TR_DEMO_NAMES] = {
    [PAGE_VIEW] = "page_view",
    [ENGAGED_TIME] = "engaged_time",
    [FEATURE_USED] = "feature_used",
    [SIGN_UP] = "sign_up",
    [IDENTIFY] = "identify",
    [PAGE_LOAD] = "page_load",
    [WEB_VITAL] = "web_vital",
    [API_REQUEST] = "api_request",
    [ERROR] = "error",
    [ACQUISITION_COST] = "acquisition_cost",
    [CONVERSION] = "conversion",
    [PURCHASE] = "purchase",
    [SUBSCRIPTION_STARTED] = "subscription_started",
    [SUBSCRIPTION_CHANGED] = "subscription_changed",
    [SUBSCRIPTION_CANCELLED] = "subscription_cancelled",
    [SURVEY_ANSWER] = "survey_answer",
    [TICKET_OPENED] = "ticket_opened",
    [TICKET_CLOSED] = "ticket_closed",
    [INTERVIEW_NOTE] = "interview_note",
};

const char *tr_demo_name(int index)
{
    return names[index];
}

static void add_text(struct tr_buf *out, const char *field, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    tr_buf_append_text(out, field);
    tr_buf_append_text(out, text);
    tr_buf_append_text(out, "\"");
}

static void add_properties(struct tr_buf *out, const struct event *event)
{
    if (event->properties == NULL && event->country == NULL)
        return;
    tr_buf_append_text(out, ",\"properties\":{");
    if (event->properties != NULL)
        tr_buf_append_text(out, event->properties);
    if (event->country != NULL)
        add_text(out, event->properties != NULL ? ",\"country\":\"" : "\"country\":\"",
                 event->country);
    tr_buf_append_text(out, "}");
}

/* The number of the event makes its id, the same each time; mixed, so that it looks like any. */
void tr_demo_write(struct tr_buf *out, const struct event *event, uint64_t seed, uint64_t number)
{
    uint64_t id = tr_dice_mix(number + tr_dice_mix(seed));
    tr_buf_printf(out, "{\"id\":\"e_%016" PRIx64 "\",\"name\":\"%s\",\"timestamp\":%" PRId64, id,
                  names[event->name], event->at_us / 1000);
    add_text(out, ",\"user\":\"", event->user);
    add_text(out, ",\"anonymous\":\"", event->anonymous);
    add_text(out, ",\"session\":\"", event->session);
    if (event->has_value)
        tr_buf_printf(out, ",\"value\":%.*f", event->decimals, event->value);
    add_text(out, ",\"unit\":\"", event->unit);
    add_text(out, ",\"url\":\"", event->url);
    add_text(out, ",\"referrer\":\"", event->referrer);
    add_text(out, ",\"title\":\"", event->title);
    add_properties(out, event);
    tr_buf_append_text(out, "}\n");
}
