/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/pg only. */
#pragma once

#include "traction/pg.h"

#include <libpq-fe.h>

/* PostgreSQL counts time from 2000-01-01. */
#define TR_PG_EPOCH_US INT64_C(946684800000000)
enum { TR_PG_EPOCH_DAYS = 10957, TR_PG_PARAMS_MAX = 32 };

/* Type numbers of pg_type.dat that never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_CHAR = 18,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
    OID_JSONB = 3802,
};

/* From connecting to closing. -ECANCELED: it has been raised. */
int tr_pg_interrupt_attach(struct tr_pg_interrupt *interrupt, int socket, struct tr_error *error);
void tr_pg_interrupt_detach(struct tr_pg_interrupt *interrupt);

struct tr_pg_result {
    PGresult *result;
};

/* Values as libpq wants them; offsets into bytes, because bytes may move while it grows. */
struct tr_pg_params {
    struct tr_buf bytes;
    int count;
    Oid types[TR_PG_PARAMS_MAX];
    size_t offsets[TR_PG_PARAMS_MAX]; /* SIZE_MAX: null */
    size_t sizes[TR_PG_PARAMS_MAX];
    /* the array being built */
    size_t array_start;
    uint32_t array_count;
    enum tr_pg_type array_type;
};
