/* SPDX-License-Identifier: MIT */
/*
 * What browsers of the Chromium family say in fields of their own, because the User-Agent no longer
 * does: the brand where it is not Chrome, the system, whether it is a phone. These fields only ever
 * refine what the User-Agent says.
 */
#include "user_agent_priv.h"

#include <stdio.h>

/* The first brand of this table that is listed counts; lists also hold "Chromium" and nonsense. */
static const struct {
    const char *brand; /* with its quotes, as sent */
    const char *browser;
} brands[] = {
    {"\"Brave\"", "Brave"},
    {"\"Microsoft Edge\"", "Edge"},
    {"\"Opera\"", "Opera"},
    {"\"Opera GX\"", "Opera"},
    {"\"Vivaldi\"", "Vivaldi"},
    {"\"YaBrowser\"", "Yandex Browser"},
    {"\"Yandex\"", "Yandex Browser"},
    {"\"Samsung Internet\"", "Samsung Internet"},
    {"\"DuckDuckGo\"", "DuckDuckGo"},
    {"\"Whale\"", "Whale"},
    {"\"Arc\"", "Arc"},
};

static const struct {
    const char *platform;
    const char *os;
} platforms[] = {
    {"\"Windows\"", "Windows"},     {"\"macOS\"", "Mac OS X"},        {"\"Android\"", "Android"},
    {"\"Chrome OS\"", "Chrome OS"}, {"\"Chromium OS\"", "Chrome OS"}, {"\"iOS\"", "iOS"},
};

static bool holds(struct tr_slice text, const char *part)
{
    return text.size > 0 && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

/* Brave, Arc and others send Chrome's User-Agent. */
static void refine_browser(struct tr_agent *agent, struct tr_slice list)
{
    if (strcmp(agent->browser, "Chrome") != 0 && strcmp(agent->browser, "Chrome Mobile") != 0)
        return;
    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++) {
        if (!holds(list, brands[i].brand))
            continue;
        snprintf(agent->browser, sizeof agent->browser, "%s", brands[i].browser);
        return;
    }
}

/* Linux says less than what the User-Agent may say, Ubuntu for one. */
static void refine_os(struct tr_agent *agent, struct tr_slice platform)
{
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++)
        if (tr_slice_is(platform, platforms[i].platform))
            snprintf(agent->os, sizeof agent->os, "%s", platforms[i].os);
}

/* A phone that asks for the desktop's pages has a desktop's User-Agent. */
static void refine_device(struct tr_agent *agent, const struct tr_agent_fields *fields)
{
    if (strcmp(agent->device, "desktop") != 0 && agent->device[0] != '\0')
        return;
    if (tr_slice_is(fields->mobile, "?1"))
        agent->device = "mobile";
    else if (strcmp(agent->os, "Android") == 0 && tr_slice_is(fields->mobile, "?0"))
        agent->device = "tablet";
}

void tr_agent_refine(struct tr_agent *agent, const struct tr_agent_fields *fields)
{
    if (agent->bot)
        return;
    refine_browser(agent, fields->brands);
    refine_os(agent, fields->platform);
    refine_device(agent, fields);
}
