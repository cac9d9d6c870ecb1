/* SPDX-License-Identifier: MIT */
/*
 * The demo's parts:
 *
 *   dice.c      chance that repeats itself
 *   tables.c    countries, channels, browsers, routes, features, pages, errors
 *   texts.c     what people say in surveys, tickets and interviews
 *   story.c     the plan: growth, releases, what is broken when
 *   event.c     an event's JSON
 *   demo.c      days, their events in order, batches, facts
 *   people.c    who is there, who comes on a day
 *   visit.c     somebody at a device, for a while
 *   site.c      a visit of the marketing site
 *   app.c       a visit of the product
 *   measure.c   what browsers measure: loads, vitals, requests, errors
 *   business.c  trials, subscriptions, invoices, costs
 *   feedback.c  surveys, tickets, interviews
 *
 * A day is simulated as a whole. Events may be put in any order and for later days; they are kept
 * until their time has come. All chance comes from one source, in one order, and what happens never
 * depends on options.end_us but through the day the story begins: it only cuts.
 */
#pragma once

#include "dice.h"

#include "traction/base/buf.h"
#include "traction/demo.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))

/* Tables --------------------------------------------------------------------------------------- */

struct country {
    const char *code;
    double weight;
    int utc_minutes; /* the zone's distance, without summer time */
    double distance; /* how much longer the network takes */
    double mobile;   /* share of phones among first devices */
    bool euro;
};

enum {
    CHANNEL_SEARCH,
    CHANNEL_PAID,
    CHANNEL_SOCIAL,
    CHANNEL_REFERRAL,
    CHANNEL_DIRECT,
    CHANNEL_EMAIL,
    CHANNEL_COUNT
};
struct channel {
    const char *name;  /* as the door derives it */
    double visitors;   /* weight among the new ones */
    double bounce;     /* share of visits with one page */
    double sign_up;    /* chance in a visit that does not bounce */
    double core;       /* share of those who stay … */
    double casual;     /* … and of those who come now and then; the rest tries it and goes */
    const char *query; /* of the first page: %d is a number of a campaign; NULL: none */
    const char *referrers[3];
    double cost_visit; /* in dollars */
    double cost_day;
};

enum form { DESKTOP, PHONE, SERVER, BOT };
enum engine { CHROMIUM, WEBKIT, GECKO, NO_ENGINE };
struct agent {
    const char *text;
    enum form form;
    enum engine engine;
    double weight; /* within its form */
};

enum {
    ROUTE_ME,
    ROUTE_BOARDS,
    ROUTE_BOARD,
    ROUTE_SAVE,
    ROUTE_CARD,
    ROUTE_NEW_CARD,
    ROUTE_SEARCH,
    ROUTE_NOTES,
    ROUTE_COMMENT,
    ROUTE_TIMELINE,
    ROUTE_EXPORT,
    ROUTE_IMPORT,
    ROUTE_SLACK,
    ROUTE_SESSION,
    ROUTE_COUNT
};
struct route {
    const char *method;
    const char *path;
    double ms; /* median */
    double sigma;
    double failing;  /* share of 500, 502, 503 */
    double refusing; /* share of 4xx */
    int refusal;     /* which */
};

enum { FEATURE_TIMELINE = 12, FEATURE_COUNT };
struct feature {
    const char *name;
    double adopted; /* share of people who ever use it */
    double weight;  /* among the uses of somebody who does */
    int route;      /* what it asks for; -1: nothing */
};

struct page {
    const char *path;
    const char *title;
    double weight;
};

struct fault {
    const char *type;
    const char *message;
    double weight;
    bool fatal;
};

enum { SERVER_AGENT = 15, AGENT_COUNT = 19, COUNTRY_COUNT = 11 };
extern const struct country tr_demo_countries[COUNTRY_COUNT];
extern const struct channel tr_demo_channels[CHANNEL_COUNT];
extern const struct agent tr_demo_agents[AGENT_COUNT];
extern const struct route tr_demo_routes[ROUTE_COUNT];
extern const struct feature tr_demo_features[FEATURE_COUNT];
extern const struct page tr_demo_landing_pages[];
extern const int tr_demo_landing_page_count;
extern const struct page tr_demo_site_pages[];
extern const int tr_demo_site_page_count;
extern const struct page tr_demo_app_pages[];
extern const int tr_demo_app_page_count;
extern const struct fault tr_demo_faults[];
extern const int tr_demo_fault_count;

/* An agent of that form. */
int tr_demo_pick_agent(struct dice *dice, enum form form);

/* Texts; static ---------------------------------------------------------------------------------
 */

enum mood { PLEASED, INDIFFERENT, ANNOYED, MOOD_COUNT };
const char *tr_demo_pick_answer(struct dice *dice, enum mood mood);
/* About saving that failed. */
const char *tr_demo_pick_complaint(struct dice *dice);
const char *tr_demo_pick_reason(struct dice *dice);
const char *tr_demo_pick_interview(struct dice *dice, const char **topic_out);
const char *tr_demo_pick_ticket(struct dice *dice, const char **topic_out);

/* Story ---------------------------------------------------------------------------------------- */

enum {
    MARK_TEMPLATES,
    MARK_SEARCH,
    MARK_CAMPAIGN,
    MARK_ONBOARDING,
    MARK_CAMPAIGN_END,
    MARK_TIMELINE,
    MARK_TIMELINE_FIXED,
    MARK_BROKEN,
    MARK_BACK,
    MARK_MENDED,
    MARK_CDN,
    MARK_COUNT
};

struct story {
    int64_t start_us;
    struct tr_demo_mark marks[MARK_COUNT];
};

void tr_demo_story_init(struct story *story, int64_t end_us);
bool tr_demo_since(const struct story *story, int mark, int64_t at_us);
/* In between the two marks. */
bool tr_demo_during(const struct story *story, int from, int to, int64_t at_us);
/* Times as many visitors as on a weekday of the first week. */
double tr_demo_demand(const struct story *story, int day);
bool tr_demo_is_weekend(const struct story *story, int day);
/* The part of a UTC day at which somebody there begins: in microseconds since its midnight. */
int64_t tr_demo_pick_time(struct dice *dice, const struct country *country, bool works);

/* People --------------------------------------------------------------------------------------- */

enum kind_of_user { CORE, CASUAL, PASSING };
enum plan { PLAN_FREE, PLAN_TEAM, PLAN_BUSINESS };
enum { NEVER = 10000 }; /* a day that does not come */

struct device {
    uint8_t agent;
    bool known; /* has said which user it belongs to */
};

struct person {
    uint64_t key;    /* ids are made of it */
    uint32_t number; /* of the user */
    int8_t country;
    int8_t channel;
    int8_t kind; /* of enum kind_of_user */
    int8_t campaign;
    bool has_sessions; /* the client sends session ids */
    bool activated;
    uint16_t features; /* which of them are used, by bit */
    struct device devices[2];
    int visits;
    int next_visit;    /* day of a visitor's next visit of the site */
    int sign_up;       /* day; NEVER for visitors */
    int second_device; /* day from which it is used */
    int identified;    /* day from which devices say who they belong to */
    int hit;           /* day the broken release last lost their work; -NEVER */
    int trial_end;     /* day */
    int last_nps;      /* day */
    int begins_to_pay; /* day, of those who were there before the story */
    /* Paying */
    int8_t plan; /* of enum plan */
    int seats;
    int amount;    /* a month */
    int next_bill; /* day */
    int cancelled; /* day */
    int refund_day;
    int refund;
    uint32_t refund_order;
};

/* The visitors and users of the day, and what they do on it. */
void tr_demo_populate(struct tr_demo *demo);
void tr_demo_people_day(struct tr_demo *demo);
const char *tr_demo_currency(const struct person *person);
/* The person begins to use the product. */
void tr_demo_sign_up(struct tr_demo *demo, struct person *person);

/* Events --------------------------------------------------------------------------------------- */

enum name {
    PAGE_VIEW,
    ENGAGED_TIME,
    FEATURE_USED,
    SIGN_UP,
    IDENTIFY,
    PAGE_LOAD,
    WEB_VITAL,
    API_REQUEST,
    ERROR,
    ACQUISITION_COST,
    CONVERSION,
    PURCHASE,
    SUBSCRIPTION_STARTED,
    SUBSCRIPTION_CHANGED,
    SUBSCRIPTION_CANCELLED,
    SURVEY_ANSWER,
    TICKET_OPENED,
    TICKET_CLOSED,
    INTERVIEW_NOTE
};

/* Texts are JSON already: nothing in the tables needs escaping. */
struct event {
    int64_t at_us;
    int64_t sent_us; /* 0: then */
    int agent;
    enum name name;
    const char *user; /* these: NULL if absent */
    const char *anonymous;
    const char *session;
    const char *url;
    const char *referrer;
    const char *title;
    const char *unit; /* NULL: no unit */
    bool has_value;
    int decimals;
    double value;
    const char *country;    /* code */
    const char *properties; /* members of an object; NULL: none */
};

/* False if it lies after the end and is left out. */
bool tr_demo_put(struct tr_demo *demo, const struct event *event);
/* Appends its line. */
void tr_demo_write(struct tr_buf *out, const struct event *event, uint64_t seed, uint64_t number);

/* Visits --------------------------------------------------------------------------------------- */

enum { ID_BYTES = 24, URL_BYTES = 160, PROPERTIES_BYTES = 600 };

/* Somebody at a device, for a while. */
struct visit {
    struct tr_demo *demo;
    struct person *person;
    struct device *device;
    int64_t at_us;
    int64_t delay_us; /* until what happens is sent */
    char user[ID_BYTES];
    char anonymous[ID_BYTES];
    char session[ID_BYTES]; /* "": none */
    char url[URL_BYTES];
    int failed; /* saves */
};

void tr_demo_visit_begin(struct visit *visit, struct tr_demo *demo, struct person *person,
                         int device, int64_t at_us);
/* Time passes. */
void tr_demo_wait(struct visit *visit, double least_seconds, double most_seconds);
/* Fills in who, where and when. */
bool tr_demo_visit_put(struct visit *visit, struct event *event);
/* The same with a name and properties only. */
bool tr_demo_visit_say(struct visit *visit, enum name name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The device says who it belongs to. */
void tr_demo_visit_identify(struct visit *visit);
/* The page at visit->url is opened; time is spent there; then the visit goes on. */
void tr_demo_open_page(struct visit *visit, const char *title, const char *referrer);
void tr_demo_engaged(struct visit *visit, double seconds);
void tr_demo_linger(struct visit *visit, double median_seconds);
const struct country *tr_demo_visit_country(const struct visit *visit);
const struct agent *tr_demo_visit_agent(const struct visit *visit);

void tr_demo_site_visit(struct tr_demo *demo, struct person *person);
void tr_demo_bots(struct tr_demo *demo);
/* Opens the product; the first time, if the visit is where the person signed up. */
void tr_demo_app_visit(struct visit *visit);

/* What the browser measures of the page it has just opened. */
void tr_demo_measure_page(struct visit *visit, bool vitals);
/* Asks for it once; the status. */
int tr_demo_request(struct visit *visit, int route);
/* Now and then a script fails. */
void tr_demo_measure_faults(struct visit *visit, bool timeline);

/* Business and feedback ------------------------------------------------------------------------ */

void tr_demo_begin_trial(struct visit *visit);
void tr_demo_conversion(struct visit *visit, const char *goal);
void tr_demo_business_day(struct tr_demo *demo, struct person *person);
void tr_demo_costs(struct tr_demo *demo);

void tr_demo_feedback(struct visit *visit);
void tr_demo_ask_effort(struct visit *visit);
void tr_demo_ask_reason(struct visit *visit);
void tr_demo_interviews(struct tr_demo *demo);

/* The demo ------------------------------------------------------------------------------------- */

/* A line of the pool that waits for its time. */
struct line {
    int64_t order_us;
    uint64_t number;
    size_t offset;
    uint32_t size;
    int agent;
};

struct pool {
    struct tr_buf text;
    struct line *lines;
    size_t count;
    size_t capacity;
};

struct outbox {
    struct tr_buf body;
    int events;
};

struct tr_demo {
    struct tr_demo_options options;
    struct story story;
    struct dice dice;
    double scale; /* 1: what the plan says */
    int day;
    struct person *people;
    size_t people_count;
    size_t people_capacity;
    uint32_t users;
    uint32_t orders;
    uint32_t tickets;
    int visitors[CHANNEL_COUNT]; /* of the day, which cost money */
    int signed_up[CHANNEL_COUNT];
    uint64_t number; /* of the next event */
    struct pool pools[2];
    struct pool *pool; /* of events whose time has not come */
    size_t next;       /* its first line not sent */
    int64_t until_us;  /* lines before this may go out */
    struct outbox outboxes[AGENT_COUNT];
    int flushed; /* the outbox returned last; -1: none */
    struct tr_demo_facts facts;
};
