/* SPDX-License-Identifier: MIT */
/* traction bench: options, threads, and what is reached in the end. */
#include "traction/bench.h"

#include "bench_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/clock.h"
#include "traction/base/hash.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const int64_t default_duration_us = INT64_C(10) * 1000000;
static const int64_t default_timeout_us = INT64_C(30) * 1000000;
static const int64_t default_wait_us = INT64_C(600) * 1000000;

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static int64_t since_us(int64_t start_us)
{
    return tr_clock_mono_us() - start_us;
}

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* Options --------------------------------------------------------------------------------------*/

/* 250ms, 10s, 5m, 2h, 30d; a bare number is seconds. */
static bool parse_time(const char *text, int64_t *us_out)
{
    static const struct {
        const char *unit;
        double us;
    } units[] = {{"ms", 1e3}, {"s", 1e6}, {"", 1e6}, {"m", 6e7}, {"h", 3.6e9}, {"d", 8.64e10}};
    char *end;
    double number = strtod(text, &end);
    if (end == text || !(number > 0))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) == 0 && number * units[i].us < 1e15) {
            *us_out = (int64_t)(number * units[i].us);
            return true;
        }
    }
    return false;
}

static bool parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < min || number > max)
        return false;
    *out = number;
    return true;
}

static bool parse_int(const char *text, int min, int max, int *out)
{
    uint64_t number;
    if (!parse_count(text, (uint64_t)min, (uint64_t)max, &number))
        return false;
    *out = (int)number;
    return true;
}

static bool parse_rate(const char *text, double *out)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number > 0) || number > 1e7)
        return false;
    *out = number;
    return true;
}

static bool parse_ack(const char *text, const char **out)
{
    *out = text;
    return strcmp(text, "disk") == 0 || strcmp(text, "memory") == 0 || strcmp(text, "commit") == 0;
}

enum kind { TEXT, INT, COUNT, TIME, RATE, ACK, FLAG, FLAG_OFF };

static const struct setting {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct bench_options */
    int min;
    int max;
    const char *argument;
    const char *words;
} settings[] = {
#define AT(field) offsetof(struct bench_options, field)
    {"url", TEXT, AT(url), 0, 0, "URL", "http://host:port (default: TRACTION_URL)"},
    {"key", TEXT, AT(key), 0, 0, "KEY", "a write key (default: TRACTION_WRITE_KEY)"},
    {"read-key", TEXT, AT(read_key), 0, 0, "KEY", "for --wait-commit (default: TRACTION_READ_KEY)"},
    {"connections", INT, AT(connections), 1, 20000, "N", "at the same time (default: 64)"},
    {"threads", INT, AT(threads), 1, 64, "N", "of the generator (default: 1)"},
    {"duration", TIME, AT(duration_us), 0, 0, "TIME", "such as 10s or 5m (default: 10s)"},
    {"events", COUNT, AT(events), 1, 0, "N", "stop after this many events instead"},
    {"batch", INT, AT(batch), 1, BENCH_BATCH_MAX, "N", "events a request (default: 1)"},
    {"rate", RATE, AT(rate), 0, 0, "R",
     "requests a second, sent whether or not answers come; latency counts from when a request "
     "was due"},
    {"new-connections", FLAG, AT(new_connections), 0, 0, NULL, "a connection for each request"},
    {"ack", ACK, AT(ack), 0, 0, "WHAT", "disk, memory or commit (default: the server's)"},
    {"ids", FLAG, AT(ids), 0, 0, NULL, "events carry random UUIDs as ids (the default)"},
    {"no-ids", FLAG_OFF, AT(ids), 0, 0, NULL, "events carry no ids"},
    {"users", INT, AT(users), 1, 99999999, "N", "how many people (default: 10000)"},
    {"names", INT, AT(names), 1, 1000, "N", "names of the product's own (default: 20)"},
    {"seed", COUNT, AT(seed), 0, 0, "N", "same seed, same events (default: random)"},
    {"backfill", TIME, AT(backfill_us), 0, 0, "TIME",
     "such as 30d: events spread over the past, sent again when the server is busy; needs "
     "--events; in batches of 500 unless --batch"},
    {"retry", FLAG, AT(retry), 0, 0, NULL, "send again after 429, 503 or a lost connection"},
    {"timeout", TIME, AT(timeout_us), 0, 0, "TIME", "of a request (default: 30s)"},
    {"wait-commit", FLAG, AT(wait_commit), 0, 0, NULL,
     "wait until everything is in PostgreSQL and say how fast that was"},
    {"wait-limit", TIME, AT(wait_us), 0, 0, "TIME", "for that (default: 10m)"},
    {"idle", INT, AT(idle), 1, 60000, "N",
     "open N idle connections instead and hold them for the duration"},
    {"path", TEXT, AT(path), 0, 0, "PATH", "where to POST (default: /v1/events)"},
    {"json", FLAG, AT(json), 0, 0, NULL, "figures as JSON"},
#undef AT
};

enum { SETTINGS = sizeof settings / sizeof *settings, OPTION_HELP = 1000 };

static void print_help(void)
{
    puts("usage: traction bench [option...]\n\n"
         "Sends a believable mix of events to a running server and says how fast it took them.\n");
    for (int i = 0; i < SETTINGS; i++) {
        const struct setting *setting = &settings[i];
        int used = printf("  --%s %s", setting->name, setting->argument ? setting->argument : "");
        printf("%*s%s\n", used < 25 ? 25 - used : 1, "", setting->words);
    }
    puts("\nExit status: 0 every answer was 2xx, 1 some were not, 2 wrong usage.");
}

static bool take_setting(const struct setting *setting, const char *value,
                         struct bench_options *options)
{
    void *field = (char *)options + setting->offset;
    switch (setting->kind) {
    case TEXT:
        *(const char **)field = value;
        return value[0] != '\0';
    case INT:
        return parse_int(value, setting->min, setting->max, field);
    case COUNT:
        return parse_count(value, (uint64_t)setting->min, UINT64_MAX / 2, field);
    case TIME:
        return parse_time(value, field);
    case RATE:
        return parse_rate(value, field);
    case ACK:
        return parse_ack(value, field);
    case FLAG:
    case FLAG_OFF:
        *(bool *)field = setting->kind == FLAG;
        return true;
    }
    return false;
}

/* What follows from what was given, and what does not fit together. NULL: all is well. */
static const char *settle(struct bench_options *options)
{
    bool backfill = options->backfill_us > 0;
    if (options->url == NULL)
        return "--url or TRACTION_URL is needed";
    if (options->key == NULL && options->idle == 0)
        return "--key or TRACTION_WRITE_KEY is needed";
    if (backfill && options->events == 0)
        return "--backfill needs --events";
    if (options->wait_commit && options->read_key == NULL)
        return "--wait-commit needs --read-key or TRACTION_READ_KEY";
    if (options->path[0] != '/' || strpbrk(options->path, " \r\n?") != NULL)
        return "--path has to begin with / and has no query";
    if (options->batch == 0)
        options->batch = backfill ? 500 : 1;
    options->retry = options->retry || backfill;
    if (options->duration_us == 0 && (options->events == 0 || options->idle > 0))
        options->duration_us = default_duration_us;
    if (options->connections < options->threads)
        options->threads = options->connections;
    return NULL;
}

static void options_init(struct bench_options *options)
{
    *options = (struct bench_options){
        .url = getenv("TRACTION_URL"),
        .key = getenv("TRACTION_WRITE_KEY"),
        .read_key = getenv("TRACTION_READ_KEY"),
        .path = "/v1/events",
        .connections = 64,
        .threads = 1,
        .ids = true,
        .users = 10000,
        .names = 20,
        .timeout_us = default_timeout_us,
        .wait_us = default_wait_us,
    };
    tr_random(&options->seed, sizeof options->seed);
    options->seed >>= 16; /* short enough for every JSON reader */
}

enum { PARSED, SHOWN_HELP, WRONG };

static int parse(int argc, char **argv, struct bench_options *options)
{
    struct option table[SETTINGS + 2] = {{0}};
    for (int i = 0; i < SETTINGS; i++)
        table[i] = (struct option){settings[i].name,
                                   settings[i].argument ? required_argument : no_argument, NULL, i};
    table[SETTINGS] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "h", table, NULL)) != -1;) {
        if (option == OPTION_HELP || option == 'h') {
            print_help();
            return SHOWN_HELP;
        }
        if (option == '?')
            return WRONG;
        if (!take_setting(&settings[option], optarg, options)) {
            fprintf(stderr, "traction bench: --%s cannot be \"%s\"\n", settings[option].name,
                    optarg);
            return WRONG;
        }
    }
    const char *problem = settle(options);
    if (optind < argc)
        problem = "there are no arguments besides options; see --help";
    if (problem != NULL)
        fprintf(stderr, "traction bench: %s\n", problem);
    return problem != NULL ? WRONG : PARSED;
}

/* Where the server is --------------------------------------------------------------------------*/

enum { HOST_MAX = 300 };

static int split_url(const char *url, char host_out[HOST_MAX], struct tr_error *error)
{
    if (strncmp(url, "http://", 7) != 0)
        return tr_error_set(error, -EINVAL, "%s: the URL has to begin with http://", url);
    size_t size = strcspn(url + 7, "/?#");
    if (size == 0 || size >= HOST_MAX || strspn(url + 7 + size, "/") != strlen(url + 7 + size))
        return tr_error_set(error, -EINVAL, "%s: only a host and a port are expected", url);
    memcpy(host_out, url + 7, size);
    host_out[size] = '\0';
    return 0;
}

static int resolve(struct bench_run *run, const char *authority, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *host = tr_strdup(authority);
    char *name = host;
    char *port = strrchr(host, ':');
    char *bracket = strrchr(host, ']');
    if (port != NULL && (bracket == NULL || port > bracket))
        *port++ = '\0';
    else
        port = NULL;
    if (host[0] == '[' && bracket != NULL) {
        *bracket = '\0';
        name = host + 1;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(name, port != NULL ? port : "80", &hints, &found);
    if (code != 0)
        return tr_error_set(error, -EHOSTUNREACH, "%s: %s", authority, gai_strerror(code));
    memcpy(&run->address, found->ai_addr, found->ai_addrlen);
    run->address_size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

/* Until it is in PostgreSQL --------------------------------------------------------------------*/

/* *landed_out: stored + duplicate. */
static int read_ledger(const struct bench_run *run, const char *host, int64_t *landed_out,
                       struct tr_error *error)
{
    json_t *json = NULL;
    int result = bench_fetch_json(run, host, "/v1/ledger", run->options->read_key, &json, error);
    if (result < 0)
        return result;
    const json_t *stored = json_object_get(json, "stored");
    const json_t *duplicate = json_object_get(json, "duplicate");
    if (json_is_integer(stored) && json_is_integer(duplicate))
        *landed_out = json_integer_value(stored) + json_integer_value(duplicate);
    else
        result = tr_error_set(error, -EBADMSG, "/v1/ledger lacks stored and duplicate");
    json_decref(json);
    return result;
}

static int wait_commit(const struct bench_run *run, const char *host, int64_t wanted,
                       int64_t *committed_us_out, struct tr_error *error)
{
    int64_t limit_us = since_us(0) + run->options->wait_us;
    int64_t landed = 0;
    while (!interrupted && since_us(0) < limit_us) {
        int result = read_ledger(run, host, &landed, error);
        if (result < 0)
            return result;
        if (landed >= wanted) {
            *committed_us_out = since_us(run->start_us);
            return 0;
        }
        sleep_ms(20);
    }
    return tr_error_set(error, -ETIMEDOUT, "%lld events are still not in PostgreSQL",
                        (long long)(wanted - landed));
}

/* The run --------------------------------------------------------------------------------------*/

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* On a terminal, where a long backfill has got to. */
static void show_progress(struct bench_run *run, uint64_t *shown)
{
    uint64_t answered = atomic_load(&run->answered);
    double share = (double)answered / (double)run->options->events;
    if (run->options->events == 0 || !isatty(STDERR_FILENO) || answered == *shown)
        return;
    *shown = answered;
    fprintf(stderr, "\r%5.1f %%  %" PRIu64 " events%s", share * 100, answered,
            answered >= run->options->events ? "\n" : "");
}

static int run_threads(struct bench_run *run, struct bench_counts *counts, struct tr_error *error)
{
    int wanted = run->options->threads;
    TR_CLEANUP(tr_freep)
    struct bench_thread **threads = tr_calloc((size_t)wanted, sizeof(struct bench_thread *));
    int started = 0;
    int result = 0;
    while (result == 0 && started < wanted) {
        result = bench_thread_start(&threads[started], run, started, error);
        started += result == 0;
    }
    if (result < 0)
        interrupted = 1;
    for (uint64_t shown = 0; atomic_load(&run->running) > 0;) {
        sleep_ms(10);
        show_progress(run, &shown);
    }
    for (int i = 0; i < started; i++)
        bench_thread_join(threads[i], counts);
    return result;
}

static int measure(struct bench_run *run, const char *host, struct bench_result *result,
                   struct tr_error *error)
{
    const struct bench_options *options = run->options;
    int64_t before = 0;
    int status = options->wait_commit ? read_ledger(run, host, &before, error) : 0;
    if (status < 0)
        return status;
    run->start_us = tr_clock_mono_us();
    status = run_threads(run, &result->counts, error);
    if (status < 0)
        return status;
    result->elapsed_us = since_us(run->start_us);
    result->cpu_seconds = cpu_seconds();
    if (!options->wait_commit)
        return 0;
    return wait_commit(run, host, before + (int64_t)result->counts.accepted, &result->committed_us,
                       error);
}

static int run_load(struct bench_run *run, const char *host, bool *good_out, struct tr_error *error)
{
    struct bench_mix *mix = bench_mix_new(run->options, host);
    run->mix = mix;
    TR_CLEANUP(tr_freep) struct bench_result *result = tr_calloc(1, sizeof *result);
    int status = measure(run, host, result, error);
    if (result->elapsed_us > 0)
        bench_report(run->options, result);
    *good_out = bench_result_good(result);
    bench_mix_free(mix);
    return status;
}

static int run_idle(struct bench_run *run, bool *good_out, struct tr_error *error)
{
    uint64_t closed = 0;
    int status = bench_idle(run, &closed, error);
    if (status == 0)
        printf("closed by the server meanwhile: %" PRIu64 "\n", closed);
    *good_out = closed == 0;
    return status;
}

int tr_bench_main(int argc, char **argv)
{
    struct bench_options options;
    options_init(&options);
    int parsed = parse(argc, argv, &options);
    if (parsed != PARSED)
        return parsed == SHOWN_HELP ? 0 : 2;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    struct bench_run run = {.options = &options, .interrupted = &interrupted};
    struct tr_error error = TR_ERROR_INIT;
    char host[HOST_MAX];
    bool good = false;
    int status = split_url(options.url, host, &error);
    if (status == 0)
        status = resolve(&run, host, &error);
    if (status == 0)
        status =
            options.idle > 0 ? run_idle(&run, &good, &error) : run_load(&run, host, &good, &error);
    if (status < 0)
        fprintf(stderr, "traction bench: %s%s%s\n", error.message, error.hint[0] ? ". " : "",
                error.hint);
    return status == 0 && good ? 0 : 1;
}
