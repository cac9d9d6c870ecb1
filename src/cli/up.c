/* SPDX-License-Identifier: MIT */
/*
 * traction up: a private PostgreSQL, its schema, a project, keys and the server, in one folder.
 *
 *   DIR/postgres/      the cluster; its lock keeps a second `up` out
 *   DIR/spool/         events on their way into it
 *   DIR/traction.env   how to reach all this; there while the server is ready
 *   DIR/demo.json      what --demo has loaded
 *
 * A signal before the server runs ends the process; PostgreSQL then stops by itself.
 */
#include "cli_priv.h"
#include "up_demo.h"
#include "up_priv.h"

#include "traction/base/clock.h"
#include "traction/base/file.h"
#include "traction/base/log.h"
#include "traction/cluster.h"
#include "traction/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESTART_PAUSE_US = 5000000 };

struct up {
    char *directory;
    struct tr_config *config;
    struct tr_cluster *cluster;
    struct tr_server *server;
    struct tr_up_access access;
    struct tr_up_demo *demo;
    char *url;
    bool is_open; /* traction.env is there */
    int64_t restart_after_us;
    bool restarting;
    int failed; /* while the server ran */
    struct tr_error error;
    bool wrong_usage;
};

struct up_options {
    const char *data;
    const char *listen;
    const char *config;
    struct tr_up_demo_words demo;
};

static int make_directory(struct up *up, const char *path, struct tr_error *error)
{
    char current[4096];
    if (path[0] == '/')
        up->directory = tr_strdup(path);
    else if (getcwd(current, sizeof current) != NULL)
        up->directory = tr_printf("%s/%s", current, strncmp(path, "./", 2) == 0 ? path + 2 : path);
    else
        return tr_error_set(error, -errno, "could not tell the working directory: %s",
                            strerror(errno));
    for (size_t size = strlen(up->directory); size > 1 && up->directory[size - 1] == '/'; size--)
        up->directory[size - 1] = '\0';
    return tr_file_make_directory(up->directory, 0700, error);
}

static int start_cluster(struct up *up, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *directory = tr_printf("%s/postgres", up->directory);
    struct tr_cluster_options options = {.directory = directory};
    int result = tr_cluster_start(&up->cluster, &options, error);
    if (result == -EBUSY) {
        tr_error_set(error, -EBUSY, "another \"traction up\" runs on %s", up->directory);
        tr_error_hint(error, "Stop it first, or give another folder with --data.");
    }
    return result;
}

static int set_default(struct up *up, const char *section, const char *key, const char *name,
                       struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *path = tr_printf("%s/%s", up->directory, name);
    return tr_config_set_default(up->config, section, key, path, "traction up", error);
}

static int load_config(struct up *up, const struct up_options *options, struct tr_error *error)
{
    int result = tr_config_load(&up->config, options->config, error);
    if (result == 0 && options->listen != NULL) {
        result = tr_config_set(up->config, "server", "listen", options->listen, "--listen", error);
        up->wrong_usage = result < 0;
    }
    if (result == 0) {
        result = tr_up_demo_new(&up->demo, &options->demo, up->config, error);
        up->wrong_usage = result == -EINVAL;
    }
    if (result == 0)
        tr_log_set_level((enum tr_log_level)up->config->log_level);
    return result;
}

static int prepare_database(struct up *up, const struct up_options *options, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    struct tr_pg_options pg_options = {.url = tr_cluster_url(up->cluster),
                                       .application = "traction up"};
    int applied;
    int result = tr_pg_connect(&pg, &pg_options, error);
    if (result == 0)
        result = tr_pg_migrate(pg, &applied, error);
    if (result == 0)
        result = tr_up_make_access(up->directory, options->demo.demo ? "demo" : "default", pg,
                                   &up->access, error);
    if (result == 0 && options->demo.demo)
        result = tr_up_demo_prepare(up->demo, up->directory, pg, up->access.project_number, error);
    return result;
}

/* The address to paste: a wildcard is no place to go to. */
static char *make_url(const struct up *up, int port)
{
    const char *host = up->config->http.host;
    if (strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    return tr_printf(strchr(host, ':') != NULL ? "http://[%s]:%d" : "http://%s:%d", host, port);
}

/* A port that is not known yet makes no link. */
static int set_public_url(struct up *up, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *url = make_url(up, up->config->http.port);
    if (up->config->http.port == 0)
        return 0;
    return tr_config_set_default(up->config, "server", "public_url", url, "traction up", error);
}

static int start_server(struct up *up, struct tr_error *error)
{
    int result = tr_config_set(up->config, "database", "url", tr_cluster_url(up->cluster),
                               "traction up", error);
    if (result == 0)
        result = set_default(up, "spool", "directory", "spool", error);
    if (result == 0)
        result = set_default(up, "database", "key_cache", "keys.cache", error);
    if (result == 0)
        result = set_public_url(up, error);
    return result < 0 ? result : tr_server_start(&up->server, up->config, error);
}

static void print_screen(const struct up *up, const char *url)
{
    printf(
        "Traction is ready.\n\n"
        "  Dashboard  %s/sign-in#%s\n"
        "             (signs you in once; later: %s, and the password in traction.env)\n"
        "  API        %s\n"
        "  Data       %s\n"
        "  Database   psql \"%s\"\n\n"
        "  Write key  %s   (public: may only send events)\n"
        "  Read key   %s   (asks KPIs)\n"
        "  Admin key  %s   (keep it to yourself)\n\n"
        "Send an event, and ask for it:\n\n"
        "  curl '%s/v1/events?ack=commit' -H 'Authorization: Bearer %s' \\\n"
        "    -d '{\"name\": \"page_view\", \"user\": \"u_1\", \"url\": \"https://app.example/\"}'\n"
        "  curl '%s/v1/kpi/active_users' -H 'Authorization: Bearer %s'\n\n"
        "All of this as variables: set -a; . '%s/traction.env'; set +a\n"
        "Stop with ^C; \"traction up\" again goes on with the same data.\n",
        url, up->access.link, TR_UP_OWNER, url, up->directory, tr_cluster_url(up->cluster),
        up->access.keys[TR_SCOPE_WRITE], up->access.keys[TR_SCOPE_READ],
        up->access.keys[TR_SCOPE_ADMIN], url, up->access.keys[TR_SCOPE_WRITE], url,
        up->access.keys[TR_SCOPE_READ], up->directory);
    fflush(stdout);
}

/* Everything is there: says so, in traction.env and on the screen. */
static int open_doors(struct up *up, struct tr_error *error)
{
    int result = tr_up_publish_access(up->directory, &up->access, up->url,
                                      tr_cluster_url(up->cluster), error);
    up->is_open = result == 0;
    if (up->is_open)
        print_screen(up, up->url);
    return result;
}

static int start(struct up *up, const struct up_options *options, struct tr_error *error)
{
    int result = load_config(up, options, error);
    if (result == 0)
        result = make_directory(up, options->data, error);
    if (result == 0)
        result = start_cluster(up, error);
    if (result == 0)
        result = tr_up_hide_access(up->directory, error);
    if (result == 0)
        result = prepare_database(up, options, error);
    if (result == 0)
        result = start_server(up, error);
    if (result < 0)
        return result;
    up->url = make_url(up, tr_server_port(up->server));
    return options->demo.demo ? tr_up_demo_start(up->demo, up->url, &up->access, error)
                              : open_doors(up, error);
}

/* False: it failed. */
static bool watch_demo(struct up *up)
{
    if (up->is_open)
        return true;
    int state = tr_up_demo_poll(up->demo, &up->error);
    if (state == 0)
        state = tr_up_demo_mark(up->demo, tr_cluster_url(up->cluster), &up->error);
    if (state == 0) {
        tr_up_demo_print(up->demo);
        state = open_doors(up, &up->error);
    }
    up->failed = state < 0 ? state : 0;
    return state >= 0;
}

static void restart(struct up *up)
{
    struct tr_error error = TR_ERROR_INIT;
    if (tr_clock_mono_us() < up->restart_after_us)
        return;
    tr_log(TR_LOG_WARNING, "PostgreSQL ended; starting it again; %s/postgres/postgres.log says why",
           up->directory);
    up->restart_after_us = tr_clock_mono_us() + RESTART_PAUSE_US;
    if (tr_cluster_restart(up->cluster, &error) < 0)
        tr_log(TR_LOG_ERROR, "%s", error.message);
    up->restarting = true;
}

/* A few times a second while the server runs: PostgreSQL may have been killed. The server goes on
 * accepting meanwhile; what it accepts waits in the spool. */
static bool supervise(void *context)
{
    struct up *up = context;
    if (!watch_demo(up))
        return false;
    if (tr_cluster_has_exited(up->cluster)) {
        restart(up);
    } else if (up->restarting && tr_cluster_is_ready(up->cluster)) {
        tr_log(TR_LOG_INFO, "PostgreSQL runs again");
        up->restarting = false;
    }
    return true;
}

static int run(struct up *up, const struct up_options *options, struct tr_error *error)
{
    int result = start(up, options, error);
    if (result == 0)
        result = tr_server_run(up->server, supervise, up, error);
    if (result == 0 && up->failed < 0) {
        *error = up->error;
        result = up->failed;
    }
    if (result == 0 && !up->is_open)
        fprintf(stderr, "The demo is not loaded to its end; \"traction up --demo\" goes on.\n");
    tr_up_demo_free(up->demo);
    if (up->server != NULL)
        tr_up_hide_access(up->directory, NULL); /* the next start tries again */
    tr_server_free(up->server);
    tr_cluster_stop(up->cluster);
    tr_config_free(up->config);
    free(up->directory);
    free(up->url);
    return result;
}

int tr_cli_up(int argc, char **argv)
{
    struct up_options up_options = {.data = "traction-data"};
    const struct tr_cli_option options[] = {
        {"data", TR_CLI_TEXT, &up_options.data, "DIR", "where everything is; else traction-data"},
        {"listen", TR_CLI_TEXT, &up_options.listen, "HOST:PORT",
         "where to listen; else 127.0.0.1:8080; port 0 takes a free one"},
        {"config", TR_CLI_TEXT, &up_options.config, "FILE", "read this instead of traction.ini"},
        {"demo", TR_CLI_FLAG, &up_options.demo.demo, NULL,
         "fill a project \"demo\" with 90 days of a made-up product, and open on it"},
        {"demo-events", TR_CLI_TEXT, &up_options.demo.events, "N",
         "about how many events; else 1000000"},
        {"demo-seed", TR_CLI_TEXT, &up_options.demo.seed, "N",
         "equal seeds and ends give equal events; else 1"},
        {"demo-end", TR_CLI_TEXT, &up_options.demo.end, "TIME",
         "when the story ends, such as 2026-11-23T12:00:00Z; else now"},
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction up",
        "[--data DIR] [--listen HOST:PORT] [--config FILE] [--demo]",
        "Starts a private PostgreSQL under DIR (unix socket only), brings its schema up to date,\n"
        "makes a project \"default\" and keys for it, and runs the server. DIR/traction.env says "
        "how\n"
        "to reach it all, from when the server is ready. ^C stops both; again, it goes on.",
        options,
        0,
        0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    struct tr_error error = TR_ERROR_INIT;
    struct up up = {.directory = NULL};
    if (run(&up, &up_options, &error) == 0)
        return TR_EXIT_DONE;
    tr_cli_fail(&error);
    return up.wrong_usage ? TR_EXIT_USAGE : TR_EXIT_FAILED;
}
