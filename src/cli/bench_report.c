/* SPDX-License-Identifier: MIT */
/* The figures of a run: a table for people, one JSON object for scripts. */
#include "bench_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool bench_result_good(const struct bench_result *result)
{
    const struct bench_counts *counts = &result->counts;
    for (int status = 0; status < 600; status++)
        if (counts->statuses[status] > 0 && (status < 200 || status > 299))
            return false;
    return counts->refused + counts->connect_errors + counts->lost + counts->timeouts +
               counts->bad_answers <=
           counts->retries;
}

static double per_second(uint64_t count, int64_t us)
{
    return us > 0 ? (double)count * 1e6 / (double)us : 0;
}

static const struct {
    const char *name;
    double q;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

/* The sketch is right to 1 %; the maximum is exact and bounds it. */
static double quantile(const struct bench_counts *counts, double q)
{
    double value = tr_sketch_quantile(&counts->latency, q);
    return value < counts->max_ms ? value : counts->max_ms;
}

static json_t *errors_json(const struct bench_counts *counts)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "connect", (json_int_t)counts->connect_errors, "lost",
                     (json_int_t)counts->lost, "timeout", (json_int_t)counts->timeouts,
                     "bad_answer", (json_int_t)counts->bad_answers, "refused_events",
                     (json_int_t)counts->refused);
}

static void report_json(const struct bench_options *options, const struct bench_result *result)
{
    const struct bench_counts *counts = &result->counts;
    json_t *statuses = json_object();
    for (int status = 0; status < 600; status++) {
        char name[8];
        snprintf(name, sizeof name, "%d", status);
        if (counts->statuses[status] > 0)
            json_object_set_new(statuses, name, json_integer((json_int_t)counts->statuses[status]));
    }
    json_t *latency = json_pack("{s:f}", "max", counts->max_ms);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        json_object_set_new(latency, quantiles[i].name,
                            json_real(quantile(counts, quantiles[i].q)));
    json_t *report = json_pack(
        "{s:I,s:I,s:I,s:f,s:f,s:f,s:o,s:o,s:o,s:I,s:I,s:f,s:I,s:i,s:i}", "requests",
        (json_int_t)counts->requests, "events", (json_int_t)counts->events, "accepted",
        (json_int_t)counts->accepted, "seconds", (double)result->elapsed_us / 1e6, "requests_per_s",
        per_second(counts->requests, result->elapsed_us), "events_per_s",
        per_second(counts->events, result->elapsed_us), "status", statuses, "errors",
        errors_json(counts), "latency_ms", latency, "retries", (json_int_t)counts->retries,
        "unsent", (json_int_t)counts->unsent, "generator_cpu_s", result->cpu_seconds, "seed",
        (json_int_t)options->seed, "connections", options->connections, "batch", options->batch);
    if (result->committed_us > 0) {
        json_object_set_new(report, "committed_s", json_real((double)result->committed_us / 1e6));
        json_object_set_new(report, "committed_events_per_s",
                            json_real(per_second(counts->accepted, result->committed_us)));
    }
    char *text = json_dumps(report, JSON_COMPACT | JSON_REAL_PRECISION(6));
    puts(text);
    free(text);
    json_decref(report);
}

static void line(const char *name, uint64_t count, int64_t us)
{
    printf("%-12s %12" PRIu64 " %12.0f /s\n", name, count, per_second(count, us));
}

static void report_problems(const struct bench_counts *counts)
{
    const struct {
        const char *what;
        uint64_t count;
    } problems[] = {
        {"could not connect", counts->connect_errors},
        {"connection lost", counts->lost},
        {"timed out", counts->timeouts},
        {"answer not understood", counts->bad_answers},
        {"events not accepted", counts->refused},
        {"sent again", counts->retries},
        {"due but not sent: the rate is beyond what the server takes", counts->unsent},
    };
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
        if (problems[i].count > 0)
            printf("%-12s %12" PRIu64 "  %s\n", "problem", problems[i].count, problems[i].what);
}

void bench_report(const struct bench_options *options, const struct bench_result *result)
{
    if (options->json) {
        report_json(options, result);
        return;
    }
    const struct bench_counts *counts = &result->counts;
    printf("%d connections, %d threads, %d a request, %.2f s, seed %" PRIu64 "\n",
           options->connections, options->threads, options->batch, (double)result->elapsed_us / 1e6,
           options->seed);
    line("requests", counts->requests, result->elapsed_us);
    line("events", counts->events, result->elapsed_us);
    if (result->committed_us > 0)
        line("committed", counts->accepted, result->committed_us);
    for (int status = 0; status < 600; status++)
        if (counts->statuses[status] > 0)
            printf("status %-5d %12" PRIu64 "\n", status, counts->statuses[status]);
    report_problems(counts);
    printf("latency ms   ");
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        printf("%s %.3f  ", quantiles[i].name, quantile(counts, quantiles[i].q));
    printf("max %.3f\ngenerator    %12.2f s of CPU\n", counts->max_ms, result->cpu_seconds);
}
