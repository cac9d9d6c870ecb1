/* SPDX-License-Identifier: MIT */
/* What load balancers, Prometheus and people on call ask: /healthz, /readyz, /metrics. */
#include "server_priv.h"

#include "traction/base/buf.h"
#include "traction/base/clock.h"
#include "traction/metrics.h"

#include <jansson.h>
#include <stdlib.h>

enum { METRICS_MAX_BYTES = 64 << 20 };

static void respond(struct tr_http_request *request, int status, const char *type,
                    struct tr_slice body)
{
    static const struct tr_http_field fields[] = {
        {TR_SLICE("Cache-Control"), TR_SLICE("no-store")}};
    tr_http_respond(request, &(struct tr_http_response){
                                 .status = status,
                                 .content_type = type,
                                 .body = body,
                                 .fields = fields,
                                 .field_count = 1,
                             });
}

static void respond_json(struct tr_http_request *request, int status, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    respond(request, status, "application/json", tr_slice_of(text));
    free(text);
    json_decref(value);
}

/* The process answers; nothing else is said. */
static void on_healthz(struct tr_http_request *request, void *context)
{
    (void)context;
    respond_json(request, 200, json_pack("{s:s}", "status", "ok"));
}

/* Why events would be refused now, or NULL. */
static const char *not_ready(struct tr_server *server, const struct tr_spool_state *spool)
{
    if (atomic_load(&server->draining))
        return "draining";
    if (spool->failed < 0)
        return "the spool cannot be written";
    if (spool->full)
        return spool->full_reason;
    if (!tr_auth_ready(server->auth))
        return "no keys loaded yet";
    return NULL;
}

/* Ready means: events are accepted. That PostgreSQL is away is told, and is no reason against. */
static void on_readyz(struct tr_http_request *request, void *context)
{
    struct tr_server *server = context;
    struct tr_spool_state spool;
    struct tr_writer_state writer;
    tr_spool_get_state(server->spool, &spool);
    tr_writer_get_state(server->writer, &writer);
    const char *reason = not_ready(server, &spool);
    json_t *answer = json_pack("{s:b, s:s, s:I}", "ready", reason == NULL, "database",
                               writer.connected ? "connected" : "away", "waiting_bytes",
                               (json_int_t)(spool.appended - spool.landed));
    if (reason != NULL)
        json_object_set_new(answer, "reason", json_string(reason));
    if (!writer.connected && writer.last_error[0] != '\0')
        json_object_set_new(answer, "database_error", json_string(writer.last_error));
    respond_json(request, reason == NULL ? 200 : 503, answer);
}

static void render_gauges(struct tr_server *server, struct tr_buf *out)
{
    struct tr_spool_state spool;
    struct tr_writer_state writer;
    tr_spool_get_state(server->spool, &spool);
    tr_writer_get_state(server->writer, &writer);
    double now_us = (double)tr_clock_wall_us();
    tr_metrics_gauge(out, "traction_spool_waiting_bytes", "Acknowledged and not yet in PostgreSQL.",
                     (double)(spool.appended - spool.landed));
    tr_metrics_gauge(out, "traction_spool_full", "1 while events are refused for lack of space.",
                     spool.full);
    tr_metrics_gauge(out, "traction_database_connected", "1 while the writer has a connection.",
                     writer.connected);
    tr_metrics_gauge(out, "traction_landed_through_seconds",
                     "Unix time up to which everything received is in PostgreSQL.",
                     (double)writer.landed_through_us / 1e6);
    tr_metrics_gauge(
        out, "traction_lag_seconds", "Age of what is not yet in PostgreSQL.",
        writer.landed_through_us > 0 ? (now_us - (double)writer.landed_through_us) / 1e6 : 0);
    tr_metrics_gauge(out, "traction_http_open_connections", "Connections open now.",
                     tr_http_server_connections(server->http));
    tr_metrics_gauge(out, "traction_live_listeners", "Listeners to GET /v1/live.",
                     tr_api_live_listeners(server->api));
    tr_metrics_gauge(out, "traction_start_time_seconds", "Unix time at which this process began.",
                     (double)server->started_us / 1e6);
}

static void on_metrics(struct tr_http_request *request, void *context)
{
    struct tr_buf out;
    tr_buf_init(&out, METRICS_MAX_BYTES);
    tr_metrics_render(&out);
    render_gauges(context, &out);
    tr_alert_render(((struct tr_server *)context)->alert, &out);
    respond(request, 200, "text/plain; version=0.0.4; charset=utf-8", tr_buf_slice(&out));
    tr_buf_fini(&out);
}

const struct tr_http_route *tr_server_routes(size_t *count_out)
{
    static const struct tr_http_route routes[] = {
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/healthz", NULL, on_healthz, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/readyz", NULL, on_readyz, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/metrics", NULL, on_metrics, NULL},
    };
    *count_out = sizeof routes / sizeof *routes;
    return routes;
}
