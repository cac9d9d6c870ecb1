/* SPDX-License-Identifier: MIT */
/* Reading results in PostgreSQL's binary formats. A type that does not fit is a bug: abort. */
#include "pg_priv.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void tr_pg_result_free(struct tr_pg_result *result)
{
    if (result == NULL)
        return;
    PQclear(result->result);
    free(result);
}

int tr_pg_rows(const struct tr_pg_result *result)
{
    return PQntuples(result->result);
}

int64_t tr_pg_affected(const struct tr_pg_result *result)
{
    return strtoll(PQcmdTuples(result->result), NULL, 10);
}

int tr_pg_columns(const struct tr_pg_result *result)
{
    return PQnfields(result->result);
}

int tr_pg_column(const struct tr_pg_result *result, const char *name)
{
    return PQfnumber(result->result, name);
}

const char *tr_pg_column_name(const struct tr_pg_result *result, int column)
{
    return PQfname(result->result, column);
}

bool tr_pg_is_null(const struct tr_pg_result *result, int row, int column)
{
    return PQgetisnull(result->result, row, column);
}

static const char *value_of(const struct tr_pg_result *result, int row, int column)
{
    return PQgetvalue(result->result, row, column);
}

static Oid type_of(const struct tr_pg_result *result, int column)
{
    return PQftype(result->result, column);
}

static void need_type(const struct tr_pg_result *result, int column, Oid type)
{
    if (type_of(result, column) != type)
        abort();
}

static uint16_t be16(const char *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return be16toh(value);
}

static uint32_t be32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return be32toh(value);
}

static uint64_t be64(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return be64toh(value);
}

enum tr_pg_kind tr_pg_column_kind(const struct tr_pg_result *result, int column)
{
    switch (type_of(result, column)) {
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        return TR_PG_KIND_INT;
    case OID_FLOAT8:
    case OID_NUMERIC:
        return TR_PG_KIND_FLOAT;
    case OID_TEXT:
    case OID_VARCHAR:
    case OID_NAME:
        return TR_PG_KIND_TEXT;
    case OID_JSON:
    case OID_JSONB:
        return TR_PG_KIND_JSON;
    default:
        abort();
    }
}

bool tr_pg_get_bool(const struct tr_pg_result *result, int row, int column)
{
    need_type(result, column, OID_BOOL);
    return value_of(result, row, column)[0] != 0;
}

int64_t tr_pg_get_int(const struct tr_pg_result *result, int row, int column)
{
    const char *value = value_of(result, row, column);
    switch (type_of(result, column)) {
    case OID_INT2:
        return (int16_t)be16(value);
    case OID_INT4:
        return (int32_t)be32(value);
    case OID_INT8:
        return (int64_t)be64(value);
    default:
        abort();
    }
}

/* numeric_send: digit count, weight, sign, scale, then digits of base 10,000. */
static double numeric_value(const char *value)
{
    int digits = (int16_t)be16(value);
    int weight = (int16_t)be16(value + 2);
    bool negative = be16(value + 4) == 0x4000;
    double sum = 0;
    for (int i = 0; i < digits; i++)
        sum = sum * 10000 + be16(value + 8 + (size_t)2 * (size_t)i);
    /* One exact power, one rounding: dividing beats multiplying by an inexact fraction. */
    int power = 4 * (weight - digits + 1);
    sum = power >= 0 ? sum * pow(10, power) : sum / pow(10, -power);
    return negative ? -sum : sum;
}

double tr_pg_get_float(const struct tr_pg_result *result, int row, int column)
{
    const char *value = value_of(result, row, column);
    if (type_of(result, column) == OID_NUMERIC)
        return numeric_value(value);
    if (type_of(result, column) == OID_FLOAT8) {
        uint64_t bits = be64(value);
        double number;
        memcpy(&number, &bits, sizeof number);
        return number;
    }
    return (double)tr_pg_get_int(result, row, column);
}

struct tr_slice tr_pg_get_bytes(const struct tr_pg_result *result, int row, int column)
{
    const char *value = value_of(result, row, column);
    size_t size = (size_t)PQgetlength(result->result, row, column);
    switch (type_of(result, column)) {
    case OID_JSONB: /* a version byte, then the text */
        return tr_slice(value + 1, size - 1);
    case OID_TEXT:
    case OID_VARCHAR:
    case OID_NAME:
    case OID_JSON:
    case OID_CHAR:
    case OID_BYTEA:
    case OID_UUID:
        return tr_slice(value, size);
    default:
        abort();
    }
}

int64_t tr_pg_get_timestamptz(const struct tr_pg_result *result, int row, int column)
{
    need_type(result, column, OID_TIMESTAMPTZ);
    int64_t value = (int64_t)be64(value_of(result, row, column));
    if (value == INT64_MIN || value == INT64_MAX)
        return value;
    return value + TR_PG_EPOCH_US;
}

int32_t tr_pg_get_date(const struct tr_pg_result *result, int row, int column)
{
    need_type(result, column, OID_DATE);
    int32_t value = (int32_t)be32(value_of(result, row, column));
    if (value == INT32_MIN || value == INT32_MAX)
        return value;
    return value + TR_PG_EPOCH_DAYS;
}
