/* SPDX-License-Identifier: MIT */
/*
 * Every setting, declared once in a table (src/config/options.c): section, key, type, bounds, help
 * and the field of struct tr_config it fills. A value is the module's own default, then what
 * traction.ini says, then the environment variable TRACTION_<SECTION>_<KEY>, then the command line;
 * where it came from is remembered. Unknown settings and bad values are errors that name the place
 * and what was expected.
 *
 * No module sees this structure: the server hands each the options embedded here. Read-only once
 * loaded; the strings it points to live as long as it does.
 */
#pragma once

#include "traction/alert.h"
#include "traction/auth.h"
#include "traction/base/alloc.h"
#include "traction/base/buf.h"
#include "traction/base/error.h"
#include "traction/base/log.h"
#include "traction/event.h"
#include "traction/http.h"
#include "traction/intake.h"
#include "traction/spool.h"
#include "traction/writer.h"

#include <jansson.h>

struct tr_config_private;

struct tr_config {
    struct tr_http_options http;     /* host, port, workers and limits are all set */
    struct tr_spool_options spool;   /* directory is absolute */
    struct tr_writer_options writer; /* database_url is set; the server sets spool */
    struct tr_event_limits event_limits;
    struct tr_auth_options auth;   /* database_url and cache_path are set */
    struct tr_alert_options alert; /* database_url and cache_path are set */
    const char *database_url;
    int query_threads;
    int statement_timeout_ms; /* of a KPI question */
    int queries_per_key;      /* at the same time */
    int live_listeners;
    int live_listeners_per_key;
    int sign_in_attempts;
    int live_projects;
    int queries_waiting; /* of all keys */
    int queries;         /* in one request */
    size_t query_body_bytes;
    int commit_timeout_ms; /* how long ack=commit waits for PostgreSQL */
    int drain_timeout_ms;
    int ack;                            /* enum tr_intake_ack of requests that don't say */
    int events_per_second;              /* a key may send; 0: any number */
    int privacy_address;                /* enum tr_privacy_address */
    const char *geoip;                  /* NULL: none */
    int log_level;                      /* enum tr_log_level */
    struct tr_config_private *private_; /* where each value came from; config's own */
};

/* path NULL: ./traction.ini, else /etc/traction/traction.ini, else none. Reads the environment. */
int tr_config_load(struct tr_config **config_out, const char *path, struct tr_error *error);
void tr_config_free(struct tr_config *config);
TR_DEFINE_CLEANUP(struct tr_config, tr_config_free)

/* Sets one setting from the command line: "server", "listen", "127.0.0.1:0", "--listen". */
int tr_config_set(struct tr_config *config, const char *section, const char *key, const char *value,
                  const char *origin, struct tr_error *error);

/* The same, unless the setting has been set somewhere: a command's own default. */
int tr_config_set_default(struct tr_config *config, const char *section, const char *key,
                          const char *value, const char *origin, struct tr_error *error);

/* The database URL without its password, for people to see. The caller frees it. */
char *tr_config_redact(const char *url);
/* The file that was read; NULL: none. */
const char *tr_config_path(const struct tr_config *config);
/* All settings with their values and origins, passwords left out: aligned lines, or JSON as a new
 * reference. */
void tr_config_print(const struct tr_config *config, struct tr_buf *out);
json_t *tr_config_json(const struct tr_config *config);
/* docs/configuration.md. */
void tr_config_markdown(struct tr_buf *out);
