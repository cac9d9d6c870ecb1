/* SPDX-License-Identifier: MIT */
/*
 * A blocking connection. Every statement is sent asynchronously and waited for with poll(), so that
 * a server that hangs is noticed (TCP keep-alive, tcp_user_timeout) and so that nothing here
 * depends on SIGPIPE. Statements with static text are prepared on first use, named by their
 * address.
 */
#include "pg_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREPARED_MAX = 256, DEFAULT_CONNECT_TIMEOUT_S = 3 };

struct tr_pg {
    PGconn *connection;
    struct tr_pg_interrupt *interrupt; /* attached; NULL: none */
    char sqlstate[6];
    bool no_partition; /* the last failure was "no partition of relation" */
    const char *prepared[PREPARED_MAX];
    int prepared_count;
};

/* 23514 is also any check constraint's, and whatever a trigger raises. That no partition takes the
 * row is said about a table, by a function of the server whose name no locale translates; and it
 * names no constraint. */
static bool is_about_routing(const PGresult *result)
{
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    return PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) == NULL &&
           PQresultErrorField(result, PG_DIAG_TABLE_NAME) != NULL &&
           (function == NULL || strcmp(function, "ExecFindPartition") == 0);
}

static void note_failure(struct tr_pg *pg, const PGresult *result)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", state != NULL ? state : "");
    pg->no_partition = strcmp(pg->sqlstate, "23514") == 0 && is_about_routing(result);
}

static int fail(struct tr_pg *pg, const PGresult *result, struct tr_error *error)
{
    note_failure(pg, result);
    const char *message =
        result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (message == NULL)
        message = PQerrorMessage(pg->connection);
    int length = (int)strcspn(message, "\n");
    int code = PQstatus(pg->connection) == CONNECTION_OK ? -EIO : -EPIPE;
    tr_error_set(error, code, "PostgreSQL: %.*s%s%s%s", length, message,
                 pg->sqlstate[0] ? " (" : "", pg->sqlstate, pg->sqlstate[0] ? ")" : "");
    const char *hint = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_HINT) : NULL;
    if (hint != NULL)
        tr_error_hint(error, "%s", hint);
    return code;
}

static int set_session(struct tr_pg *pg, const struct tr_pg_options *options,
                       struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    char timeout[32];
    snprintf(timeout, sizeof timeout, "%d", options->statement_timeout_ms);
    tr_pg_bind_text(params, tr_slice_of(timeout));
    tr_pg_bind_text(params, options->read_only ? TR_SLICE("on") : TR_SLICE("off"));
    return tr_pg_query_once(pg,
                            "select set_config('statement_timeout', $1, false),"
                            " set_config('default_transaction_read_only', $2, false)",
                            params, NULL, error);
}

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

static const char session_settings[] = "-c search_path=pg_catalog -c TimeZone=UTC"
                                       " -c DateStyle=ISO -c extra_float_digits=1";

int tr_pg_connect(struct tr_pg **pg_out, const struct tr_pg_options *options,
                  struct tr_error *error)
{
    char timeout[16];
    snprintf(timeout, sizeof timeout, "%d",
             options->connect_timeout_s > 0 ? options->connect_timeout_s
                                            : DEFAULT_CONNECT_TIMEOUT_S);
    /* What stands after dbname overrides what the URL says; defaults stand before it. */
    const char *const names[] = {
        "keepalives_idle",  "keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
        "application_name", "connect_timeout",     "client_encoding",  "options",          NULL};
    const char *const values[] = {"10",    "5",          "2",
                                  "10000", options->url, options->application,
                                  timeout, "UTF8",       session_settings,
                                  NULL};
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = tr_calloc(1, sizeof *pg);
    if (options->interrupt != NULL && tr_pg_interrupt_is_raised(options->interrupt))
        return tr_error_set(error, -ECANCELED, "the connection is not wanted any more");
    pg->connection = PQconnectdbParams(names, values, 1);
    if (PQstatus(pg->connection) != CONNECTION_OK) {
        fail(pg, NULL, error);
        tr_error_prefix(error, "could not connect to the database");
        return tr_error_hint(error, "Check that PostgreSQL runs and that database.url is right.");
    }
    PQsetNoticeReceiver(pg->connection, ignore_notice, NULL);
    int result = 0;
    if (options->interrupt != NULL)
        result = tr_pg_interrupt_attach(options->interrupt, PQsocket(pg->connection), error);
    if (result < 0)
        return result;
    pg->interrupt = options->interrupt;
    result = set_session(pg, options, error);
    if (result < 0)
        return result;
    *pg_out = TR_TAKE(pg);
    return 0;
}

void tr_pg_close(struct tr_pg *pg)
{
    if (pg == NULL)
        return;
    PQfinish(pg->connection);
    if (pg->interrupt != NULL)
        tr_pg_interrupt_detach(pg->interrupt);
    free(pg);
}

int tr_pg_library_version(void)
{
    return PQlibVersion();
}

bool tr_pg_is_broken(const struct tr_pg *pg)
{
    return PQstatus(pg->connection) != CONNECTION_OK;
}

const char *tr_pg_sqlstate(const struct tr_pg *pg)
{
    return pg->sqlstate;
}

enum tr_pg_error_class tr_pg_error_class(const struct tr_pg *pg)
{
    static const struct {
        const char *prefix;
        enum tr_pg_error_class class;
    } classes[] = {
        {"57014", TR_PG_TIMEOUT},
        {"22", TR_PG_DATA},
        {"23", TR_PG_DATA},
        {"54", TR_PG_DATA},
    };
    if (pg->no_partition)
        return TR_PG_NO_PARTITION;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strncmp(pg->sqlstate, classes[i].prefix, strlen(classes[i].prefix)) == 0)
            return classes[i].class;
    return TR_PG_WAIT;
}

int tr_pg_socket(const struct tr_pg *pg)
{
    return PQsocket(pg->connection);
}

int tr_pg_take_notification(struct tr_pg *pg, struct tr_error *error)
{
    if (PQconsumeInput(pg->connection) != 1)
        return fail(pg, NULL, error);
    int taken = 0;
    for (PGnotify *notify = PQnotifies(pg->connection); notify != NULL;
         notify = PQnotifies(pg->connection)) {
        PQfreemem(notify);
        taken = 1;
    }
    return taken;
}

/* Keeps the first failure of several results, else the last result. */
static int finish(struct tr_pg *pg, PGresult *result, struct tr_pg_result **result_out,
                  struct tr_error *error)
{
    ExecStatusType status = PQresultStatus(result);
    int code = 0;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
        code = fail(pg, result, error);
    if (code < 0 || result_out == NULL) {
        PQclear(result);
        return code;
    }
    *result_out = tr_malloc(sizeof **result_out);
    (*result_out)->result = result;
    return 0;
}

int tr_pg_execute(struct tr_pg *pg, const char *sql, struct tr_error *error)
{
    return finish(pg, PQexec(pg->connection, sql), NULL, error);
}

struct bound {
    const char *values[TR_PG_PARAMS_MAX];
    int lengths[TR_PG_PARAMS_MAX];
    int formats[TR_PG_PARAMS_MAX];
};

static void bind(const struct tr_pg_params *params, struct bound *bound)
{
    for (int i = 0; i < params->count; i++) {
        bool null = params->offsets[i] == SIZE_MAX;
        /* An empty value still needs an address, or libpq takes it for null. */
        const char *base = params->bytes.data != NULL ? params->bytes.data : "";
        bound->values[i] = null ? NULL : base + params->offsets[i];
        bound->lengths[i] = (int)params->sizes[i];
        bound->formats[i] = 1;
    }
}

int tr_pg_query_once(struct tr_pg *pg, const char *sql, const struct tr_pg_params *params,
                     struct tr_pg_result **result_out, struct tr_error *error)
{
    struct bound bound;
    int count = 0;
    if (params != NULL) {
        bind(params, &bound);
        count = params->count;
    }
    return finish(pg,
                  PQexecParams(pg->connection, sql, count, params != NULL ? params->types : NULL,
                               bound.values, bound.lengths, bound.formats, 1),
                  result_out, error);
}

static bool is_prepared(const struct tr_pg *pg, const char *sql)
{
    for (int i = 0; i < pg->prepared_count; i++)
        if (pg->prepared[i] == sql)
            return true;
    return false;
}

int tr_pg_query(struct tr_pg *pg, const char *sql, const struct tr_pg_params *params,
                struct tr_pg_result **result_out, struct tr_error *error)
{
    char name[32];
    snprintf(name, sizeof name, "s%p", (const void *)sql);
    if (!is_prepared(pg, sql)) {
        if (pg->prepared_count == PREPARED_MAX)
            return tr_pg_query_once(pg, sql, params, result_out, error);
        int result = finish(pg,
                            PQprepare(pg->connection, name, sql, params != NULL ? params->count : 0,
                                      params != NULL ? params->types : NULL),
                            NULL, error);
        if (result < 0)
            return result;
        pg->prepared[pg->prepared_count++] = sql;
    }
    struct bound bound;
    if (params != NULL)
        bind(params, &bound);
    return finish(pg,
                  PQexecPrepared(pg->connection, name, params != NULL ? params->count : 0,
                                 bound.values, bound.lengths, bound.formats, 1),
                  result_out, error);
}

/* COPY ------------------------------------------------------------------------------------------
 */

static int put(struct tr_pg *pg, const char *data, size_t size, struct tr_error *error)
{
    if (PQputCopyData(pg->connection, data, (int)size) != 1)
        return fail(pg, NULL, error);
    return 0;
}

int tr_pg_copy_begin(struct tr_pg *pg, const char *sql, struct tr_error *error)
{
    int result = finish(pg, PQexec(pg->connection, sql), NULL, error);
    if (result < 0)
        return result;
    /* Signature, flags, length of the header's extension: COPY, "Binary Format", in the manual. */
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    return put(pg, header, 19, error);
}

int tr_pg_copy_rows(struct tr_pg *pg, struct tr_slice rows, struct tr_error *error)
{
    return put(pg, rows.data, rows.size, error);
}

int tr_pg_copy_end(struct tr_pg *pg, int64_t *rows_out, struct tr_error *error)
{
    int result = put(pg, "\377\377", 2, error);
    if (PQputCopyEnd(pg->connection, result < 0 ? "interrupted" : NULL) != 1 && result == 0)
        result = fail(pg, NULL, error);
    for (PGresult *answer = PQgetResult(pg->connection); answer != NULL;
         answer = PQgetResult(pg->connection)) {
        if (result == 0 && PQresultStatus(answer) != PGRES_COMMAND_OK)
            result = fail(pg, answer, error);
        if (result == 0)
            *rows_out = strtoll(PQcmdTuples(answer), NULL, 10);
        PQclear(answer);
    }
    return result;
}
