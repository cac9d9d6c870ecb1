/* SPDX-License-Identifier: MIT */
/*
 * A believable mix of events, made cheaply: the generator shares the machine with the server it
 * measures. A pool of event texts is built once; per event one of them is copied and its id,
 * person, session and time are written over, all of fixed width.
 *
 * Events come in visits: VISITS of them are laid over each block of BLOCK events, several at a
 * time, each with its person and session. Few people make many of the visits. In a backfill visits
 * begin in the order of time, evenly over the past days; a visit lasts minutes.
 */
#include "bench_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    TEMPLATES = 2048, /* even ones name a user, odd ones an anonymous visitor */
    AGENTS = 4,
    BLOCK = 1024,
    VISITS = 96,
    CONCURRENT_VISITS = 24,
    ID_SIZE = 36,
    TIME_SIZE = 24, /* 2026-11-23T10:15:30.250Z */
    PERSON_DIGITS = 8,
    SESSION_DIGITS = 12,
    STEP_US = 9 * 1000 * 1000, /* between two events of a visit */
};

struct template
{
    char *text;
    uint16_t size;
    uint16_t id_at; /* 0: none */
    uint16_t time_at;
    uint16_t person_at;
    uint16_t session_at;
};

struct slot {
    uint16_t visit;
    uint16_t step;
};

struct bench_mix {
    const struct bench_options *options;
    int64_t until_us; /* of a backfill */
    struct template templates[TEMPLATES];
    struct slot slots[BLOCK];
    char *heads[AGENTS]; /* the head up to the value of Content-Length */
};

/* splitmix64: every input gives an independent looking output. */
static uint64_t mix64(uint64_t value)
{
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
}

struct random {
    uint64_t state;
};

static uint64_t next(struct random *random)
{
    return random->state = mix64(random->state);
}

static unsigned below(struct random *random, unsigned limit)
{
    return (unsigned)(next(random) % limit);
}

/* In (0, 1]. */
static double unit(uint64_t bits)
{
    return (double)((bits >> 11) + 1) / 9007199254740992.0;
}

/* Durations are spread like this in real life: half below median, a long tail. */
static double lognormal(struct random *random, double median, double sigma)
{
    double a = unit(next(random));
    double b = unit(next(random));
    return median * exp(sigma * sqrt(-2 * log(a)) * cos(6.283185307179586 * b));
}

/* What happens ---------------------------------------------------------------------------------*/

static const char *const pages[] = {"/",      "/pricing",   "/docs/start",   "/docs/api",
                                    "/app",   "/app/board", "/app/settings", "/blog/why",
                                    "/login", "/invite"};
static const char *const routes[] = {"/api/items",  "/api/items/:id", "/api/search", "/api/login",
                                     "/api/export", "/api/billing",   "/api/upload", "/api/feed"};
static const char *const features[] = {"export", "share",     "comment",   "search",  "import",
                                       "invite", "dark_mode", "shortcuts", "filters", "api_token"};
static const char *const referrers[] = {"https://www.google.com/", "https://news.ycombinator.com/",
                                        "https://duckduckgo.com/", "https://t.co/x"};
static const char *const plans[] = {"free", "pro", "team"};

#define PICK(random, list) ((list)[below((random), sizeof(list) / sizeof *(list))])

typedef void (*write_fn)(struct random *random, struct tr_buf *out);

static void write_page(struct random *random, struct tr_buf *out)
{
    tr_buf_printf(out, "\"url\":\"https://app.example%s\"", PICK(random, pages));
}

static void page_view(struct random *random, struct tr_buf *out)
{
    write_page(random, out);
    if (below(random, 3) == 0)
        tr_buf_printf(out, ",\"referrer\":\"%s\"", PICK(random, referrers));
    tr_buf_printf(out, ",\"title\":\"Example\",\"properties\":{\"theme\":\"%s\",\"width\":%u}",
                  below(random, 3) == 0 ? "dark" : "light", 360 + below(random, 2000));
}

static void engaged_time(struct random *random, struct tr_buf *out)
{
    tr_buf_printf(out, "\"value\":%.0f,\"unit\":\"ms\",", lognormal(random, 8000, 0.8));
    write_page(random, out);
}

static void feature_used(struct random *random, struct tr_buf *out)
{
    write_page(random, out);
    tr_buf_printf(out, ",\"properties\":{\"feature\":\"%s\",\"plan\":\"%s\",\"count\":%u}",
                  PICK(random, features), PICK(random, plans), 1 + below(random, 9));
}

static void api_request(struct random *random, struct tr_buf *out)
{
    unsigned chance = below(random, 1000);
    int status = chance < 8 ? 500 : chance < 12 ? 503 : chance < 40 ? 404 : chance < 60 ? 422 : 200;
    tr_buf_printf(out,
                  "\"value\":%.2f,\"unit\":\"ms\",\"properties\":{\"route\":\"%s\",\"method\":"
                  "\"%s\",\"status\":%d,\"region\":\"eu-%u\"}",
                  lognormal(random, 45, 1.0), PICK(random, routes),
                  below(random, 3) == 0 ? "POST" : "GET", status, 1 + below(random, 3));
}

static void page_load(struct random *random, struct tr_buf *out)
{
    tr_buf_printf(out, "\"value\":%.0f,\"unit\":\"ms\",", lognormal(random, 1400, 0.6));
    write_page(random, out);
}

static void web_vital(struct random *random, struct tr_buf *out)
{
    static const char *const metrics[] = {"LCP", "INP", "FCP", "TTFB"};
    double value = lognormal(random, 900, 0.7);
    tr_buf_printf(out, "\"value\":%.1f,\"properties\":{\"metric\":\"%s\",\"rating\":\"%s\"},",
                  value, PICK(random, metrics), value < 2500 ? "good" : "needs-improvement");
    write_page(random, out);
}

static void error(struct random *random, struct tr_buf *out)
{
    write_page(random, out);
    tr_buf_printf(out,
                  ",\"properties\":{\"type\":\"TypeError\",\"message\":\"x%u is undefined\","
                  "\"fatal\":%s,\"stack\":\"at f (app.js:%u:7)\\n at g (app.js:9:1)\"}",
                  below(random, 12), below(random, 5) == 0 ? "true" : "false", below(random, 900));
}

static void sign_up(struct random *random, struct tr_buf *out)
{
    static const char *const channels[] = {"organic", "paid", "referral"};
    tr_buf_printf(out,
                  "\"url\":\"https://app.example/signup?utm_source=newsletter\",\"properties\":"
                  "{\"method\":\"%s\",\"channel\":\"%s\"}",
                  below(random, 2) == 0 ? "google" : "email", PICK(random, channels));
}

static void conversion(struct random *random, struct tr_buf *out)
{
    static const char *const goals[] = {"trial", "activated", "demo_booked"};
    tr_buf_printf(out, "\"properties\":{\"goal\":\"%s\"}", PICK(random, goals));
}

static void purchase(struct random *random, struct tr_buf *out)
{
    static const char *const prices[] = {"19.00", "49.00", "9.90", "-19.00"};
    tr_buf_printf(out, "\"value\":%s,\"unit\":\"USD\",\"properties\":{\"order_id\":\"o_%u\"}",
                  PICK(random, prices), below(random, 1000000));
}

static void survey_answer(struct random *random, struct tr_buf *out)
{
    tr_buf_printf(out,
                  "\"value\":%u,\"unit\":\"score\",\"properties\":{\"survey\":\"autumn\",\"type\":"
                  "\"nps\",\"text\":\"Gut, aber die Suche \\u2014 na ja \\ud83d\\ude42\"}",
                  below(random, 11));
}

static void own_event(struct random *random, struct tr_buf *out)
{
    tr_buf_printf(out, "\"properties\":{\"board\":\"b_%u\",\"items\":%u,\"plan\":\"%s\"}",
                  below(random, 500), below(random, 90), PICK(random, plans));
}

static const struct {
    const char *name; /* NULL: one of the product's own names */
    unsigned weight;
    write_fn write;
} kinds[] = {
    {"page_view", 280, page_view},
    {"engaged_time", 190, engaged_time},
    {"api_request", 190, api_request},
    {"feature_used", 120, feature_used},
    {"page_load", 60, page_load},
    {"web_vital", 40, web_vital},
    {"error", 15, error},
    {"sign_up", 6, sign_up},
    {"conversion", 10, conversion},
    {"purchase", 8, purchase},
    {"survey_answer", 6, survey_answer},
    {NULL, 75, own_event},
};

/* The pool -------------------------------------------------------------------------------------*/

static size_t pick_kind(struct random *random)
{
    unsigned chance = below(random, 1000);
    size_t kind = 0;
    while (chance >= kinds[kind].weight)
        chance -= kinds[kind++].weight;
    return kind;
}

/* Appends a field whose value will be written over; returns where the value begins. */
static uint16_t append_blank(struct tr_buf *out, const char *name, const char *prefix, int size)
{
    tr_buf_printf(out, "\"%s\":\"%s", name, prefix);
    uint16_t at = (uint16_t)out->size;
    tr_buf_printf(out, "%0*d\",", size, 0);
    return at;
}

static void make_template(struct template *template, struct random *random,
                          const struct bench_options *options, bool anonymous)
{
    struct tr_buf text;
    tr_buf_init(&text, BENCH_EVENT_MAX);
    size_t kind = pick_kind(random);
    tr_buf_append_text(&text, "{");
    if (options->ids)
        template->id_at = append_blank(&text, "id", "", ID_SIZE);
    template->time_at = append_blank(&text, "timestamp", "", TIME_SIZE);
    template->person_at = anonymous ? append_blank(&text, "anonymous", "a_", PERSON_DIGITS)
                                    : append_blank(&text, "user", "u_", PERSON_DIGITS);
    template->session_at = append_blank(&text, "session", "s_", SESSION_DIGITS);
    if (kinds[kind].name != NULL)
        tr_buf_printf(&text, "\"name\":\"%s\",", kinds[kind].name);
    else
        tr_buf_printf(&text, "\"name\":\"product_event_%u\",",
                      below(random, (unsigned)options->names));
    kinds[kind].write(random, &text);
    tr_buf_append_text(&text, "}");
    template->size = (uint16_t)text.size;
    template->text = text.data;
}

/* Lays visits over a block of events, CONCURRENT_VISITS at a time. */
static void lay_visits(struct bench_mix *mix, struct random *random)
{
    struct slot open[CONCURRENT_VISITS];
    for (int i = 0; i < CONCURRENT_VISITS; i++)
        open[i] = (struct slot){.visit = (uint16_t)i};
    uint16_t begun = CONCURRENT_VISITS;
    for (int i = 0; i < BLOCK; i++) {
        struct slot *slot = &open[below(random, CONCURRENT_VISITS)];
        mix->slots[i] = *slot;
        slot->step++;
        if (begun < VISITS && below(random, BLOCK / VISITS) == 0)
            *slot = (struct slot){.visit = begun++};
    }
}

static char *make_head(const struct bench_options *options, const char *host, int agent)
{
    static const char *const agents[AGENTS] = {
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/126.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.5 Safari/605.1.15",
    };
    bool has_key = options->key != NULL;
    return tr_printf("POST %s%s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\n"
                     "Accept-Language: en-US,en;q=0.5\r\nContent-Type: application/json\r\n"
                     "%s%s%s%sContent-Length: ",
                     options->path, options->ack != NULL ? "?ack=" : "",
                     options->ack != NULL ? options->ack : "", host, agents[agent],
                     has_key ? "Authorization: Bearer " : "", has_key ? options->key : "",
                     has_key ? "\r\n" : "",
                     options->new_connections ? "Connection: close\r\n" : "");
}

struct bench_mix *bench_mix_new(const struct bench_options *options, const char *host)
{
    struct bench_mix *mix = tr_calloc(1, sizeof *mix);
    mix->options = options;
    /* Visits that begin at the very end must not reach into the future. */
    mix->until_us = tr_clock_wall_us() - (int64_t)BLOCK * STEP_US / CONCURRENT_VISITS;
    struct random random = {.state = mix64(options->seed)};
    for (int i = 0; i < TEMPLATES; i++)
        make_template(&mix->templates[i], &random, options, i % 2 == 1);
    lay_visits(mix, &random);
    for (int i = 0; i < AGENTS; i++)
        mix->heads[i] = make_head(options, host, i);
    return mix;
}

void bench_mix_free(struct bench_mix *mix)
{
    if (mix == NULL)
        return;
    for (int i = 0; i < TEMPLATES; i++)
        free(mix->templates[i].text);
    for (int i = 0; i < AGENTS; i++)
        free(mix->heads[i]);
    free(mix);
}

/* Writing over ---------------------------------------------------------------------------------*/

static void write_digits(char *out, uint64_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

/* As a random (version 4) UUID: what clients use as ids. */
static void write_uuid(char *out, uint64_t high, uint64_t low)
{
    static const char digits[] = "0123456789abcdef";
    high = (high & 0xffffffffffff0fffU) | 0x4000;
    low = (low & 0x3fffffffffffffffU) | 0x8000000000000000U;
    for (int i = 0, at = 0; i < 32; i++) {
        uint64_t half = i < 16 ? high : low;
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[at++] = '-';
        out[at++] = digits[half >> (60 - 4 * (i % 16)) & 15];
    }
}

/* gmtime is dear; most events of a request are of the same second as the one before. */
struct time_text {
    int64_t second;
    char text[TIME_SIZE];
};

static void write_time(struct time_text *last, int64_t us, char *out)
{
    int64_t second = us / 1000000;
    if (second != last->second) {
        struct tm tm;
        time_t when = (time_t)second;
        gmtime_r(&when, &tm);
        write_digits(last->text, (uint64_t)tm.tm_year + 1900, 4);
        write_digits(last->text + 5, (uint64_t)tm.tm_mon + 1, 2);
        write_digits(last->text + 8, (uint64_t)tm.tm_mday, 2);
        write_digits(last->text + 11, (uint64_t)tm.tm_hour, 2);
        write_digits(last->text + 14, (uint64_t)tm.tm_min, 2);
        write_digits(last->text + 17, (uint64_t)tm.tm_sec, 2);
        last->second = second;
    }
    memcpy(out, last->text, TIME_SIZE);
    write_digits(out + 20, (uint64_t)(us / 1000 % 1000), 3);
}

struct visit {
    uint64_t number;
    uint64_t bits;
    uint64_t person;
    bool anonymous;
    int64_t at_us;
};

static struct visit find_visit(const struct bench_mix *mix, uint64_t event, int64_t now_us)
{
    const struct bench_options *options = mix->options;
    const struct slot *slot = &mix->slots[event % BLOCK];
    struct visit visit = {.number = event / BLOCK * VISITS + slot->visit, .at_us = now_us};
    visit.bits = mix64(options->seed ^ mix64(visit.number));
    double share = unit(visit.bits);
    visit.person = (uint64_t)(share * share * (options->users - 1));
    visit.anonymous = visit.person % 5 == 0;
    if (options->backfill_us > 0) {
        double visits = (double)options->events / BLOCK * VISITS + VISITS;
        double back = (double)options->backfill_us * (1 - (double)visit.number / visits);
        int64_t jitter = (int64_t)(mix64(event) % STEP_US);
        visit.at_us = mix->until_us - (int64_t)back + slot->step * (int64_t)STEP_US + jitter;
    }
    return visit;
}

static size_t write_event(const struct bench_mix *mix, uint64_t number, int64_t now_us,
                          struct time_text *time, char *out)
{
    struct visit visit = find_visit(mix, number, now_us);
    uint64_t bits = mix64(mix->options->seed + mix64(~number));
    size_t index = (bits % (TEMPLATES / 2)) * 2 + (visit.anonymous ? 1 : 0);
    const struct template *template = &mix->templates[index];
    memcpy(out, template->text, template->size);
    if (template->id_at != 0)
        write_uuid(out + template->id_at, bits, mix64(bits ^ visit.bits));
    write_time(time, visit.at_us, out + template->time_at);
    write_digits(out + template->person_at, visit.person, PERSON_DIGITS);
    /* Sessions of different runs are different sessions. */
    write_digits(out + template->session_at, visit.bits % 1000000000000, SESSION_DIGITS);
    return template->size;
}

struct tr_slice bench_mix_request(const struct bench_mix *mix, uint64_t first, int count,
                                  int64_t now_us, char *out)
{
    struct time_text time = {.second = -1, .text = "0000-00-00T00:00:00.000Z"};
    char *body = out + BENCH_HEAD_MAX;
    char *at = body;
    if (count > 1 || mix->options->batch > 1)
        *at++ = '[';
    for (int i = 0; i < count; i++) {
        if (i > 0)
            *at++ = ',';
        at += write_event(mix, first + (uint64_t)i, now_us, &time, at);
    }
    if (count > 1 || mix->options->batch > 1)
        *at++ = ']';
    /* The head is as long as it is: it goes right in front of the body. */
    struct tr_slice start = tr_slice_of(mix->heads[first % AGENTS]);
    char length[32];
    int length_size = snprintf(length, sizeof length, "%zu\r\n\r\n", (size_t)(at - body));
    char *head = body - length_size - start.size;
    memcpy(head, start.data, start.size);
    memcpy(head + start.size, length, (size_t)length_size);
    return tr_slice(head, (size_t)(at - head));
}
