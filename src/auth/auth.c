/* SPDX-License-Identifier: MIT */
/*
 * The thread that keeps the snapshot fresh, and the look-ups.
 *
 * The thread's states: away (no connection: tries again with growing pauses) and listening (loads,
 * then waits for a notification, a wake or five seconds). Readers hold a read lock while they look
 * at the snapshot, and only then; the thread takes the write lock to swap one pointer.
 */
#include "traction/auth.h"

#include "auth_priv.h"
#include "traction/base/hash.h"
#include "traction/base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    RELOAD_MS = 5000,
    RETRY_FIRST_MS = 250,
    RETRY_LAST_MS = 5000,
    STATEMENT_TIMEOUT_MS = 10000,
    KEY_LONGEST_BYTES = 128,
};

struct tr_auth {
    pthread_rwlock_t lock;
    struct tr_auth_snapshot *snapshot; /* under lock; NULL: nothing known yet */

    char *database_url;
    char *cache_path;
    pthread_t thread;
    int wake_fd;
    atomic_bool stopping;

    /* The thread's own from here on. */
    struct tr_pg *pg;
    struct tr_pg_interrupt *interrupt;
    bool cache_failed;
    uint8_t cached[TR_DIGEST_BYTES]; /* of what the cache file holds */
};

/* Loading ------------------------------------------------------------------------------------- */

static void swap(struct tr_auth *auth, struct tr_auth_snapshot *snapshot)
{
    pthread_rwlock_wrlock(&auth->lock);
    struct tr_auth_snapshot *old = auth->snapshot;
    auth->snapshot = snapshot;
    pthread_rwlock_unlock(&auth->lock);
    tr_auth_snapshot_free(old);
}

static int connect_and_listen(struct tr_auth *auth, struct tr_error *error)
{
    struct tr_pg_options options = {.url = auth->database_url,
                                    .application = "traction keys",
                                    .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
                                    .interrupt = auth->interrupt};
    int result = tr_pg_connect(&auth->pg, &options, error);
    /* Listening comes before loading: what changes in between is heard. */
    if (result == 0)
        result = tr_pg_execute(auth->pg, "listen traction_keys", error);
    return result;
}

static void disconnect(struct tr_auth *auth)
{
    tr_pg_close(auth->pg);
    auth->pg = NULL;
}

static int load(struct tr_auth *auth, struct tr_error *error)
{
    struct tr_auth_snapshot *snapshot = NULL;
    int result = auth->pg == NULL ? connect_and_listen(auth, error) : 0;
    if (result == 0)
        result = tr_auth_snapshot_load(auth->pg, &snapshot, error);
    if (result < 0) {
        disconnect(auth);
        return result;
    }
    swap(auth, snapshot);
    return 0;
}

/* Only the thread swaps, so it may read the snapshot without the lock. */
static void write_cache(struct tr_auth *auth)
{
    struct tr_error error = TR_ERROR_INIT;
    if (auth->cache_path == NULL)
        return;
    bool failed = tr_auth_cache_write(auth->cache_path, auth->snapshot, auth->cached, &error) < 0;
    if (failed && !auth->cache_failed)
        tr_log(TR_LOG_WARNING, "keys: %s", error.message);
    auth->cache_failed = failed;
}

/* The thread ---------------------------------------------------------------------------------- */

/* Until a notification, a wake or the timeout. < 0: the connection is lost. */
static int wait_for_change(struct tr_auth *auth, int timeout_ms, struct tr_error *error)
{
    struct pollfd waiting[] = {
        {.fd = auth->wake_fd, .events = POLLIN},
        {.fd = auth->pg != NULL ? tr_pg_socket(auth->pg) : -1, .events = POLLIN},
    };
    if (poll(waiting, 2, timeout_ms) < 0 && errno != EINTR)
        return tr_error_set(error, -errno, "could not wait: %s", strerror(errno));
    uint64_t wakes;
    if (waiting[0].revents != 0 && read(auth->wake_fd, &wakes, sizeof wakes) < 0)
        return 0; /* somebody else's wake; the next turn sees what it was about */
    if (waiting[1].revents == 0)
        return 0;
    int result = tr_pg_take_notification(auth->pg, error);
    return result < 0 ? result : 0;
}

static void *run(void *context)
{
    struct tr_auth *auth = context;
    bool away = false;
    int retry_ms = RETRY_FIRST_MS;
    while (!atomic_load(&auth->stopping)) {
        struct tr_error error = TR_ERROR_INIT;
        int result = load(auth, &error);
        if (result == 0) {
            write_cache(auth);
            if (away)
                tr_log(TR_LOG_INFO, "keys: loaded again from PostgreSQL");
            retry_ms = RETRY_FIRST_MS;
            result = wait_for_change(auth, RELOAD_MS, &error);
        }
        if (atomic_load(&auth->stopping))
            break;
        if (result < 0 && !away)
            tr_log(TR_LOG_WARNING, "keys: %s; going on with the last known ones", error.message);
        away = result < 0;
        if (!away)
            continue;
        disconnect(auth);
        wait_for_change(auth, retry_ms, NULL);
        retry_ms = retry_ms * 2 < RETRY_LAST_MS ? retry_ms * 2 : RETRY_LAST_MS;
    }
    disconnect(auth);
    return NULL;
}

static void free_auth(struct tr_auth *auth)
{
    disconnect(auth);
    tr_pg_interrupt_free(auth->interrupt);
    tr_auth_snapshot_free(auth->snapshot);
    pthread_rwlock_destroy(&auth->lock);
    if (auth->wake_fd >= 0)
        close(auth->wake_fd);
    free(auth->database_url);
    free(auth->cache_path);
    free(auth);
}

int tr_auth_start(struct tr_auth **auth_out, const struct tr_auth_options *options,
                  struct tr_error *error)
{
    struct tr_auth *auth = tr_calloc(1, sizeof *auth);
    pthread_rwlock_init(&auth->lock, NULL);
    auth->interrupt = tr_pg_interrupt_new();
    auth->database_url = tr_strdup(options->database_url);
    auth->cache_path = options->cache_path != NULL ? tr_strdup(options->cache_path) : NULL;
    auth->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int result = auth->wake_fd < 0
                     ? tr_error_set(error, -errno, "could not make an eventfd: %s", strerror(errno))
                     : 0;
    /* Neither is an error: the thread goes on trying, and says what is wrong. */
    if (result == 0 && load(auth, NULL) < 0 && auth->cache_path != NULL)
        tr_auth_cache_read(auth->cache_path, &auth->snapshot, NULL);
    if (result == 0) {
        int failed = pthread_create(&auth->thread, NULL, run, auth);
        if (failed != 0)
            result = tr_error_set(error, -failed, "could not start a thread: %s", strerror(failed));
    }
    if (result < 0) {
        free_auth(auth);
        return result;
    }
    *auth_out = auth;
    return 0;
}

void tr_auth_refresh(struct tr_auth *auth)
{
    uint64_t one = 1;
    if (write(auth->wake_fd, &one, sizeof one) < 0)
        return; /* full: a wake is already on its way */
}

void tr_auth_stop(struct tr_auth *auth)
{
    if (auth == NULL)
        return;
    atomic_store(&auth->stopping, true);
    tr_pg_interrupt_raise(auth->interrupt);
    tr_auth_refresh(auth);
    pthread_join(auth->thread, NULL);
    free_auth(auth);
}

/* Looking up ---------------------------------------------------------------------------------- */

static void copy_key(const struct tr_auth_snapshot *snapshot, const struct tr_auth_key *key,
                     struct tr_key *key_out)
{
    struct tr_auth_project *project = NULL;
    HASH_FIND_INT(snapshot->projects, &key->key.project_id, project);
    *key_out = key->key;
    key_out->respect_dnt = project != NULL && project->project.respect_dnt;
}

int tr_auth_find_key(struct tr_auth *auth, struct tr_slice key, struct tr_key *key_out)
{
    if (key.size == 0 || key.size > KEY_LONGEST_BYTES)
        return TR_AUTH_UNKNOWN;
    uint8_t digest[TR_DIGEST_BYTES];
    tr_sha256(key.data, key.size, digest);
    struct tr_auth_key *found = NULL;
    pthread_rwlock_rdlock(&auth->lock);
    if (auth->snapshot != NULL)
        HASH_FIND(hh, auth->snapshot->keys, digest, sizeof digest, found);
    if (found != NULL)
        copy_key(auth->snapshot, found, key_out);
    pthread_rwlock_unlock(&auth->lock);
    return found != NULL ? 0 : TR_AUTH_UNKNOWN;
}

int tr_auth_find_session(struct tr_auth *auth, struct tr_slice token, int64_t now_us,
                         struct tr_key *key_out)
{
    uint8_t digest[TR_DIGEST_BYTES];
    struct tr_auth_session *found = NULL;
    if (token.size == 0 || token.size > KEY_LONGEST_BYTES)
        return TR_AUTH_UNKNOWN;
    tr_sha256(token.data, token.size, digest);
    pthread_rwlock_rdlock(&auth->lock);
    if (auth->snapshot != NULL)
        HASH_FIND(hh, auth->snapshot->sessions, digest, sizeof digest, found);
    if (found != NULL && found->expires_us <= now_us)
        found = NULL;
    if (found != NULL)
        *key_out = found->key;
    pthread_rwlock_unlock(&auth->lock);
    return found != NULL ? 0 : TR_AUTH_UNKNOWN;
}

int32_t tr_auth_find_project(struct tr_auth *auth, struct tr_slice name)
{
    int32_t id = -1;
    pthread_rwlock_rdlock(&auth->lock);
    struct tr_auth_project *one = auth->snapshot != NULL ? auth->snapshot->projects : NULL;
    for (; one != NULL && id < 0; one = one->hh.next)
        if (tr_slice_is(name, one->project.name) || tr_slice_is_nocase(name, one->project.uuid))
            id = one->project.id;
    pthread_rwlock_unlock(&auth->lock);
    return id;
}

bool tr_auth_with_project(struct tr_auth *auth, int32_t project_id,
                          void (*use)(const struct tr_project *project, void *context),
                          void *context)
{
    struct tr_auth_project *found = NULL;
    pthread_rwlock_rdlock(&auth->lock);
    if (auth->snapshot != NULL)
        HASH_FIND_INT(auth->snapshot->projects, &project_id, found);
    if (found != NULL)
        use(&found->project, context);
    pthread_rwlock_unlock(&auth->lock);
    return found != NULL;
}

struct origin_question {
    struct tr_slice origin;
    bool allowed;
};

static void ask_origin(const struct tr_project *project, void *context)
{
    struct origin_question *question = context;
    question->allowed = project->origin_count == 0;
    for (size_t i = 0; i < project->origin_count && !question->allowed; i++)
        question->allowed = tr_slice_is_nocase(question->origin, project->origins[i]);
}

bool tr_auth_origin_allowed(struct tr_auth *auth, int32_t project_id, struct tr_slice origin)
{
    struct origin_question question = {.origin = origin, .allowed = false};
    tr_auth_with_project(auth, project_id, ask_origin, &question);
    return question.allowed;
}

bool tr_auth_ready(struct tr_auth *auth)
{
    pthread_rwlock_rdlock(&auth->lock);
    bool ready = auth->snapshot != NULL;
    pthread_rwlock_unlock(&auth->lock);
    return ready;
}
