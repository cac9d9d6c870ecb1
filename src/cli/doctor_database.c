/* SPDX-License-Identifier: MIT */
/* traction doctor: the database, its schema, its clock, the keys and the ledger. */
#include "doctor_priv.h"

#include "traction/base/clock.h"
#include "traction/base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION_LEAST = 130000, SKEW_NOTE_MS = 1000, SKEW_BAD_MS = 60000, BEHIND_NOTE_S = 60 };

static void failed(struct tr_doctor *doctor, const char *subject, const struct tr_error *error)
{
    tr_doctor_find(doctor, TR_FINDING_BAD, subject, error->hint, "%s", error->message);
}

static void check_clock(struct tr_doctor *doctor, int64_t database_us, int64_t before_us,
                        int64_t after_us)
{
    /* The database looked at its clock somewhere in between. */
    int64_t skew_us = database_us < before_us  ? before_us - database_us
                      : database_us > after_us ? database_us - after_us
                                               : 0;
    long long skew_ms = skew_us / 1000;
    tr_doctor_find(doctor,
                   skew_ms >= SKEW_BAD_MS    ? TR_FINDING_BAD
                   : skew_ms >= SKEW_NOTE_MS ? TR_FINDING_NOTE
                                             : TR_FINDING_GOOD,
                   "clock", skew_ms >= SKEW_NOTE_MS ? "Run NTP on both machines." : "",
                   "%lld ms apart from the database's", skew_ms);
}

/* Beyond this machine only a checked certificate tells who answers. */
static void check_link(struct tr_doctor *doctor, const struct tr_config *config,
                       struct tr_slice address, bool tls)
{
    bool local =
        address.size == 0 || tr_slice_starts(address, "127.") || tr_slice_is(address, "::1");
    if (local)
        tr_doctor_find(doctor, TR_FINDING_GOOD, "link", "", "the database is on this machine");
    else if (tls && strstr(config->database_url, "sslmode=verify-full") != NULL)
        tr_doctor_find(doctor, TR_FINDING_GOOD, "link", "", "TLS, certificate checked");
    else
        tr_doctor_find(doctor, TR_FINDING_BAD, "link", "Add sslmode=verify-full to database.url.",
                       "the database is remote and %s",
                       tls ? "its certificate is not checked" : "the connection is in the clear");
}

static int check_server(struct tr_doctor *doctor, const struct tr_config *config, struct tr_pg *pg,
                        struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    int64_t before_us = tr_clock_wall_us();
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/doctor_server"), NULL, &row, error);
    int64_t after_us = tr_clock_wall_us();
    if (result < 0)
        return result;
    struct tr_slice version = tr_pg_get_bytes(row, 0, tr_pg_column(row, "version_text"));
    bool old = tr_pg_get_int(row, 0, tr_pg_column(row, "version")) < VERSION_LEAST;
    tr_doctor_find(doctor, old ? TR_FINDING_BAD : TR_FINDING_GOOD, "database",
                   old ? "Use PostgreSQL 13 or newer." : "", "PostgreSQL %.*s", (int)version.size,
                   version.data);
    if (tr_pg_get_bool(row, 0, tr_pg_column(row, "standby")))
        tr_doctor_find(doctor, TR_FINDING_BAD, "database",
                       "Add target_session_attrs=read-write to database.url.",
                       "this is a standby, which cannot be written");
    if (!tr_pg_get_bool(row, 0, tr_pg_column(row, "durable")))
        tr_doctor_find(doctor, TR_FINDING_BAD, "database", "Set both to on.",
                       "fsync or full_page_writes is off: a power cut can destroy the database");
    check_link(doctor, config, tr_pg_get_bytes(row, 0, tr_pg_column(row, "address")),
               tr_pg_get_bool(row, 0, tr_pg_column(row, "tls")));
    check_clock(doctor, tr_pg_get_timestamptz(row, 0, tr_pg_column(row, "now")), before_us,
                after_us);
    return 0;
}

static int check_ledger(struct tr_doctor *doctor, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/doctor_ledger"), NULL, &rows, error);
    if (result < 0)
        return result;
    for (int i = 0; i < tr_pg_rows(rows); i++)
        tr_doctor_find(
            doctor, TR_FINDING_BAD, "ledger", "Keep the spool and the log, and report it.",
            "project %lld: %lld landed, %lld accounted for", (long long)tr_pg_get_int(rows, i, 0),
            (long long)tr_pg_get_int(rows, i, 1), (long long)tr_pg_get_int(rows, i, 2));
    if (tr_pg_rows(rows) == 0)
        tr_doctor_find(doctor, TR_FINDING_GOOD, "ledger", "", "balances");
    return 0;
}

static int check_progress(struct tr_doctor *doctor, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *spools = NULL;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rate = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/doctor_spools"), NULL, &spools, error);
    if (result == 0)
        result = tr_pg_query(pg, tr_pg_sql("queries/admin/doctor_rate"), NULL, &rate, error);
    if (result < 0)
        return result;
    double behind_s = tr_pg_get_float(spools, 0, tr_pg_column(spools, "behind"));
    double per_second = tr_pg_get_float(rate, 0, tr_pg_column(rate, "events_per_second"));
    doctor->bytes_per_second =
        per_second * tr_pg_get_float(rate, 0, tr_pg_column(rate, "record_bytes"));
    if (tr_pg_get_int(spools, 0, tr_pg_column(spools, "servers")) > 0)
        tr_doctor_find(
            doctor, behind_s > BEHIND_NOTE_S ? TR_FINDING_NOTE : TR_FINDING_GOOD, "writer",
            behind_s > BEHIND_NOTE_S ? "Does every server run? See its log." : "",
            "the slowest server's events are in up to %.0f s ago; %.1f events/s over the "
            "last hour",
            behind_s, per_second);
    return 0;
}

/* Receivers that do not take what they are sent. */
static int check_receivers(struct tr_doctor *doctor, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/alert/failing"), NULL, &rows, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++) {
        struct tr_slice project = tr_pg_get_bytes(rows, row, tr_pg_column(rows, "project"));
        struct tr_slice name = tr_pg_get_bytes(rows, row, tr_pg_column(rows, "name"));
        struct tr_slice why = tr_pg_get_bytes(rows, row, tr_pg_column(rows, "last_error"));
        double failing_s = tr_pg_get_float(rows, row, tr_pg_column(rows, "failing_s"));
        long long waiting = (long long)tr_pg_get_int(rows, row, tr_pg_column(rows, "waiting"));
        if (failing_s > 0)
            tr_doctor_find(doctor, TR_FINDING_BAD, "alerts",
                           "Try it with \"traction alert test RULE\".",
                           "receiver %.*s of project %.*s has failed for %.0f s, %lld alerts wait: "
                           "%.*s",
                           (int)name.size, name.data, (int)project.size, project.data, failing_s,
                           waiting, (int)why.size, why.data);
    }
    return result;
}

static int check_key(struct tr_doctor *doctor, struct tr_pg *pg, const char *variable,
                     struct tr_error *error)
{
    const char *key = getenv(variable);
    if (key == NULL || key[0] == '\0')
        return 0;
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *found = NULL;
    uint8_t digest[32];
    tr_sha256(key, strlen(key), digest);
    tr_pg_bind_bytea(params, tr_slice((const char *)digest, sizeof digest));
    tr_pg_bind_null(params);
    tr_pg_bind_null(params);
    int result = tr_pg_query(pg, tr_pg_sql("queries/admin/key_find"), params, &found, error);
    if (result == 0 && tr_pg_rows(found) == 0)
        tr_doctor_find(doctor, TR_FINDING_BAD, "keys", "Make another: traction key add.",
                       "%s is not a key of this database", variable);
    else if (result == 0)
        tr_doctor_find(doctor, TR_FINDING_GOOD, "keys", "", "%s is valid", variable);
    return result;
}

static int check_all(struct tr_doctor *doctor, const struct tr_config *config, struct tr_pg *pg,
                     struct tr_error *error)
{
    static const char *const variables[] = {"TRACTION_WRITE_KEY", "TRACTION_READ_KEY",
                                            "TRACTION_ADMIN_KEY"};
    int result = check_server(doctor, config, pg, error);
    if (result == 0)
        result = tr_cli_check_schema(pg, error);
    if (result == 0)
        result = check_progress(doctor, pg, error);
    if (result == 0)
        result = check_ledger(doctor, pg, error);
    if (result == 0)
        result = check_receivers(doctor, pg, error);
    for (size_t i = 0; result == 0 && i < sizeof variables / sizeof variables[0]; i++)
        result = check_key(doctor, pg, variables[i], error);
    return result;
}

void tr_doctor_database(struct tr_doctor *doctor, const struct tr_config *config)
{
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_pg_options options = {.url = config->database_url,
                                    .application = "traction doctor",
                                    .statement_timeout_ms = 30000};
    int result = tr_pg_connect(&pg, &options, &error);
    if (result == 0)
        result = check_all(doctor, config, pg, &error);
    if (result < 0)
        failed(doctor, "database", &error);
    else
        tr_doctor_find(doctor, TR_FINDING_GOOD, "schema", "", "up to date");
}
