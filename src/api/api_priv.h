/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/api only. */
#pragma once

#include "traction/api.h"

#include "traction/base/arena.h"
#include "traction/base/buf.h"
#include "traction/base/loop.h"
#include "traction/kpi.h"
#include "traction/live.h"
#include "traction/pg.h"

#include <pthread.h>
#include <stdatomic.h>

/* A task has room for one more question once its batch has used BATCH_BYTES of it. */
enum { PARAMETERS_MAX = 64, THREADS_MAX = 64, BATCH_BYTES = 32 << 20 };

/* One request on its way: made on a worker, answered on a query thread, sent on the worker again.
 * Owned by whoever holds it; nothing in it is shared. */
struct task {
    struct tr_message message;
    struct tr_api *api;
    struct tr_http_request *request; /* the worker's; the query thread does not look at it */
    struct tr_loop *loop;
    struct tr_arena *arena;
    struct tr_key key;
    int64_t now_us;
    int64_t as_of_us;
    /* Answers into the fields below. < 0: PostgreSQL failed. */
    int (*run)(struct task *task, struct tr_pg *pg, struct tr_error *error);
    struct tr_kpi_project project;
    const char *project_uuid;
    struct tr_slice kpi;
    struct tr_kpi_parameter parameters[PARAMETERS_MAX];
    size_t parameter_count;
    struct tr_slice body;        /* of POST /v1/query */
    struct tr_slice id;          /* of a hypothesis or an annotation, as the path has it */
    const struct record *record; /* what is administered */
    struct tr_slice token;       /* a session's or a share's */
    char *client;                /* the address of who signs in, as digits */
    bool secure;                 /* it came by https */
    const char *set_cookie;      /* with the answer; NULL: none */
    bool committing;             /* a change was sent: it may have taken effect */
    bool csv;
    /* the answer */
    int status;
    const char *content_type;
    struct tr_slice answer;
    struct tr_buf batch; /* what the answers of a batch are put together in */
};

struct query_thread {
    struct tr_api *api;
    pthread_t thread;
    bool started;
    struct tr_pg *pg; /* NULL: not connected */
    struct tr_pg_interrupt *interrupt;
    bool complained;        /* that it cannot connect, already in the log */
    struct tr_message stop; /* run NULL */
};

/* Keys of the questions under way: a place each. */
struct gate {
    pthread_mutex_t lock;
    uint64_t *keys;
    size_t count;
};

/* Who listens, and to what: one room per worker and project (live.c). */
struct listening {
    struct tr_live *live;
    pthread_mutex_t lock;
    struct room *rooms;   /* guarded by lock; what is in a room is its loop's */
    struct key_use *keys; /* guarded by lock */
    atomic_int listeners;
};

struct tr_api {
    struct tr_api_options options;
    struct tr_mailbox *mailbox;
    struct gate gate;
    struct listening listening;
    struct attempts *attempts;
    struct query_thread threads[THREADS_MAX];
    _Atomic bool stopping;
};

/* pool.c */
enum { TR_API_SIGN_IN = 1 }; /* in place of a key's number: one at a time, it takes memory */
enum gate_outcome { GATE_OPEN, GATE_KEY_BUSY, GATE_FULL };
enum gate_outcome tr_api_enter(struct tr_api *api, uint64_t key);
/* Worker: hands a task over; it takes the task, and its request is answered later. */
void tr_api_submit(struct task *take_task);
struct task *tr_api_task_new(struct tr_api *api, struct tr_http_request *request);
void tr_api_task_free(struct task *task);

typedef int tr_api_run_fn(struct task *task, struct tr_pg *pg, struct tr_error *error);

/* who.c. Worker. Whether the key may read; else the request is answered. */
/* The key or, without one, the cookie. */
struct tr_slice tr_api_credentials(struct tr_http_request *request);
/* Whether a share's page asks this KPI; true for all other keys. Any thread. */
bool tr_api_may_ask(const struct tr_key *key, struct tr_slice kpi);
bool tr_api_is_shareable(const char *page);
/* Without a project. */
struct task *tr_api_begin_plain_task(struct tr_api *api, struct tr_http_request *request,
                                     tr_api_run_fn *run);
bool tr_api_check_key(struct tr_http_request *request, struct tr_api *api);
/* NULL when the request was refused and answered. */
struct task *tr_api_begin_task(struct tr_api *api, struct tr_http_request *request,
                               int (*run)(struct task *, struct tr_pg *, struct tr_error *));
void tr_api_copy_parameters(struct tr_http_request *request, struct task *task);

/* hypothesis.c: what those who change things share. Query threads: */
struct tr_kpi_asker tr_api_asker(struct task *task, struct tr_pg *pg,
                                 struct tr_kpi_problem *problem, struct tr_error *error);
/* Takes the answer, which may be NULL. */
int tr_api_finish(struct task *task, const struct tr_kpi_asker *asker, int result, int status,
                  json_t *answer);
/* The connection was lost while a change was being committed, and this is the second attempt: that
 * is answered. */
bool tr_api_is_unsure(struct task *task);
/* NULL with an answer when the body is not JSON. */
json_t *tr_api_read_body(struct task *task);
/* Worker: what follows "/v1/NAME/" in the path; a slash more at its end is let pass. */
struct tr_slice tr_api_id(const struct tr_http_request *request);

/* One statement in a transaction that writes. Query threads. */
int tr_api_write(struct task *task, struct tr_pg *pg, const char *query,
                 const struct tr_pg_params *params, struct tr_pg_result **row_out,
                 struct tr_error *error);

/* record.c: handlers. */
void tr_api_on_record_head(struct tr_http_request *request, void *context);
void tr_api_on_record(struct tr_http_request *request, void *context);

/* erase.c. Query thread. */
int tr_api_run_erase(struct task *task, struct tr_pg *pg, const json_t *body,
                     struct tr_error *error);

/* session.c: handlers. */
void tr_api_on_session_head(struct tr_http_request *request, void *context);
void tr_api_on_session(struct tr_http_request *request, void *context);
void tr_api_on_sign_in_head(struct tr_http_request *request, void *context);
void tr_api_on_sign_in(struct tr_http_request *request, void *context);
void tr_api_on_key_add(struct tr_http_request *request, void *context);

/* attempts.c: failures to sign in, by whom and from where, of the last quarter of an hour. */
struct attempts;
struct attempts *tr_attempts_new(int limit);
void tr_attempts_free(struct attempts *attempts);
/* Query threads. */
bool tr_attempts_allowed(struct attempts *attempts, const char *email, const char *client);
void tr_attempts_failed(struct attempts *attempts, const char *email, const char *client);

/* alert.c: handlers. */
void tr_api_on_alerts(struct tr_http_request *request, void *context);
void tr_api_on_alert(struct tr_http_request *request, void *context);

/* hypothesis.c: handlers. */
void tr_api_on_hypotheses(struct tr_http_request *request, void *context);
void tr_api_on_annotations(struct tr_http_request *request, void *context);
void tr_api_on_compare(struct tr_http_request *request, void *context);

/* reply.c: what an answer is, and errors as {"error":{code, message, parameter, hint}}. */
void tr_api_answer(struct task *task, int status, const json_t *answer);
void tr_api_answer_problem(struct task *task, const struct tr_kpi_problem *problem);
/* code NULL: what the status says. */
json_t *tr_api_problem_json(const char *code, const struct tr_kpi_problem *problem);
/* Worker: sends at once. */
void tr_api_respond_problem(struct tr_http_request *request, const char *code,
                            const struct tr_kpi_problem *problem);
void tr_api_respond(struct tr_http_request *request, int status, const char *content_type,
                    struct tr_slice body, bool attachment, const char *cookie);

/* who.c: judge the key; request->user is then a struct tr_key. */
void tr_api_on_head(struct tr_http_request *request, void *context);
void tr_api_on_admin_head(struct tr_http_request *request, void *context);

/* live.c */
int tr_api_live_start(struct tr_api *api, struct tr_error *error);
/* After the loops have ended. */
void tr_api_live_stop(struct tr_api *api);
void tr_api_on_live(struct tr_http_request *request, void *context);

/* Runs on query threads. */
int tr_api_run_question(struct task *task, struct tr_pg *pg, struct tr_error *error);
int tr_api_run_batch(struct task *task, struct tr_pg *pg, struct tr_error *error);
int tr_api_run_names(struct task *task, struct tr_pg *pg, struct tr_error *error);
int tr_api_run_properties(struct task *task, struct tr_pg *pg, struct tr_error *error);
int tr_api_run_events(struct task *task, struct tr_pg *pg, struct tr_error *error);
int tr_api_run_ledger(struct task *task, struct tr_pg *pg, struct tr_error *error);
