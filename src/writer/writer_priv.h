/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/writer only. README.md here holds the rules. */
#pragma once

#include "traction/base/arena.h"
#include "traction/event.h"
#include "traction/pg.h"
#include "traction/writer.h"

#include <stdbool.h>

/* The standard names that rollups are made of. */
enum standard {
    STANDARD_OTHER,
    STANDARD_API_REQUEST,
    STANDARD_CONVERSION,
    STANDARD_ENGAGED_TIME,
    STANDARD_ERROR,
    STANDARD_FEATURE_USED,
    STANDARD_PAGE_LOAD,
    STANDARD_PURCHASE,
};

/* A record on its way, with what the parts of the writer found out about it. */
struct item {
    struct tr_record record;
    uint64_t position;
    uint64_t end;
    uint64_t tag;
    bool duplicate;
    enum standard standard; /* what its name stands for */
    int32_t day;            /* of the project's time zone, since 1970 */
    int64_t day_start_us;
    int64_t value_us;    /* a duration, exactly rounded; -1: none */
    uint8_t session[16]; /* digest; only if the record has a session */
};

/* What one transaction works on. All of it lives until the attempt ends. */
struct landing {
    struct tr_pg *pg;
    struct tr_pg_params *params; /* cleared by whoever uses it */
    struct tr_arena *arena;
    struct item *items;
    size_t count;
    int server_id;
};

/* Whether rollups see this item: a stored event that is not a bot's. */
static inline bool tr_item_counts(const struct item *item)
{
    return item->record.type == TR_RECORD_EVENT && !item->duplicate && !item->record.bot;
}

/* The known ids (id_index.c)
 * ------------------------------------------------------------------------ */

/* A set of digests that keeps everything added since the last expiry, in bounded memory: the newest
 * in a table, the others in sorted, unnamed files, each behind a Bloom filter. */
struct id_index;
/* directory is for the files; they have no names and vanish with the process. */
struct id_index *tr_id_index_new(const char *directory);
void tr_id_index_free(struct id_index *index);
void tr_id_index_clear(struct id_index *index);
void tr_id_index_add(struct id_index *index, const uint8_t *digests, size_t count,
                     int64_t received_to_us);
/* 1 known, 0 not known, < 0 the file could not be read. */
int tr_id_index_contains(struct id_index *index, const uint8_t digest[16], struct tr_error *error);
/* Forgets generations whose every id was received before this. */
void tr_id_index_expire(struct id_index *index, int64_t before_us);

/* Days in a project's time zone (calendar.c)
 * ---------------------------------------------------------- */

struct calendars;
struct calendars *tr_calendars_new(void);
void tr_calendars_free(struct calendars *calendars);
void tr_calendars_clear(struct calendars *calendars);
/* Sets day and day_start_us of every event. */
int tr_calendars_date(struct calendars *calendars, struct landing *landing, struct tr_error *error);
/* The start of the project's day that holds a time. */
int tr_calendars_day_start(struct calendars *calendars, struct landing *landing, int32_t project_id,
                           int64_t us, int64_t *start_out, struct tr_error *error);

/* Partitions (partition.c)
 * ---------------------------------------------------------------------------- */

struct partitions;
struct partitions *tr_partitions_new(void);
void tr_partitions_free(struct partitions *partitions);
void tr_partitions_clear(struct partitions *partitions);
/* Somebody dropped it. */
void tr_partitions_forget(struct partitions *partitions, int32_t day);
/* Makes those that the items need; outside a transaction. */
int tr_partitions_need(struct partitions *partitions, const struct landing *landing,
                       struct tr_error *error);
/* Makes the days from today on. */
int tr_partitions_ahead(struct partitions *partitions, struct tr_pg *pg, int days,
                        struct tr_error *error);

/* Rollups, each in two steps: gathering what the items change, from the items alone, while the rows
 * are on their way to PostgreSQL; and storing it, under the lock of the head. What was gathered
 * lives in the landing's arena. */

struct counts;
/* A count to be added: what rollup_count's columns say. key is borrowed until the landing ends. */
struct count_key {
    int32_t project_id;
    const char *metric; /* static */
    int64_t bucket_us;  /* of grain q */
    int64_t day_start_us;
    struct tr_slice key;
};
struct counts *tr_counts_new(struct tr_arena *arena);
void tr_counts_add(struct counts *counts, const struct count_key *key, int64_t n);
/* Money: amount is an exact decimal. */
void tr_counts_add_amount(struct counts *counts, const struct count_key *key,
                          struct tr_slice amount);
/* All counts that follow from the items alone. */
void tr_counts_add_items(struct counts *counts, const struct landing *landing);
int tr_counts_store(struct counts *counts, struct landing *landing, struct tr_error *error);

struct sketches;
struct sketches *tr_sketches_gather(const struct landing *landing);
int tr_sketches_store(struct sketches *sketches, struct landing *landing, struct tr_error *error);

/* The start of the quarter of an hour that a time lies in. */
int64_t tr_quarter(int64_t us);

/* Facts that only ever become true (a member had a day, a person was seen): a bounded, lossy memory
 * of them, so that the database is asked about each only once in a while (known.c). */
enum { KNOWN_KEY_BYTES = 24 };
struct known;
struct known *tr_known_new(size_t slots);
void tr_known_free(struct known *known);
void tr_known_clear(struct known *known);
/* The value stored with the key, or missing. */
int64_t tr_known_get(const struct known *known, const uint8_t key[KNOWN_KEY_BYTES],
                     int64_t missing);
void tr_known_set(struct known *known, const uint8_t key[KNOWN_KEY_BYTES], int64_t value);

struct members;
struct members *tr_members_new(void);
void tr_members_free(struct members *members);
void tr_members_clear(struct members *members);
void tr_members_gather(struct members *members, const struct landing *landing);
int tr_members_store(struct members *members, struct landing *landing, struct tr_error *error);
/* After the commit: what was stored is known from now on. After a rollback: forget it. */
void tr_members_committed(struct members *members);
void tr_members_rolled_back(struct members *members);

struct people;
struct people *tr_people_new(void);
void tr_people_free(struct people *people);
void tr_people_clear(struct people *people);
void tr_people_gather(struct people *people, const struct landing *landing);
/* Also moves the counts of people first seen. */
int tr_people_store(struct people *people, struct landing *landing, struct counts *counts,
                    struct calendars *calendars, struct tr_error *error);
void tr_people_committed(struct people *people);
void tr_people_rolled_back(struct people *people);

struct sessions;
struct sessions *tr_sessions_gather(struct landing *landing);
int tr_sessions_store(struct sessions *sessions, struct tr_error *error);

/* Bookkeeping (ledger.c)
 * -------------------------------------------------------------------------------- */

int tr_ledger_store(struct landing *landing, struct tr_error *error);
int tr_rejects_store(struct landing *landing, struct tr_error *error);
