/* SPDX-License-Identifier: MIT */
/* The layout of records, shared by those who write and read them. See encode.c and record.c. */
#pragma once

#include "event_priv.h"

#include "traction/base/hash.h"

enum { TR_RECORD_VERSION = 1 };
enum { TR_RECORD_CLIENT_ID = 1, TR_RECORD_VALUE = 2 }; /* flags */
enum { TR_RECORD_HEADER_BYTES = 4 + 16 + 8 };

/* The columns that copy_events.sql names, in its order. New ones go to the end. */
enum tr_column {
    TR_COLUMN_PROJECT_ID,
    TR_COLUMN_TS,
    TR_COLUMN_RECEIVED_AT,
    TR_COLUMN_ID,
    TR_COLUMN_KIND,
    TR_COLUMN_NAME,
    TR_COLUMN_PERSON,
    TR_COLUMN_USER_ID,
    TR_COLUMN_ANONYMOUS_ID,
    TR_COLUMN_SESSION_ID,
    TR_COLUMN_VALUE,
    TR_COLUMN_UNIT,
    TR_COLUMN_URL,
    TR_COLUMN_HOST,
    TR_COLUMN_PATH,
    TR_COLUMN_REFERRER,
    TR_COLUMN_REFERRER_HOST,
    TR_COLUMN_TITLE,
    TR_COLUMN_CHANNEL,
    TR_COLUMN_COUNTRY,
    TR_COLUMN_DEVICE,
    TR_COLUMN_BROWSER,
    TR_COLUMN_OS,
    TR_COLUMN_ROUTE,
    TR_COLUMN_STATUS,
    TR_COLUMN_FEATURE,
    TR_COLUMN_GOAL,
    TR_COLUMN_PLAN,
    TR_COLUMN_METRIC,
    TR_COLUMN_BOT,
    TR_COLUMN_CLAMPED,
    TR_COLUMN_PROPERTIES,
    TR_COLUMN_SENTIMENT,
    TR_COLUMN_ADDRESS,
    TR_COLUMN_COUNT
};
/* What rows of the first release have. */
enum { TR_COLUMN_COUNT_LEAST = TR_COLUMN_PROPERTIES + 1 };

/* PostgreSQL counts microseconds from 2000-01-01. */
#define TR_POSTGRES_EPOCH_US ((int64_t)946684800 * 1000000)
