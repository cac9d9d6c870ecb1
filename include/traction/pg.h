/* SPDX-License-Identifier: MIT */
/*
 * The only door to libpq: a blocking connection for threads made to block. All statements come from
 * sql/ by name and take bound, binary parameters; results come back in binary. One thread at a time
 * per connection.
 *
 * Errors carry PostgreSQL's own message; tr_pg_sqlstate() and tr_pg_error_class() tell what kind of
 * failure the last one was, and after a lost connection tr_pg_is_broken() says so: close and
 * connect again. Whether a COMMIT that broke took effect is unknown; look before repeating it.
 */
#pragma once

#include "traction/base/alloc.h"
#include "traction/base/buf.h"
#include "traction/base/error.h"
#include "traction/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct tr_pg;
struct tr_pg_result;

/* Lets another thread end whatever a connection waits for: a lock, a server that hangs. For one
 * connection at a time. */
struct tr_pg_interrupt;
struct tr_pg_interrupt *tr_pg_interrupt_new(void);
/* After the connection is closed. */
void tr_pg_interrupt_free(struct tr_pg_interrupt *interrupt);
/* Any thread, for good: the connection is broken, and no new one can be made. An attempt to connect
 * that is under way takes its time; what the server was doing it finishes or rolls back. */
void tr_pg_interrupt_raise(struct tr_pg_interrupt *interrupt);
bool tr_pg_interrupt_is_raised(struct tr_pg_interrupt *interrupt);

struct tr_pg_options {
    const char *url;          /* libpq connection URL or keyword string; borrowed */
    const char *application;  /* shown in pg_stat_activity */
    int connect_timeout_s;    /* 0: 3 */
    int statement_timeout_ms; /* 0: none */
    bool read_only;
    struct tr_pg_interrupt *interrupt; /* borrowed until the connection is closed; may be NULL */
};

/* search_path is pinned to pg_catalog, TimeZone to UTC. */
int tr_pg_connect(struct tr_pg **pg_out, const struct tr_pg_options *options,
                  struct tr_error *error);
void tr_pg_close(struct tr_pg *pg);
TR_DEFINE_CLEANUP(struct tr_pg, tr_pg_close)

/* Of libpq: 150010 is 15.10. */
int tr_pg_library_version(void);

bool tr_pg_is_broken(const struct tr_pg *pg);
/* Five characters; "" if the last failure did not come from the server. */
const char *tr_pg_sqlstate(const struct tr_pg *pg);

enum tr_pg_error_class {
    TR_PG_WAIT,         /* the environment: try again later (also everything unknown) */
    TR_PG_DATA,         /* a row is to blame: SQLSTATE 22, 23, 54 (but not the next) */
    TR_PG_NO_PARTITION, /* 23514 "no partition of relation": make it and repeat */
    TR_PG_TIMEOUT,      /* 57014: statement_timeout or a cancel */
};
enum tr_pg_error_class tr_pg_error_class(const struct tr_pg *pg);

/* The descriptor of the connection, for waiting on notifications; -1 when broken. */
int tr_pg_socket(const struct tr_pg *pg);
/* Takes whatever arrived; returns 1 if there was a notification, 0 if not. */
int tr_pg_take_notification(struct tr_pg *pg, struct tr_error *error);

/* The text of sql/<name>.sql, e.g. "queries/writer/lock_head". Terminated, static. Aborts for an
 * unknown name, which is a bug. */
const char *tr_pg_sql(const char *name);
/* A named fragment of such a file: the lines after "-- fragment: NAME" up to the next one or the
 * end. NULL if there is none. Borrowed from a cache that lives as long as the program. */
const char *tr_pg_sql_fragment(const char *file, const char *fragment);

/* Parameters ------------------------------------------------------------------------------------
 * Bound by position, each in binary, with the type given here. At most 32. Values are copied into
 * the parameter list's buffer; reuse the list with tr_pg_params_clear(). */

struct tr_pg_params;
struct tr_pg_params *tr_pg_params_new(void);
void tr_pg_params_free(struct tr_pg_params *params);
TR_DEFINE_CLEANUP(struct tr_pg_params, tr_pg_params_free)
void tr_pg_params_clear(struct tr_pg_params *params);

void tr_pg_bind_null(struct tr_pg_params *params); /* type text */
void tr_pg_bind_bool(struct tr_pg_params *params, bool value);
void tr_pg_bind_int4(struct tr_pg_params *params, int32_t value);
void tr_pg_bind_int8(struct tr_pg_params *params, int64_t value);
void tr_pg_bind_float8(struct tr_pg_params *params, double value);
void tr_pg_bind_text(struct tr_pg_params *params, struct tr_slice value); /* data NULL: null */
void tr_pg_bind_bytea(struct tr_pg_params *params, struct tr_slice value);
void tr_pg_bind_uuid(struct tr_pg_params *params, const uint8_t value[16]);
/* Microseconds since 1970-01-01 UTC; INT64_MIN and INT64_MAX are -infinity and infinity. */
void tr_pg_bind_timestamptz(struct tr_pg_params *params, int64_t unix_us);
/* Days since 1970-01-01; INT32_MIN is -infinity. */
void tr_pg_bind_date(struct tr_pg_params *params, int32_t unix_day);

/* One-dimensional arrays: begin with the element's type, add elements, end. */
enum tr_pg_type {
    TR_PG_BOOL,
    TR_PG_CHAR,
    TR_PG_INT4,
    TR_PG_INT8,
    TR_PG_FLOAT8,
    TR_PG_TEXT,
    TR_PG_BYTEA,
    TR_PG_UUID,
    TR_PG_TIMESTAMPTZ,
    TR_PG_DATE,
};
void tr_pg_array_begin(struct tr_pg_params *params, enum tr_pg_type type);
void tr_pg_array_null(struct tr_pg_params *params);
/* For BOOL, CHAR ("char"), INT4, INT8, TIMESTAMPTZ (Unix µs), DATE (Unix days). */
void tr_pg_array_int(struct tr_pg_params *params, int64_t value);
void tr_pg_array_float(struct tr_pg_params *params, double value);
/* For TEXT, BYTEA, UUID (16 bytes). */
void tr_pg_array_bytes(struct tr_pg_params *params, const void *data, size_t size);
void tr_pg_array_end(struct tr_pg_params *params);

/* Statements ------------------------------------------------------------------------------------
 */

/* One or several statements without parameters or results: begin, commit, DDL. */
int tr_pg_execute(struct tr_pg *pg, const char *sql, struct tr_error *error);
/* One statement. params may be NULL. The caller frees the result; result_out may be NULL.
 * sql that lives as long as the program (tr_pg_sql()) is prepared once per connection. */
int tr_pg_query(struct tr_pg *pg, const char *sql, const struct tr_pg_params *params,
                struct tr_pg_result **result_out, struct tr_error *error);
/* The same for text that was put together for this one call: never prepared. */
int tr_pg_query_once(struct tr_pg *pg, const char *sql, const struct tr_pg_params *params,
                     struct tr_pg_result **result_out, struct tr_error *error);

void tr_pg_result_free(struct tr_pg_result *result);
TR_DEFINE_CLEANUP(struct tr_pg_result, tr_pg_result_free)
int tr_pg_rows(const struct tr_pg_result *result);
/* Rows touched by an INSERT, UPDATE, DELETE. */
int64_t tr_pg_affected(const struct tr_pg_result *result);
int tr_pg_columns(const struct tr_pg_result *result);
/* -1 if there is no such column. */
int tr_pg_column(const struct tr_pg_result *result, const char *name);
/* Borrowed from the result. */
const char *tr_pg_column_name(const struct tr_pg_result *result, int column);
/* Which reader fits: tr_pg_get_int(), tr_pg_get_float(), or tr_pg_get_bytes() for texts and JSON.
 * Aborts for the types that none of these reads. */
enum tr_pg_kind { TR_PG_KIND_INT, TR_PG_KIND_FLOAT, TR_PG_KIND_TEXT, TR_PG_KIND_JSON };
enum tr_pg_kind tr_pg_column_kind(const struct tr_pg_result *result, int column);
/* The readers abort if the column's type does not fit: that is a bug in the SQL. */
bool tr_pg_is_null(const struct tr_pg_result *result, int row, int column);
bool tr_pg_get_bool(const struct tr_pg_result *result, int row, int column);
int64_t tr_pg_get_int(const struct tr_pg_result *result, int row, int column); /* int2 int4 int8 */
double tr_pg_get_float(const struct tr_pg_result *result, int row,
                       int column); /* and numeric, rounded */
/* text, varchar, name, json, jsonb (as text), bytea, uuid (16 bytes); borrowed from the result. */
struct tr_slice tr_pg_get_bytes(const struct tr_pg_result *result, int row, int column);
int64_t tr_pg_get_timestamptz(const struct tr_pg_result *result, int row, int column); /* Unix µs */
int32_t tr_pg_get_date(const struct tr_pg_result *result, int row, int column); /* Unix days */

/* Binary COPY … FROM STDIN --------------------------------------------------------------------- */

/* sql is the COPY statement. The caller sends rows in binary form, without header and trailer. */
int tr_pg_copy_begin(struct tr_pg *pg, const char *sql, struct tr_error *error);
int tr_pg_copy_rows(struct tr_pg *pg, struct tr_slice rows, struct tr_error *error);
/* *rows_out is what the server says it stored; the caller compares. */
int tr_pg_copy_end(struct tr_pg *pg, int64_t *rows_out, struct tr_error *error);

/* The schema ------------------------------------------------------------------------------------
 */

struct tr_pg_migration {
    int number;
    const char *name;   /* "0001_init" */
    int64_t applied_us; /* 0: not yet */
};
/* Brings the schema up to date, one transaction a migration, under a lock that makes concurrent
 * callers wait. Refuses (-EINVAL) when a migration that was applied has other text now, or when the
 * database is newer than this program. *applied_out counts what was done. */
int tr_pg_migrate(struct tr_pg *pg, int *applied_out, struct tr_error *error);
/* Lists all migrations; the caller frees the array. */
int tr_pg_migrations(struct tr_pg *pg, struct tr_pg_migration **list_out, size_t *count_out,
                     struct tr_error *error);
