/* SPDX-License-Identifier: MIT */
/*
 * The load generator's parts:
 *
 *   bench.c         options, threads, what is reached in the end
 *   bench_mix.c     events: a pool of ready texts in which only ids, people and times are patched
 *   bench_thread.c  a thread's connections and its schedule
 *   bench_answer.c  the answers: a bounded reader of HTTP/1.1 responses
 *   bench_fetch.c   one blocking GET, for the ledger
 *   bench_report.c  the figures, as a table and as JSON
 *
 * What a request holds is a function of the seed and the request's number alone, so a run is
 * reproducible however its requests fall on threads and connections.
 */
#pragma once

#include "traction/base/buf.h"
#include "traction/base/error.h"
#include "traction/base/sketch.h"

#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Options --------------------------------------------------------------------------------------*/

struct bench_options {
    const char *url;
    const char *key;
    const char *read_key;
    const char *path; /* where to POST */
    const char *ack;  /* NULL: the server's default */
    int connections;
    int threads;
    int64_t duration_us; /* 0: until events are sent */
    uint64_t events;     /* 0: until the duration is over */
    int batch;
    double rate; /* requests a second; 0: as fast as answers come */
    bool new_connections;
    bool ids;
    int users;
    int names;
    uint64_t seed;
    int64_t backfill_us; /* 0: events happen now */
    bool retry;          /* 429, 503 and lost connections are sent again */
    int64_t timeout_us;  /* of a request */
    bool wait_commit;
    int64_t wait_us; /* at most, for the commit */
    int idle;
    bool json;
};

/* Events ---------------------------------------------------------------------------------------*/

struct bench_mix;

enum { BENCH_EVENT_MAX = 1024, BENCH_BATCH_MAX = 1000, BENCH_HEAD_MAX = 1024 };

struct bench_mix *bench_mix_new(const struct bench_options *options, const char *host);
void bench_mix_free(struct bench_mix *mix);
/* A whole request, head and body, with the events [first, first + count). Any thread. out has
 * room for BENCH_HEAD_MAX + count * BENCH_EVENT_MAX bytes. Returns where in out it begins. */
struct tr_slice bench_mix_request(const struct bench_mix *mix, uint64_t first, int count,
                                  int64_t now_us, char *out);

/* Answers --------------------------------------------------------------------------------------*/

struct bench_answer {
    int status;
    bool head_read;
    bool closes;          /* the connection ends after this answer */
    bool until_close;     /* the body has no length */
    uint64_t body_bytes;  /* still to come */
    int64_t accepted;     /* as the body says; -1: it does not */
    int retry_after;      /* seconds; 0: not said */
    size_t size;          /* of bytes */
    char bytes[4096 + 1]; /* the head, then the beginning of the body */
};

enum { BENCH_ANSWER_DONE = 1, BENCH_ANSWER_BAD = 2 };

void bench_answer_begin(struct bench_answer *answer);
/* Takes the next bytes of a connection. 0: more are needed. */
int bench_answer_take(struct bench_answer *answer, const char *data, size_t size);

/* Running --------------------------------------------------------------------------------------*/

struct bench_counts {
    uint64_t requests; /* answered */
    uint64_t events;   /* in requests answered with 2xx */
    uint64_t accepted; /* as the answers say, else all of them */
    uint64_t refused;  /* events a 2xx answer did not accept */
    uint64_t retries;
    uint64_t statuses[600];
    uint64_t connect_errors;
    uint64_t lost; /* connections that ended before the answer */
    uint64_t timeouts;
    uint64_t bad_answers;
    uint64_t unsent; /* requests that were due but found no connection */
    uint64_t bytes_out;
    double max_ms;
    struct tr_sketch latency; /* milliseconds */
};

/* What the threads share: read-only, or atomic. */
struct bench_run {
    const struct bench_options *options;
    const struct bench_mix *mix;
    struct sockaddr_storage address;
    socklen_t address_size;
    int64_t start_us; /* monotonic */
    _Atomic uint64_t next_request;
    _Atomic uint64_t answered; /* events, for the progress */
    _Atomic int running;       /* threads */
    volatile sig_atomic_t *interrupted;
};

struct bench_thread;
int bench_thread_start(struct bench_thread **thread_out, struct bench_run *run, int index,
                       struct tr_error *error);
/* Waits for its end and adds its counts. */
void bench_thread_join(struct bench_thread *thread, struct bench_counts *counts);

/* Opens options->idle connections, each of which has had one answer, and holds them for the
 * duration. *closed_out: how many the server closed. */
int bench_idle(const struct bench_run *run, uint64_t *closed_out, struct tr_error *error);

/* One blocking GET with the key, at most 1 MiB of JSON; json_out is a new reference. */
int bench_fetch_json(const struct bench_run *run, const char *host, const char *path,
                     const char *key, json_t **json_out, struct tr_error *error);

/* Reporting ------------------------------------------------------------------------------------*/

struct bench_result {
    struct bench_counts counts;
    int64_t elapsed_us;
    int64_t committed_us; /* from the first request to everything in PostgreSQL; 0: not waited */
    double cpu_seconds;   /* spent by the generator */
};

bool bench_result_good(const struct bench_result *result);
void bench_report(const struct bench_options *options, const struct bench_result *result);
