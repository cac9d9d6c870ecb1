/* SPDX-License-Identifier: MIT */
/*
 * Questions over HTTP: KPIs, one and many, and the ledger. A worker checks the key and copies the
 * question; a thread of a small pool, each with a PostgreSQL connection of its own, read-only and
 * with a time limit, answers it; the worker sends the answer. docs/kpis.md describes the endpoints.
 * GET /v1/live goes on: each worker passes the frames of the module live on to its listeners.
 */
#pragma once

#include "traction/auth.h"
#include "traction/base/error.h"
#include "traction/http.h"
#include "traction/spool.h"
#include "traction/writer.h"

#include <jansson.h>

struct tr_api;

struct tr_api_options {
    struct tr_auth *auth; /* borrowed, as the next three */
    struct tr_spool *spool;
    struct tr_writer *writer;
    const char *database_url;
    int query_threads;          /* 2 */
    int statement_timeout_ms;   /* 10,000; beyond: 504 */
    int queries_per_key;        /* 4 at the same time; beyond: 429 */
    int queries_waiting;        /* 64 of all keys, those being answered included; beyond: 503 */
    size_t body_bytes;          /* 64 KiB of POST /v1/query; beyond: 413 */
    int batch;                  /* 50 questions in one POST /v1/query */
    int live_listeners;         /* 2,000 to GET /v1/live; beyond: 503 */
    int live_listeners_per_key; /* 1,000; beyond: 429 */
    int sign_in_attempts;       /* 10 failures in a quarter of an hour, of a user and an address */
    int live_projects;          /* 100 listened to at the same time; beyond: 503 */
};
void tr_api_options_init(struct tr_api_options *options);

/* Starts the threads; they connect when they are first asked. */
int tr_api_start(struct tr_api **api_out, const struct tr_api_options *options,
                 struct tr_error *error);
/* After the workers' loops have ended, and before they are freed: nobody hears an answer any
 * more, so questions are dropped, those being answered too. */
void tr_api_stop(struct tr_api *api);

/* What POST /v1/erase answers; a new reference. Any thread. */
json_t *tr_api_erased_json(const char *user, const struct tr_erased *erased);
bool tr_api_erased_anything(const struct tr_erased *erased);

/* Listeners to GET /v1/live; any thread. */
int tr_api_live_listeners(const struct tr_api *api);

/* Their handlers' context is the tr_api. */
const struct tr_http_route *tr_api_routes(size_t *count_out);
