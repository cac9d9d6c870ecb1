/* SPDX-License-Identifier: MIT */
/* Shared by the files of the engine only; all of it belongs to the engine's thread, except where
 * something else is said. */
#pragma once

#include "alert_priv.h"

#include "traction/base/arena.h"
#include "traction/base/loop.h"

#include <pthread.h>
#include <stdatomic.h>

/* Questions (asker.c) ---------------------------------------------------------------------------
 * What rules want to know, each thing once: a KPI with parameters, over a window that ends some
 * time ago. */

enum { QUESTIONS_A_RULE = TR_ALERT_WINDOWS_MAX };

struct question {
    char *key; /* what is asked, as text; equal for equal questions. The book's arena */
    int32_t project_id;
    const char *timezone;
    const char *currency;
    const char *kpi;
    const struct tr_kpi_parameter *parameters;
    size_t parameter_count;
    bool is_silence;
    int64_t window_us;
    int64_t offset_us; /* the window ends so long before now */
    int64_t due_us;    /* monotonic; when it is to be asked next */
    bool busy;
    json_t *answer; /* the last; NULL: none yet, or it failed */
    bool complained;
};

/* A question on its way to a thread and back: owns copies of everything. */
struct inquiry {
    struct tr_message message; /* first: back on the engine's mailbox */
    void *context;             /* of whoever is to be answered */
    struct tr_arena *arena;
    char *key;
    struct tr_kpi_project project;
    struct tr_slice kpi;
    struct tr_kpi_parameter parameters[TR_ALERT_PARAMETERS_MAX + 3]; /* and from, to, interval */
    size_t parameter_count;
    bool is_silence;
    int64_t now_us; /* PostgreSQL's clock */
    int64_t took_us;
    json_t *answer; /* NULL: failed */
    char failure[512];
};

struct asker;
/* Answers come back as inquiries in the mailbox, which is borrowed as context is. */
int tr_asker_start(struct asker **asker_out, const struct tr_alert_options *options,
                   struct tr_mailbox *mailbox, void (*answered)(struct tr_message *message),
                   void *context, struct tr_error *error);
/* Ends what is under way, without waiting. NULL is nothing. */
void tr_asker_begin_stop(struct asker *asker);
/* What was not answered is dropped. */
void tr_asker_stop(struct asker *asker);
/* lag_us: how far behind what was received is. */
void tr_asker_ask(struct asker *asker, const struct question *question, int64_t now_us,
                  int64_t lag_us);
void tr_inquiry_free(struct inquiry *inquiry);
/* Asks at once, on a connection of the caller's; the answer is a new reference. */
int tr_question_ask(struct tr_pg *pg, const struct question *question, int64_t now_us,
                    json_t **answer_out, struct tr_error *error);

/* The book (book.c) -----------------------------------------------------------------------------
 * Rules, receivers and states as they are in PostgreSQL, read at once when anything changed. */

struct series {
    struct series *next;
    const char *name; /* "" of a rule without by */
    struct tr_alert_state state;
    bool known; /* there is a value */
    double value;
    int64_t n;
    int64_t seen_us; /* PostgreSQL's clock, as the next; 0: never */
    int64_t told_us;
    bool changed;        /* the last look changed more than value, n and seen_us */
    bool unsaved;        /* PostgreSQL has another value or sample */
    bool found;          /* in the answers being looked at */
    size_t row;          /* of the changes that are being gathered, if of this … */
    uint64_t generation; /* … generation of them */
};

struct silence {
    struct silence *next;
    const char *series; /* NULL: all */
    int64_t until_us;
};

struct rule_entry {
    int64_t id;
    int32_t project_id;
    const char *project;
    const char *project_uuid;
    bool removed;
    struct tr_alert_rule rule;
    struct question *questions[QUESTIONS_A_RULE]; /* by window; of changes now and before */
    size_t question_count;
    struct series *series;
    struct silence *silences;
};

struct receiver_entry {
    int32_t project_id;
    const char *project;
    const char *name;
    const json_t *receiver;
};

struct book {
    struct tr_arena *arena;
    json_t **documents; /* what rules and receivers point into */
    size_t document_count;
    int64_t version;
    struct rule_entry *rules;
    size_t rule_count;
    struct receiver_entry *receivers;
    size_t receiver_count;
    struct question **questions;
    size_t question_count;
};

int tr_book_load(struct tr_pg *pg, struct book **book_out, struct tr_error *error);
void tr_book_free(struct book *book);
struct question *tr_book_question(const struct book *book, const char *key);
const struct receiver_entry *tr_book_receiver(const struct book *book, int32_t project_id,
                                              const char *name);
/* NULL: there is none. */
struct rule_entry *tr_book_rule(const struct book *book, int64_t id);
/* A series of a rule, made if need be; name is copied. */
struct series *tr_book_series(struct book *book, struct rule_entry *entry, struct tr_slice name);
bool tr_book_silenced(const struct rule_entry *entry, const struct series *series, int64_t now_us);

/* Judging (judge.c), pure: what the answers of a rule's questions say of each group. -------------
 */

struct finding {
    struct tr_slice series; /* borrowed from the answer */
    enum tr_alert_found found;
    bool known;
    double value;
    int64_t n;
};
/* At most TR_ALERT_GROUPS_MAX; answers in the order of the rule's questions. */
size_t tr_alert_judge(const struct tr_alert_rule *rule, const json_t *const *answers,
                      struct finding *findings_out);

/* Changes (changes.c): what looks changed, gathered and then written down in one transaction.
 * ------
 */

struct changes;
struct changes *tr_changes_new(const char *public_url);
void tr_changes_free(struct changes *changes);
bool tr_changes_any(const struct changes *changes);
/* Takes what was found into a series: steps its state, notes what became of it and who is to be
 * told. */
void tr_changes_look(struct changes *changes, const struct book *book, struct rule_entry *entry,
                     struct series *series, const struct finding *finding, int64_t now_us);
/* A rule that was removed: what fires is resolved, and the rule goes. */
void tr_changes_end_rule(struct changes *changes, const struct book *book, struct rule_entry *entry,
                         int64_t now_us);
/* A series that is of no interest any more; the caller unlinks it. */
void tr_changes_drop(struct changes *changes, const struct rule_entry *entry,
                     const struct series *series);
/* Its value is to be written down, although nothing else changed. */
void tr_changes_save(struct changes *changes, const struct rule_entry *entry,
                     struct series *series);
/* Empties the changes. */
int tr_changes_commit(struct changes *changes, struct tr_pg *pg, struct tr_error *error);
/* After an error: what was not committed is forgotten. */
void tr_changes_clear(struct changes *changes);
/* Whether a rule tells this receiver. */
bool tr_alert_is_told(const struct tr_alert_rule *rule, const char *receiver);
/* Labels of an alert, a new reference. */
json_t *tr_alert_labels(const struct rule_entry *entry, const struct series *series);
/* An alert as receivers are told of it, a new reference; ends_us 0: it fires. */
json_t *tr_alert_tell(const struct rule_entry *entry, const struct series *series,
                      int64_t starts_us, int64_t ends_us, const char *public_url,
                      struct tr_arena *arena);

/* Delivering (deliver.c) ------------------------------------------------------------------------
 */

struct deliveries;
/* Requests come back as messages to the mailbox; their run() notes what became of them. Everything
 * is borrowed. */
struct deliveries *tr_deliveries_new(const struct tr_alert_options *options,
                                     struct tr_outbound *outbound, struct tr_mailbox *mailbox);
/* After the outbound thread has stopped, and its messages were run. */
void tr_deliveries_free(struct deliveries *deliveries);
/* What comes back is noted on this connection; NULL: PostgreSQL is away, and it is sent again. */
void tr_deliveries_use(struct deliveries *deliveries, struct tr_pg *pg);
/* Sends what is due, one request at a time for each receiver. *next_us_out: when to look again, by
 * PostgreSQL's clock. DELIVERIES_STALE: the book has to be read again first. */
enum { DELIVERIES_STALE = 1 };
int tr_deliveries_send(struct deliveries *deliveries, const struct book *book, int64_t now_us,
                       int64_t *next_us_out, struct tr_error *error);
/* Whether requests are under way. */
bool tr_deliveries_any(const struct deliveries *deliveries);
/* Tells Alertmanagers of all that fires: they forget what they do not hear of. */
void tr_deliveries_refresh(struct deliveries *deliveries, const struct book *book, int64_t now_us);

/* PostgreSQL is away (away.c) -------------------------------------------------------------------
 */

struct away;
struct away *tr_away_new(const struct tr_alert_options *options, struct tr_outbound *outbound,
                         struct tr_mailbox *mailbox);
/* As tr_deliveries_free(). */
void tr_away_free(struct away *away);
/* Whom to tell of it later; kept in the cache, too. */
void tr_away_learn(struct away *away, const struct book *book);
/* Once a second or so. */
void tr_away_look(struct away *away, bool connected);

/* Gauges (gauges.c): any thread. ----------------------------------------------------------------
 */

struct gauges;
struct gauges *tr_gauges_new(void);
void tr_gauges_free(struct gauges *gauges);
void tr_gauges_update(struct gauges *gauges, const struct book *book, bool leads);
/* Rows of queries/alert/failing. */
void tr_gauges_update_receivers(struct gauges *gauges, const struct tr_pg_result *rows);
void tr_gauges_render(struct gauges *gauges, bool expose, struct tr_buf *out);
