/* SPDX-License-Identifier: MIT */
/* Who there is, with what, coming from where; what there is to ask for, to use and to go wrong. */
#include "demo_priv.h"

const struct country tr_demo_countries[COUNTRY_COUNT] = {
    {"US", 30, -360, 1.0, 0.18, false}, {"DE", 18, 60, 1.1, 0.16, true},
    {"GB", 11, 0, 1.05, 0.20, false},   {"FR", 8, 60, 1.1, 0.20, true},
    {"IN", 9, 330, 1.7, 0.46, false},   {"BR", 7, -180, 1.6, 0.42, false},
    {"CA", 5, -300, 1.0, 0.18, false},  {"NL", 4, 60, 1.05, 0.18, true},
    {"ES", 3, 60, 1.15, 0.25, true},    {"AU", 3, 600, 1.5, 0.20, false},
    {"PL", 2, 60, 1.2, 0.20, false},
};

const struct channel tr_demo_channels[CHANNEL_COUNT] = {
    [CHANNEL_SEARCH] = {"organic search",
                        34,
                        0.50,
                        0.125,
                        0.26,
                        0.32,
                        NULL,
                        {"https://www.google.com/", "https://www.bing.com/",
                         "https://duckduckgo.com/"},
                        0,
                        45},
    [CHANNEL_PAID] = {"paid",
                      20,
                      0.62,
                      0.115,
                      0.11,
                      0.26,
                      "?utm_source=google&utm_medium=cpc&utm_campaign=boards-%d",
                      {"https://www.google.com/", "https://www.google.com/",
                       "https://www.googleadservices.com/"},
                      2.4,
                      0},
    [CHANNEL_SOCIAL] = {"social",
                        16,
                        0.66,
                        0.085,
                        0.09,
                        0.25,
                        "?utm_source=linkedin&utm_medium=social&utm_campaign=post-%d",
                        {"https://www.linkedin.com/", "https://www.reddit.com/", "https://t.co/"},
                        0.7,
                        0},
    [CHANNEL_REFERRAL] = {"referral",
                          9,
                          0.40,
                          0.165,
                          0.33,
                          0.35,
                          NULL,
                          {"https://softwarereviews.example/", "https://agilenotes.example/",
                           "https://startupstack.example/"},
                          0,
                          0},
    [CHANNEL_DIRECT] = {"direct", 15, 0.44, 0.140, 0.25, 0.30, NULL, {NULL, NULL, NULL}, 0, 0},
    [CHANNEL_EMAIL] = {"email",
                       6,
                       0.34,
                       0.190,
                       0.32,
                       0.34,
                       "?utm_source=newsletter&utm_medium=email&utm_campaign=issue-%d",
                       {NULL, NULL, "https://mail.google.com/"},
                       0,
                       12},
};

#define MOZILLA "Mozilla/5.0 "
#define GECKO_LIKE "AppleWebKit/537.36 (KHTML, like Gecko) "
#define WINDOWS MOZILLA "(Windows NT 10.0; Win64; x64) "
#define MAC MOZILLA "(Macintosh; Intel Mac OS X 10_15_7) "
#define LINUX MOZILLA "(X11; Linux x86_64) "
#define ANDROID MOZILLA "(Linux; Android 10; K) "

const struct agent tr_demo_agents[AGENT_COUNT] = {
    {WINDOWS GECKO_LIKE "Chrome/131.0.0.0 Safari/537.36", DESKTOP, CHROMIUM, 30},
    {MAC GECKO_LIKE "Chrome/131.0.0.0 Safari/537.36", DESKTOP, CHROMIUM, 22},
    {MAC "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15", DESKTOP, WEBKIT,
     14},
    {WINDOWS GECKO_LIKE "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0", DESKTOP, CHROMIUM, 15},
    {MOZILLA "(Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0", DESKTOP, GECKO,
     7},
    {MOZILLA "(X11; Ubuntu; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", DESKTOP, GECKO,
     4},
    {LINUX GECKO_LIKE "Chrome/130.0.0.0 Safari/537.36", DESKTOP, CHROMIUM, 5},
    {WINDOWS GECKO_LIKE "Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0", DESKTOP, CHROMIUM, 3},
    {MOZILLA "(iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
             "Version/18.1 Mobile/15E148 Safari/604.1",
     PHONE, WEBKIT, 34},
    {MOZILLA "(iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
             "Version/17.6 Mobile/15E148 Safari/604.1",
     PHONE, WEBKIT, 10},
    {ANDROID GECKO_LIKE "Chrome/131.0.0.0 Mobile Safari/537.36", PHONE, CHROMIUM, 36},
    {ANDROID GECKO_LIKE "SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36", PHONE,
     CHROMIUM, 8},
    {MOZILLA "(iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
             "CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
     PHONE, WEBKIT, 5},
    {MOZILLA "(Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0", PHONE, GECKO, 3},
    {MOZILLA "(iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
             "Version/17.6 Mobile/15E148 Safari/604.1",
     PHONE, WEBKIT, 4},
    [SERVER_AGENT] = {"planboard-server/2.4", SERVER, NO_ENGINE, 1},
    {MOZILLA "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)", BOT, NO_ENGINE, 5},
    {ANDROID GECKO_LIKE "Chrome/131.0.6778.69 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
                        "+http://www.google.com/bot.html)",
     BOT, NO_ENGINE, 3},
    {MOZILLA GECKO_LIKE "(compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) "
                        "Chrome/116.0.1938.76 Safari/537.36",
     BOT, NO_ENGINE, 2},
};

int tr_demo_pick_agent(struct dice *dice, enum form form)
{
    double weights[AGENT_COUNT];
    for (int i = 0; i < AGENT_COUNT; i++)
        weights[i] = tr_demo_agents[i].form == form ? tr_demo_agents[i].weight : 0;
    return tr_dice_pick(dice, weights, AGENT_COUNT);
}

const struct route tr_demo_routes[ROUTE_COUNT] = {
    [ROUTE_ME] = {"GET", "/api/me", 34, 0.45, 0.0005, 0.004, 401},
    [ROUTE_BOARDS] = {"GET", "/api/workspaces/:id/boards", 82, 0.5, 0.0010, 0.001, 403},
    [ROUTE_BOARD] = {"GET", "/api/boards/:id", 118, 0.55, 0.0015, 0.006, 404},
    [ROUTE_SAVE] = {"POST", "/api/boards", 140, 0.5, 0.0020, 0.008, 409},
    [ROUTE_CARD] = {"PATCH", "/api/cards/:id", 58, 0.5, 0.0010, 0.004, 409},
    [ROUTE_NEW_CARD] = {"POST", "/api/cards", 71, 0.5, 0.0010, 0.003, 422},
    [ROUTE_SEARCH] = {"GET", "/api/search", 410, 0.6, 0.0030, 0.010, 400},
    [ROUTE_NOTES] = {"GET", "/api/notifications", 41, 0.45, 0.0005, 0.001, 401},
    [ROUTE_COMMENT] = {"POST", "/api/comments", 77, 0.5, 0.0010, 0.004, 422},
    [ROUTE_TIMELINE] = {"GET", "/api/timeline", 205, 0.6, 0.0030, 0.002, 404},
    [ROUTE_EXPORT] = {"POST", "/api/exports", 920, 0.7, 0.0140, 0.004, 402},
    [ROUTE_IMPORT] = {"POST", "/api/imports", 1480, 0.8, 0.0120, 0.060, 422},
    [ROUTE_SLACK] = {"GET", "/api/integrations/slack", 168, 0.7, 0.0060, 0.010, 403},
    [ROUTE_SESSION] = {"POST", "/api/session", 105, 0.45, 0.0008, 0.070, 401},
};

const struct feature tr_demo_features[FEATURE_COUNT] = {
    {"board_edit", 0.96, 30, ROUTE_SAVE},
    {"card_create", 0.93, 26, ROUTE_NEW_CARD},
    {"card_move", 0.88, 34, ROUTE_CARD},
    {"comment", 0.56, 16, ROUTE_COMMENT},
    {"search", 0.47, 12, ROUTE_SEARCH},
    {"calendar_view", 0.31, 9, ROUTE_BOARD},
    {"templates", 0.26, 4, ROUTE_BOARDS},
    {"share_link", 0.22, 4, -1},
    {"export_pdf", 0.14, 3, ROUTE_EXPORT},
    {"slack_integration", 0.12, 4, ROUTE_SLACK},
    {"automation", 0.10, 6, -1},
    {"csv_import", 0.08, 2, ROUTE_IMPORT},
    [FEATURE_TIMELINE] = {"timeline", 0.38, 14, ROUTE_TIMELINE},
};

const struct page tr_demo_landing_pages[] = {
    {"/", "Planboard: boards your team keeps up to date", 46},
    {"/pricing", "Pricing - Planboard", 12},
    {"/templates", "Board templates - Planboard", 12},
    {"/templates/roadmap", "Roadmap template - Planboard", 6},
    {"/blog/kanban-for-small-teams", "Kanban for small teams - Planboard", 12},
    {"/blog/meetings-that-end", "Meetings that end - Planboard", 7},
    {"/compare/spreadsheets", "Planboard or a spreadsheet?", 5},
};
const int tr_demo_landing_page_count = COUNT_OF(tr_demo_landing_pages);

const struct page tr_demo_site_pages[] = {
    {"/features", "Features - Planboard", 24},
    {"/pricing", "Pricing - Planboard", 34},
    {"/templates", "Board templates - Planboard", 12},
    {"/customers", "Customers - Planboard", 10},
    {"/security", "Security - Planboard", 6},
    {"/docs", "Help - Planboard", 8},
    {"/about", "About us - Planboard", 6},
};
const int tr_demo_site_page_count = COUNT_OF(tr_demo_site_pages);

/* Paths that end in a slash are a board's: its number follows. */
const struct page tr_demo_app_pages[] = {
    {"/boards/", "Board - Planboard", 62},     {"/boards", "My boards - Planboard", 16},
    {"/calendar", "Calendar - Planboard", 7},  {"/inbox", "Inbox - Planboard", 9},
    {"/settings/team", "Team - Planboard", 4}, {"/settings/billing", "Billing - Planboard", 2},
};
const int tr_demo_app_page_count = COUNT_OF(tr_demo_app_pages);

const struct fault tr_demo_faults[] = {
    {"TypeError", "Failed to fetch", 30, false},
    {"Error", "ResizeObserver loop completed with undelivered notifications.", 24, false},
    {"ChunkLoadError", "Loading chunk 714 failed.", 12, true},
    {"AbortError", "The user aborted a request.", 14, false},
    {"TypeError", "Cannot read properties of undefined (reading 'columns')", 9, false},
    {"SyntaxError", "Unexpected token '<', ... is not valid JSON", 5, true},
    {"QuotaExceededError", "The quota has been exceeded.", 3, false},
    {"TimeoutError", "Request timed out after 30 s", 3, false},
};
const int tr_demo_fault_count = COUNT_OF(tr_demo_faults);
