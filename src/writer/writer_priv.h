/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/writer only. README.md here holds the rules. */
#pragma once

#include "traction/base/arena.h"
#include "traction/event.h"
#include "traction/pg.h"
#include "traction/standard.h"
#include "traction/writer.h"

#include <stdbool.h>

/* The standard names that rollups are made of. */
enum standard {
    STANDARD_OTHER,
    STANDARD_ACQUISITION_COST,
    STANDARD_API_REQUEST,
    STANDARD_CONVERSION,
    STANDARD_ENGAGED_TIME,
    STANDARD_ERROR,
    STANDARD_FEATURE_USED,
    STANDARD_IDENTIFY,
    STANDARD_PAGE_LOAD,
    STANDARD_PAGE_VIEW,
    STANDARD_PURCHASE,
    STANDARD_SIGN_UP,
    STANDARD_SUBSCRIPTION_CANCELLED,
    STANDARD_SUBSCRIPTION_CHANGED,
    STANDARD_SUBSCRIPTION_STARTED,
    STANDARD_WEB_VITAL,
    STANDARD_SURVEY_ANSWER,
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
    int64_t value_us; /* a duration, exactly rounded, or a vital in its parts; -1: none */
    const struct tr_vital *vital; /* of a web_vital; NULL: none that is known */
    uint8_t person[16]; /* whose it is: that of the record, or the user it was joined to */
    bool has_session;
    uint8_t session[16]; /* digest; only if it has one */
};

/* An anonymous visitor became known as a user: all that was ever stored of from is to's now. */
struct join {
    int32_t project_id;
    uint8_t from[16];
    uint8_t to[16];
};

/* What one transaction works on. All of it lives until the attempt ends. */
struct landing {
    struct tr_pg *pg;
    struct tr_pg_params *params; /* cleared by whoever uses it */
    struct tr_arena *arena;
    struct item *items;
    size_t count;
    const struct join *joins; /* to be done before the items are added; each from once */
    size_t join_count;
    int server_id;
};

/* Whether rollups see this item: a stored event that is not a bot's. */
static inline bool tr_item_counts(const struct item *item)
{
    return item->record.type == TR_RECORD_EVENT && !item->duplicate && !item->record.bot;
}

/* Sets what follows from the record alone: standard, value_us, vital, person, session. */
void tr_item_derive(struct item *item);

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

/* Whose the events are (aliases.c)
 * -------------------------------------------------------------------- */

struct aliases;
struct aliases *tr_aliases_new(void);
void tr_aliases_free(struct aliases *aliases);
/* Another server has committed, or the database is another: nothing is known any more. */
void tr_aliases_clear(struct aliases *aliases);
/* Sets person of every item, and the landing's joins. No event that has landed was received after
 * newest_us. */
int tr_aliases_resolve(struct aliases *aliases, struct landing *landing, int64_t newest_us,
                       struct tr_error *error);
int tr_aliases_store(struct aliases *aliases, struct landing *landing, struct tr_error *error);
void tr_aliases_committed(struct aliases *aliases);
void tr_aliases_rolled_back(struct aliases *aliases);

/* Sessions by inactivity (visits.c)
 * -------------------------------------------------------------------- */

struct visits;
/* Sets session of the items without one that are part of a visit, after their people are known. */
int tr_visits_resolve(struct visits **visits_out, struct landing *landing, struct tr_error *error);
int tr_visits_store(const struct visits *visits, struct landing *landing, struct tr_error *error);
/* Sessions that turned out to be one: all of from's is to's. In the landing's arena. */
const struct join *tr_visits_joins(const struct visits *visits, size_t *count_out);

/* Binds projects, from, to. */
void tr_bind_joins(struct tr_pg_params *params, const struct join *joins, size_t count);

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
/* How well it went and how people felt (quality.c): what apdex, web vitals, surveys and sentiment
 * are made of. key is that of the item, but for metric and key. */
void tr_counts_add_quality(struct counts *counts, const struct item *item, struct count_key key,
                           struct tr_arena *arena);
/* All counts that follow from the items alone. */
void tr_counts_add_items(struct counts *counts, const struct landing *landing);
/* Takes back instead of adding. */
void tr_counts_negate(struct counts *counts);
int tr_counts_store(struct counts *counts, struct landing *landing, struct tr_error *error);

struct sketches;
struct sketches *tr_sketches_gather(const struct landing *landing);
/* Takes back instead of adding. */
void tr_sketches_negate(struct sketches *sketches);
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
/* Forgets a person in the database, and adds to counts what they counted for. */
int tr_people_erase(struct landing *landing, const uint8_t person[16], int32_t project_id,
                    struct counts *counts, struct calendars *calendars, struct tr_error *error);
void tr_people_committed(struct people *people);
void tr_people_rolled_back(struct people *people);

struct sessions;
/* visits says which sessions became one; NULL: none did. */
struct sessions *tr_sessions_gather(struct landing *landing, const struct visits *visits);
int tr_sessions_store(struct sessions *sessions, struct tr_error *error);
struct session_id {
    int32_t project_id;
    uint8_t digest[16];
};
/* Takes sessions (distinct) back. When the first and the last of their events were is returned. */
int tr_sessions_drop(struct landing *landing, const struct session_id *gone, size_t count,
                     int64_t *first_us_out, int64_t *last_us_out, struct tr_error *error);

/* What people pay a month. */
struct subscriptions;
struct subscriptions *tr_subscriptions_gather(const struct landing *landing);
int tr_subscriptions_store(const struct subscriptions *subscriptions, struct landing *landing,
                           struct tr_error *error);
/* What src/live shows of the last minutes. */
struct notes;
struct notes *tr_notes_gather(const struct landing *landing);
int tr_notes_store(struct notes *notes, struct landing *landing, int64_t run,
                   struct tr_error *error);

/* Bookkeeping (ledger.c)
 * -------------------------------------------------------------------------------- */

int tr_ledger_store(struct landing *landing, struct tr_error *error);
int tr_rejects_store(struct landing *landing, struct tr_error *error);
