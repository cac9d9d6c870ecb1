/* SPDX-License-Identifier: MIT */
/* The table of settings. Defaults are not here: they belong to the modules (tr_*_options_init). */
#include "config_priv.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define KIB 1024.0
#define GIB (1024.0 * 1024 * 1024)
#define DAY_S (24.0 * 3600)

/* A field of the wrong type for its kind does not compile. */
#define FIELD_TEXT(f) \
    _Generic(((struct tr_config *)0)->f,                     \
        const char *: offsetof(struct tr_config, f)),        \
        sizeof(((struct tr_config *)0)->f)
#define FIELD_NUMBER(f)                                          \
    _Generic(((struct tr_config *)0)->f, int                     \
             : offsetof(struct tr_config, f), bool               \
             : offsetof(struct tr_config, f), unsigned long      \
             : offsetof(struct tr_config, f), unsigned long long \
             : offsetof(struct tr_config, f), long               \
             : offsetof(struct tr_config, f), long long          \
             : offsetof(struct tr_config, f)),                   \
        sizeof(((struct tr_config *)0)->f)
#define FIELD_DOUBLE(f)                         \
    _Generic(((struct tr_config *)0)->f, double \
             : offsetof(struct tr_config, f)),  \
        sizeof(((struct tr_config *)0)->f)

#define TEXT(s, k, kind, f, help)                         \
    {                                                     \
        s, k, kind, FIELD_TEXT(f), 0, 0, 4096, NULL, help \
    }
#define COUNT(s, k, f, min, max, help)                                  \
    {                                                                   \
        s, k, TR_OPTION_COUNT, FIELD_NUMBER(f), 0, min, max, NULL, help \
    }
#define SIZE(s, k, f, min, max, help)                                  \
    {                                                                  \
        s, k, TR_OPTION_SIZE, FIELD_NUMBER(f), 0, min, max, NULL, help \
    }
#define MILLISECONDS(s, k, f, min_s, max_s, help)                                             \
    {                                                                                         \
        s, k, TR_OPTION_DURATION, FIELD_NUMBER(f), 1000, (min_s)*1e3, (max_s)*1e3, NULL, help \
    }
#define SECONDS(s, k, f, min_s, max_s, help)                                         \
    {                                                                                \
        s, k, TR_OPTION_DURATION, FIELD_NUMBER(f), 1000000, min_s, max_s, NULL, help \
    }
#define MICROSECONDS(s, k, f, min_s, max_s, help)                                          \
    {                                                                                      \
        s, k, TR_OPTION_DURATION, FIELD_NUMBER(f), 1, (min_s)*1e6, (max_s)*1e6, NULL, help \
    }
#define DAYS(s, k, f, min, max, help)                                                \
    {                                                                                \
        s, k, TR_OPTION_DURATION, FIELD_NUMBER(f), 86400000000, min, max, NULL, help \
    }
#define SHARE(s, k, f, min, max, help)                                  \
    {                                                                   \
        s, k, TR_OPTION_SHARE, FIELD_DOUBLE(f), 0, min, max, NULL, help \
    }
#define CHOICE(s, k, f, names, help)                                  \
    {                                                                 \
        s, k, TR_OPTION_CHOICE, FIELD_NUMBER(f), 0, 0, 0, names, help \
    }

static const char *const ack_names[] = {[TR_INTAKE_ACK_DISK] = "disk",
                                        [TR_INTAKE_ACK_MEMORY] = "memory",
                                        [TR_INTAKE_ACK_COMMIT] = "commit",
                                        NULL};
static const char *const address_names[] = {[TR_PRIVACY_ADDRESS_DROP] = "drop",
                                            [TR_PRIVACY_ADDRESS_TRUNCATE] = "truncate",
                                            [TR_PRIVACY_ADDRESS_KEEP] = "keep",
                                            NULL};
static const char *const proxy_field_names[] = {
    [TR_HTTP_X_FORWARDED_FOR] = "x-forwarded-for", [TR_HTTP_FORWARDED] = "forwarded", NULL};
static const char *const switch_names[] = {"no", "yes", NULL};
static const char *const level_names[] = {[TR_LOG_ERROR] = "error",
                                          [TR_LOG_WARNING] = "warning",
                                          [TR_LOG_INFO] = "info",
                                          [TR_LOG_DEBUG] = "debug",
                                          NULL};

/* clang-format off */
const struct tr_option tr_options[] = {
    TEXT("server", "listen", TR_OPTION_ADDRESS, http.host,
         "Where to listen. Port 0 takes a free one."),
    TEXT("server", "public_url", TR_OPTION_TEXT, alert.public_url,
         "Where people reach this server, such as https://metrics.example, for links in alerts. "
         "Default: none, and alerts have no links."),
    COUNT("server", "workers", http.workers, 0, 256,
          "Threads that serve connections; 0: one per core."),
    TEXT("server", "trusted_proxies", TR_OPTION_NETWORKS, http.trusted_proxies,
         "Networks of the proxies in front, separated by spaces: what they say about the client's "
         "address is believed, and their connections are not counted. Default: none."),
    CHOICE("server", "proxy_field", http.proxy_field, proxy_field_names,
           "The header field that trusted proxies add the client's address to."),
    MILLISECONDS("server", "drain_timeout", drain_timeout_ms, 0, 3600,
                 "How long a stopping server waits for requests in progress and for the spool to "
                 "land; what has not landed by then stays in the spool."),

    TEXT("database", "url", TR_OPTION_URL, database_url,
         "PostgreSQL 13 or newer, as a libpq URL or keyword string."),
    COUNT("database", "query_threads", query_threads, 1, 64,
          "Threads that answer KPI questions; each has a connection."),
    MILLISECONDS("database", "statement_timeout", statement_timeout_ms, 0.1, 3600,
                 "A KPI question that takes longer is answered with status 504."),
    COUNT("database", "batch_events", writer.batch_events, 1, 100000,
          "Events that one transaction stores at most."),
    MILLISECONDS("database", "batch_wait", writer.batch_wait_ms, 0, 10,
                 "How long a small batch may wait to grow."),
    MICROSECONDS("database", "dedupe_window", writer.dedupe_window_us, 60, 30 * DAY_S,
                 "An id sent again within this time of its first receipt is counted once."),
    DAYS("database", "partitions_ahead", writer.partitions_ahead_days, 2, 3650,
         "How far ahead partitions are made, one a day."),
    TEXT("database", "key_cache", TR_OPTION_PATH, auth.cache_path,
         "Where the digests of keys are kept for starting while PostgreSQL is away; default: "
         "keys.cache in spool.directory."),

    TEXT("spool", "directory", TR_OPTION_PATH, spool.directory,
         "Where acknowledged events wait for PostgreSQL. Needs a disk that keeps what it flushed."),
    SIZE("spool", "limit", spool.limit_bytes, 1024 * KIB, 1024 * 1024 * GIB,
         "Events waiting beyond this size are refused with status 503."),
    SIZE("spool", "segment", spool.segment_bytes, 64 * KIB, 4 * GIB,
         "Size of a file of the spool."),
    SIZE("spool", "min_free", spool.free_bytes, 0, 1024 * 1024 * GIB,
         "Events are refused with status 503 while the disk has less free than this, or …"),
    SHARE("spool", "min_free_share", spool.free_fraction, 0, 0.9,
          "… less than this share of it, whichever is more."),
    SIZE("spool", "keep", spool.keep_bytes, 0, 1024 * 1024 * GIB,
         "Events that are in PostgreSQL stay in the spool up to this size, to refill a database "
         "that lost its last commits, and …"),
    SECONDS("spool", "keep_time", spool.keep_seconds, 0, 30 * DAY_S, "… for this time at most."),
    CHOICE("spool", "ack", ack, ack_names,
           "When a request without ?ack= is answered: after its events were flushed to the disk, "
           "before (a power cut can then cost the last second), or once they are in PostgreSQL."),

    COUNT("limits", "events", event_limits.events, 1, 100000, "Events a request."),
    SIZE("limits", "properties", event_limits.properties_bytes, 2, 1024 * KIB,
         "Size of an event's properties."),
    COUNT("limits", "depth", event_limits.depth, 1, 64, "Nesting of an event's properties."),
    MICROSECONDS("limits", "past", event_limits.past_us, 3600, 3650 * DAY_S,
                 "Older timestamps become the time of receipt, and the event is marked."),
    MICROSECONDS("limits", "future", event_limits.future_us, 60, 365 * DAY_S,
                 "Timestamps further ahead become the time of receipt, and the event is marked."),
    SIZE("limits", "request_line", http.request_line_bytes, 256, 64 * KIB,
         "Length of a request line."),
    SIZE("limits", "head", http.head_bytes, 1024, 256 * KIB, "Size of a request's head."),
    COUNT("limits", "fields", http.fields, 8, 1000, "Header fields a request."),
    SIZE("limits", "body", http.body_bytes, 1024, 8 * 1024 * KIB,
         "Size of a body, both as sent and after inflating."),
    SIZE("limits", "body_memory", http.body_memory_bytes, 1024 * KIB, 1024 * GIB,
         "Memory of all bodies being received; beyond it status 503."),
    COUNT("limits", "connections", http.connections, 1, 1000000, "Connections."),
    COUNT("limits", "connections_per_address", http.connections_per_address, 1, 1000000,
          "Connections of one client address; loopback addresses and server.trusted_proxies are "
          "not counted."),
    COUNT("limits", "requests_per_connection", http.requests_per_connection, 1, 1000000000,
          "Requests after which a connection is closed."),
    MILLISECONDS("limits", "head_timeout", http.head_timeout_ms, 0.1, 3600,
                 "Time a request's head may take."),
    MILLISECONDS("limits", "body_timeout", http.body_timeout_ms, 0.1, 3600,
                 "Time a request's body may take."),
    SIZE("limits", "body_rate", http.body_rate_bytes, 0, 1024 * KIB,
         "Bytes a second that a body must bring on average; 0: any."),
    MILLISECONDS("limits", "idle_timeout", http.idle_timeout_ms, 0.1, 3600,
                 "Time between requests of a connection."),
    MILLISECONDS("limits", "write_timeout", http.write_timeout_ms, 0.1, 3600,
                 "Time in which a client must take at least a byte of its answer."),
    MILLISECONDS("limits", "commit_timeout", commit_timeout_ms, 0.1, 3600,
                 "How long ?ack=commit waits for PostgreSQL; then the answer is 202 with "
                 "\"committed\":false, and the events are stored later."),
    COUNT("limits", "events_per_second", events_per_second, 0, 10000000,
          "Events a second of one key; beyond it status 429. 0: any number."),
    COUNT("limits", "queries_per_key", queries_per_key, 1, 1000,
          "KPI questions of one key at the same time; beyond it status 429."),
    COUNT("limits", "live_listeners", live_listeners, 0, 1000000,
          "Listeners to GET /v1/live; beyond them status 503."),
    COUNT("limits", "live_listeners_per_key", live_listeners_per_key, 0, 1000000,
          "Listeners of one key; beyond them status 429."),
    COUNT("limits", "live_projects", live_projects, 0, 10000,
          "Projects that are listened to at the same time; beyond them status 503."),
    COUNT("limits", "sign_in_attempts", sign_in_attempts, 1, 10000,
          "Failures to sign in within 15 minutes, of a user from an address of the network; beyond "
          "them, beyond three times as many from the address, or ten times as many of the user, "
          "status 429."),
    COUNT("limits", "queries_waiting", queries_waiting, 1, 10000,
          "KPI questions of all keys at the same time, those being answered included; beyond it "
          "status 503."),
    COUNT("limits", "queries", queries, 1, 1000, "KPI questions a request."),
    SIZE("limits", "query_body", query_body_bytes, 1024, 8 * 1024 * KIB,
         "Size of a body with KPI questions; limits.body bounds it too."),

    CHOICE("privacy", "address", privacy_address, address_names,
           "What becomes of the client's address after it was used at the door: it is not stored; "
           "its network is, /24 or /48; or all of it is."),
    TEXT("privacy", "query_parameters", TR_OPTION_TEXT, event_limits.query_parameters,
         "What is kept of the query of a page's or referrer's URL: names of parameters, separated "
         "by spaces; * keeps all, - none."),

    TEXT("enrichment", "geoip", TR_OPTION_PATH, geoip,
         "A database of countries in MaxMind's format (.mmdb), read again when it changes. "
         "Default: none, and countries are not known."),

    CHOICE("alerts", "allow_private", alert.outbound.allow_private, switch_names,
           "Whether receivers may be at loopback, private and link-local addresses."),
    MILLISECONDS("alerts", "interval", alert.interval_ms, 0.1, 3600,
                 "How often a rule is looked at; questions that take long less often."),
    COUNT("alerts", "query_threads", alert.query_threads, 1, 16,
          "Threads that ask what rules want to know; each has a connection."),
    MILLISECONDS("alerts", "statement_timeout", alert.statement_timeout_ms, 0.1, 3600,
                 "A question of a rule that takes longer is given up, and asked again later."),
    MILLISECONDS("alerts", "group_wait", alert.group_wait_ms, 0, 600,
                 "What changes within this time of each other goes out together, as each "
                 "receiver's group_by says."),
    SECONDS("alerts", "give_up", alert.give_up_s, 60, 30 * DAY_S,
            "How long a receiver that fails is told of a change again and again."),
    SECONDS("alerts", "database_away", alert.database_away_s, 0, DAY_S,
            "Receivers are told when PostgreSQL has been away for so long; 0s: never."),
    CHOICE("alerts", "evaluate", alert.evaluate, switch_names,
           "Whether this server may be the one of all servers on a database that evaluates."),
    CHOICE("alerts", "expose", alert.expose, switch_names,
           "Whether /metrics has what rules found. It needs no key: keep it from the public."),
    MILLISECONDS("alerts", "receiver_timeout", alert.outbound.timeout_ms, 0.1, 600,
                 "How long a receiver may take to answer."),
    TEXT("alerts", "ca_file", TR_OPTION_PATH, alert.outbound.ca_file,
         "Certificates of authorities that receivers' are checked against. Default: the system's."),
    TEXT("alerts", "smtp_url", TR_OPTION_TEXT, alert.outbound.smtp_url,
         "The mail server: smtp://HOST:587 with STARTTLS, smtps://HOST:465. Default: none, and "
         "no mail is sent."),
    TEXT("alerts", "smtp_user", TR_OPTION_TEXT, alert.outbound.smtp_user,
         "Who the mail server lets in."),
    TEXT("alerts", "smtp_password", TR_OPTION_SECRET, alert.outbound.smtp_password,
         "The password with it."),
    TEXT("alerts", "mail_from", TR_OPTION_TEXT, alert.outbound.mail_from,
         "Whom mails come from. Default: traction@ and the name of this machine."),
    CHOICE("alerts", "smtp_plain", alert.outbound.smtp_plain, switch_names,
           "Whether mails go out also where the mail server has no TLS."),
    TEXT("alerts", "cache", TR_OPTION_PATH, alert.cache_path,
         "Where receivers are kept, secrets included, for telling that PostgreSQL is away; "
         "default: alerts.cache in spool.directory."),

    CHOICE("log", "level", log_level, level_names, "What is written to standard error."),
};
/* clang-format on */

const size_t tr_option_count = sizeof tr_options / sizeof tr_options[0];

const struct tr_option *tr_option_find(const char *section, const char *key)
{
    for (size_t i = 0; i < tr_option_count; i++)
        if (strcmp(tr_options[i].section, section) == 0 && strcmp(tr_options[i].key, key) == 0)
            return &tr_options[i];
    return NULL;
}

bool tr_option_section_exists(const char *section)
{
    for (size_t i = 0; i < tr_option_count; i++)
        if (strcmp(tr_options[i].section, section) == 0)
            return true;
    return false;
}

void tr_option_variable(const struct tr_option *option, char *out, size_t size)
{
    snprintf(out, size, "TRACTION_%s_%s", option->section, option->key);
    for (char *c = out; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
}
