/* SPDX-License-Identifier: MIT */
/*
 * Counters and gauges from one table, which is also what /metrics prints and the handbook lists.
 * Each thread counts in a block of its own; reading adds the blocks up. Any thread.
 */
#pragma once

#include "traction/base/buf.h"

#include <stdint.h>

/* symbol, Prometheus name, type, help */
#define TR_METRICS(X)                                                                              \
    X(HTTP_REQUESTS, "traction_http_requests_total", "counter", "Requests answered.")              \
    X(HTTP_CLIENT_ERRORS, "traction_http_client_errors_total", "counter", "Answers 4xx.")          \
    X(HTTP_SERVER_ERRORS, "traction_http_server_errors_total", "counter", "Answers 5xx.")          \
    X(HTTP_CONNECTIONS, "traction_http_connections_total", "counter", "Connections accepted.")     \
    X(HTTP_REFUSED, "traction_http_refused_total", "counter",                                      \
      "Connections closed at once: too many, or no descriptor left.")                              \
    X(HTTP_TIMEOUTS, "traction_http_timeouts_total", "counter",                                    \
      "Connections ended by a deadline.")                                                          \
    X(EVENTS_ACCEPTED, "traction_events_accepted_total", "counter", "Events acknowledged.")        \
    X(EVENTS_REJECTED, "traction_events_rejected_total", "counter", "Events refused at the door.") \
    X(EVENTS_STORED, "traction_events_stored_total", "counter", "Events committed.")               \
    X(EVENTS_DUPLICATE, "traction_events_duplicate_total", "counter", "Events known by their id.") \
    X(EVENTS_QUARANTINED, "traction_events_quarantined_total", "counter",                          \
      "Events that PostgreSQL refused; see traction rejects list.")                                \
    X(SPOOL_SYNCS, "traction_spool_syncs_total", "counter", "Group commits of the spool.")         \
    X(SPOOL_BYTES, "traction_spool_bytes_total", "counter", "Bytes written to the spool.")         \
    X(SPOOL_REFUSED, "traction_spool_refused_total", "counter",                                    \
      "Appends refused: spool full, disk full or draining.")                                       \
    X(SPOOL_DAMAGED, "traction_spool_damaged_total", "counter", "Damaged stretches set aside.")    \
    X(WRITER_BATCHES, "traction_writer_batches_total", "counter", "Batches committed.")            \
    X(WRITER_RETRIES, "traction_writer_retries_total", "counter",                                  \
      "Batches begun again after PostgreSQL failed or another server was first.")                  \
    X(WRITER_BUSY_US, "traction_writer_busy_microseconds_total", "counter",                        \
      "Time the writer spent on batches.")                                                         \
    X(QUERIES, "traction_queries_total", "counter", "KPI questions answered.")                     \
    X(QUERIES_FAILED, "traction_queries_failed_total", "counter", "KPI questions that failed.")    \
    X(LIVE_FRAMES, "traction_live_frames_total", "counter", "Frames sent to live listeners.")      \
    X(LIVE_SKIPPED, "traction_live_skipped_total", "counter",                                      \
      "Frames left out for live listeners that were slow.")                                        \
    X(LIVE_CUT, "traction_live_cut_total", "counter",                                              \
      "Live listeners cut off for being slow, or for their key's sake.")

enum tr_metric {
#define X(symbol, name, type, help) TR_METRIC_##symbol,
    TR_METRICS(X)
#undef X
        TR_METRIC_COUNT
};

void tr_metric_add(enum tr_metric metric, uint64_t n);
uint64_t tr_metric_get(enum tr_metric metric);

/* Appends all of them in Prometheus' text format 0.0.4. */
void tr_metrics_render(struct tr_buf *out);
/* Appends one gauge with its HELP and TYPE lines; for values that live elsewhere. */
void tr_metrics_gauge(struct tr_buf *out, const char *name, const char *help, double value);
