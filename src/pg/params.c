/* SPDX-License-Identifier: MIT */
/*
 * Parameters in PostgreSQL's binary formats (the *_recv functions in its source). An array is:
 * dimensions, has-nulls flag, element type, length, lower bound, then each element with its length.
 */
#include "pg_priv.h"

#include <stdlib.h>
#include <string.h>

enum { PARAMS_MAX_BYTES = 256 << 20, KEEP_BYTES = 1 << 20 };

struct tr_pg_params *tr_pg_params_new(void)
{
    struct tr_pg_params *params = tr_calloc(1, sizeof *params);
    tr_buf_init(&params->bytes, PARAMS_MAX_BYTES);
    return params;
}

void tr_pg_params_free(struct tr_pg_params *params)
{
    if (params == NULL)
        return;
    tr_buf_fini(&params->bytes);
    free(params);
}

void tr_pg_params_clear(struct tr_pg_params *params)
{
    tr_buf_clear(&params->bytes, KEEP_BYTES);
    params->count = 0;
}

static void begin(struct tr_pg_params *params, Oid type)
{
    if (params->count == TR_PG_PARAMS_MAX)
        abort();
    params->types[params->count] = type;
    params->offsets[params->count] = params->bytes.size;
}

static void end(struct tr_pg_params *params)
{
    if (tr_buf_overflowed(&params->bytes))
        abort();
    params->sizes[params->count] = params->bytes.size - params->offsets[params->count];
    params->count++;
}

void tr_pg_bind_null(struct tr_pg_params *params)
{
    begin(params, OID_TEXT);
    params->offsets[params->count] = SIZE_MAX;
    params->sizes[params->count++] = 0;
}

static int64_t pg_timestamp(int64_t unix_us)
{
    if (unix_us == INT64_MIN || unix_us == INT64_MAX)
        return unix_us;
    return unix_us - TR_PG_EPOCH_US;
}

static int32_t pg_date(int64_t unix_day)
{
    return unix_day <= INT32_MIN ? INT32_MIN : (int32_t)(unix_day - TR_PG_EPOCH_DAYS);
}

void tr_pg_bind_bool(struct tr_pg_params *params, bool value)
{
    begin(params, OID_BOOL);
    tr_buf_append_u8(&params->bytes, value);
    end(params);
}

void tr_pg_bind_int4(struct tr_pg_params *params, int32_t value)
{
    begin(params, OID_INT4);
    tr_buf_append_be32(&params->bytes, (uint32_t)value);
    end(params);
}

void tr_pg_bind_int8(struct tr_pg_params *params, int64_t value)
{
    begin(params, OID_INT8);
    tr_buf_append_be64(&params->bytes, (uint64_t)value);
    end(params);
}

static uint64_t float_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void tr_pg_bind_float8(struct tr_pg_params *params, double value)
{
    begin(params, OID_FLOAT8);
    tr_buf_append_be64(&params->bytes, float_bits(value));
    end(params);
}

static void bind_bytes(struct tr_pg_params *params, Oid type, struct tr_slice value)
{
    begin(params, type);
    if (value.data == NULL) {
        params->offsets[params->count] = SIZE_MAX;
        params->sizes[params->count++] = 0;
        return;
    }
    tr_buf_append_slice(&params->bytes, value);
    end(params);
}

void tr_pg_bind_text(struct tr_pg_params *params, struct tr_slice value)
{
    bind_bytes(params, OID_TEXT, value);
}

void tr_pg_bind_bytea(struct tr_pg_params *params, struct tr_slice value)
{
    bind_bytes(params, OID_BYTEA, value);
}

void tr_pg_bind_uuid(struct tr_pg_params *params, const uint8_t value[16])
{
    bind_bytes(params, OID_UUID, tr_slice((const char *)value, 16));
}

void tr_pg_bind_timestamptz(struct tr_pg_params *params, int64_t unix_us)
{
    begin(params, OID_TIMESTAMPTZ);
    tr_buf_append_be64(&params->bytes, (uint64_t)pg_timestamp(unix_us));
    end(params);
}

void tr_pg_bind_date(struct tr_pg_params *params, int32_t unix_day)
{
    begin(params, OID_DATE);
    tr_buf_append_be32(&params->bytes, (uint32_t)pg_date(unix_day));
    end(params);
}

/* Arrays --------------------------------------------------------------------------------------- */

static const struct {
    Oid array;
    Oid element;
    uint32_t size; /* of an integer element; 0: not one */
} array_types[] = {
    [TR_PG_BOOL] = {1000, OID_BOOL, 1},
    [TR_PG_CHAR] = {1002, OID_CHAR, 1},
    [TR_PG_INT4] = {1007, OID_INT4, 4},
    [TR_PG_INT8] = {1016, OID_INT8, 8},
    [TR_PG_FLOAT8] = {1022, OID_FLOAT8, 0},
    [TR_PG_TEXT] = {1009, OID_TEXT, 0},
    [TR_PG_BYTEA] = {1001, OID_BYTEA, 0},
    [TR_PG_UUID] = {2951, OID_UUID, 0},
    [TR_PG_TIMESTAMPTZ] = {1185, OID_TIMESTAMPTZ, 8},
    [TR_PG_DATE] = {1182, OID_DATE, 4},
};

void tr_pg_array_begin(struct tr_pg_params *params, enum tr_pg_type type)
{
    begin(params, array_types[type].array);
    params->array_start = params->bytes.size;
    params->array_count = 0;
    params->array_type = type;
    tr_buf_append_be32(&params->bytes, 1);
    tr_buf_append_be32(&params->bytes, 0);
    tr_buf_append_be32(&params->bytes, array_types[type].element);
    tr_buf_append_be32(&params->bytes, 0); /* length, known at the end */
    tr_buf_append_be32(&params->bytes, 1);
}

void tr_pg_array_null(struct tr_pg_params *params)
{
    params->bytes.data[params->array_start + 7] = 1;
    tr_buf_append_be32(&params->bytes, UINT32_MAX);
    params->array_count++;
}

void tr_pg_array_int(struct tr_pg_params *params, int64_t value)
{
    uint32_t size = array_types[params->array_type].size;
    if (params->array_type == TR_PG_TIMESTAMPTZ)
        value = pg_timestamp(value);
    if (params->array_type == TR_PG_DATE)
        value = pg_date(value);
    tr_buf_append_be32(&params->bytes, size);
    if (size == 8)
        tr_buf_append_be64(&params->bytes, (uint64_t)value);
    else if (size == 4)
        tr_buf_append_be32(&params->bytes, (uint32_t)value);
    else
        tr_buf_append_u8(&params->bytes, (uint8_t)value);
    params->array_count++;
}

void tr_pg_array_float(struct tr_pg_params *params, double value)
{
    tr_buf_append_be32(&params->bytes, 8);
    tr_buf_append_be64(&params->bytes, float_bits(value));
    params->array_count++;
}

void tr_pg_array_bytes(struct tr_pg_params *params, const void *data, size_t size)
{
    tr_buf_append_be32(&params->bytes, (uint32_t)size);
    tr_buf_append(&params->bytes, data, size);
    params->array_count++;
}

static void put_be32(char *at, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value};
    memcpy(at, bytes, 4);
}

void tr_pg_array_end(struct tr_pg_params *params)
{
    if (tr_buf_overflowed(&params->bytes))
        abort();
    if (params->array_count == 0) { /* an empty array has no dimensions */
        put_be32(params->bytes.data + params->array_start, 0);
        params->bytes.size = params->array_start + 12;
    } else {
        put_be32(params->bytes.data + params->array_start + 12, params->array_count);
    }
    end(params);
}
