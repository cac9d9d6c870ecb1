/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/server only. */
#pragma once

#include "traction/alert.h"
#include "traction/api.h"
#include "traction/auth.h"
#include "traction/dashboard.h"
#include "traction/http.h"
#include "traction/intake.h"
#include "traction/server.h"
#include "traction/spool.h"
#include "traction/writer.h"

#include <pthread.h>
#include <stdatomic.h>

enum { WORKERS_MAX = 64, TABLES = 4, SIGNALS = 2 };

struct worker {
    struct tr_server *server;
    int index;
    struct tr_loop *loop;
    pthread_t thread;
    bool started;
    struct tr_message drain; /* posted once */
};

/* Routes of one module, and what its handlers are given. */
struct route_table {
    const struct tr_http_route *routes;
    size_t count;
    void *context;
};

struct tr_server {
    const struct tr_config *config;
    struct tr_spool *spool;
    struct tr_auth *auth;
    struct tr_writer *writer;
    struct tr_intake *intake;
    struct tr_api *api;
    struct tr_alert *alert;
    struct tr_http_server *http;
    struct route_table tables[TABLES];
    struct worker workers[WORKERS_MAX];
    int worker_count;
    struct tr_loop *main_loop;
    struct event *signals[SIGNALS];
    int signal_count;       /* of those that came */
    int64_t drain_until_us; /* 0: not draining */
    int64_t started_us;
    _Atomic bool draining;
};

/* /healthz, /readyz, /metrics (status.c); their context is the server. */
const struct tr_http_route *tr_server_routes(size_t *count_out);
