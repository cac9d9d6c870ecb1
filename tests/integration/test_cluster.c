/* SPDX-License-Identifier: MIT */
/*
 * src/cluster and src/auth with a real PostgreSQL: it starts, keeps its data, recovers from every
 * kill, belongs to one owner; keys are known soon after they change, and when it is away.
 */
#include "traction/auth.h"
#include "traction/base/alloc.h"
#include "traction/base/clock.h"
#include "traction/cluster.h"
#include "traction/pg.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SOON_MS = 30000 };

static const char *const settings[] = {"fsync=off", "shared_buffers=32MB", NULL};
static char directory[] = "/tmp/traction-cluster-XXXXXX";
static char folder[64];

static void remove_folder(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", path, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

static void check(int result, const struct tr_error *error)
{
    if (result < 0)
        fail_msg("%s", error->message);
}

static struct tr_cluster *start_at(const char *path)
{
    struct tr_cluster *cluster = NULL;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_cluster_options options = {.directory = path, .settings = settings};
    check(tr_cluster_start(&cluster, &options, &error), &error);
    return cluster;
}

static struct tr_pg *connect_to(const struct tr_cluster *cluster)
{
    struct tr_pg *pg = NULL;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_pg_options options = {.url = tr_cluster_url(cluster), .application = "test"};
    check(tr_pg_connect(&pg, &options, &error), &error);
    return pg;
}

static void execute(struct tr_pg *pg, const char *sql)
{
    struct tr_error error = TR_ERROR_INIT;
    check(tr_pg_execute(pg, sql, &error), &error);
}

static int64_t ask(struct tr_pg *pg, const char *sql)
{
    struct tr_pg_result *row = NULL;
    struct tr_error error = TR_ERROR_INIT;
    check(tr_pg_query_once(pg, sql, NULL, &row, &error), &error);
    int64_t value = tr_pg_get_int(row, 0, 0);
    tr_pg_result_free(row);
    return value;
}

/* Waits until what(context) is true. */
static void wait_until(bool (*what)(void *context), void *context)
{
    int64_t until_us = tr_clock_mono_us() + SOON_MS * INT64_C(1000);
    while (!what(context)) {
        if (tr_clock_mono_us() > until_us)
            fail_msg("it did not happen");
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

static bool has_exited(void *context)
{
    return tr_cluster_has_exited(context);
}

static bool is_ready(void *context)
{
    return tr_cluster_is_ready(context);
}

static void restart(struct tr_cluster *cluster)
{
    struct tr_error error = TR_ERROR_INIT;
    check(tr_cluster_restart(cluster, &error), &error);
    wait_until(is_ready, cluster);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(folder, sizeof folder, "%s/pg", directory);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    remove_folder(directory);
    return 0;
}

/* The cluster -----------------------------------------------------------------------------------
 */

static void test_data_survives_a_restart(void **state)
{
    (void)state;
    struct tr_cluster *cluster = start_at(folder);
    struct tr_pg *pg = connect_to(cluster);
    execute(pg, "create table public.kept (n int)");
    execute(pg, "insert into public.kept values (42)");
    tr_pg_close(pg);
    tr_cluster_stop(cluster);
    cluster = start_at(folder);
    pg = connect_to(cluster);
    assert_int_equal(ask(pg, "select n from public.kept"), 42);
    assert_int_equal(ask(pg, "select count(*) from pg_settings where name = 'listen_addresses'"
                             " and setting = ''"),
                     1);
    tr_pg_close(pg);
    tr_cluster_stop(cluster);
}

static void test_second_owner_is_refused(void **state)
{
    (void)state;
    struct tr_cluster *cluster = start_at(folder);
    struct tr_cluster *second = NULL;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_cluster_options options = {.directory = folder, .settings = settings};
    assert_int_equal(tr_cluster_start(&second, &options, &error), -EBUSY);
    assert_null(second);
    assert_false(tr_cluster_has_exited(cluster));
    tr_cluster_stop(cluster);
}

static void test_killed_postmaster_is_replaced(void **state)
{
    (void)state;
    struct tr_cluster *cluster = start_at(folder);
    for (int round = 0; round < 3; round++) {
        /* A backend in the middle of something outlives its postmaster for a while. */
        struct tr_pg *pg = connect_to(cluster);
        execute(pg, "create table if not exists public.survived (n int)");
        execute(pg, "insert into public.survived values (1)");
        execute(pg, "begin");
        execute(pg, "insert into public.survived values (100)");
        kill(tr_cluster_pid(cluster), SIGKILL);
        wait_until(has_exited, cluster);
        assert_false(tr_cluster_is_ready(cluster));
        restart(cluster);
        assert_false(tr_cluster_has_exited(cluster));
        tr_pg_close(pg);
        pg = connect_to(cluster);
        assert_int_equal(ask(pg, "select sum(n)::bigint from public.survived"), round + 1);
        tr_pg_close(pg);
    }
    tr_cluster_stop(cluster);
}

/* Starts the cluster in a child, which then dies as kill -9 kills: the postmaster is left behind.
 */
static pid_t leave_orphan(void)
{
    int channel[2];
    pid_t postmaster = 0;
    assert_int_equal(pipe2(channel, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        struct tr_cluster *cluster = NULL;
        struct tr_cluster_options options = {.directory = folder, .settings = settings};
        if (tr_cluster_start(&cluster, &options, NULL) == 0)
            postmaster = tr_cluster_pid(cluster);
        /* Held still, it can't follow its parent: it stays as an orphan. */
        kill(postmaster, SIGSTOP);
        ssize_t wrote = write(channel[1], &postmaster, sizeof postmaster);
        _exit(wrote == sizeof postmaster ? 0 : 1);
    }
    close(channel[1]);
    assert_int_equal(read(channel[0], &postmaster, sizeof postmaster), sizeof postmaster);
    close(channel[0]);
    waitpid(child, NULL, 0);
    assert_true(postmaster > 0);
    return postmaster;
}

static void test_orphan_is_taken_over(void **state)
{
    (void)state;
    pid_t orphan = leave_orphan();
    assert_int_equal(kill(orphan, 0), 0);
    struct tr_cluster *cluster = start_at(folder);
    assert_int_not_equal(tr_cluster_pid(cluster), orphan);
    struct tr_pg *pg = connect_to(cluster);
    assert_int_equal(ask(pg, "select 1"), 1);
    tr_pg_close(pg);
    tr_cluster_stop(cluster);
}

static void test_long_path_gets_its_socket_elsewhere(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s/%0120d", directory, 0);
    struct tr_cluster *cluster = start_at(path);
    struct tr_pg *pg = connect_to(cluster);
    assert_int_equal(ask(pg, "select 1"), 1);
    tr_pg_close(pg);
    tr_cluster_stop(cluster);
}

/* The folder above is root's alone, as /root is. */
static void test_folder_that_its_user_may_not_enter(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char above[96];
    char path[128];
    snprintf(above, sizeof above, "%s/closed", directory);
    snprintf(path, sizeof path, "%s/pg", above);
    assert_int_equal(mkdir(above, 0700), 0);
    struct tr_cluster *cluster = start_at(path);
    struct tr_pg *pg = connect_to(cluster);
    assert_int_equal(ask(pg, "select 1"), 1);
    tr_pg_close(pg);
    tr_cluster_stop(cluster);
}

static void test_foreign_folder_is_left_alone(void **state)
{
    (void)state;
    char path[128];
    char data[160];
    struct tr_cluster *cluster = NULL;
    struct tr_error error = TR_ERROR_INIT;
    snprintf(path, sizeof path, "%s/foreign", directory);
    snprintf(data, sizeof data, "%s/data", path);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(mkdir(data, 0755), 0);
    struct tr_cluster_options options = {.directory = path};
    assert_int_equal(tr_cluster_start(&cluster, &options, &error), -EINVAL);
    assert_non_null(strstr(error.message, "not a PostgreSQL data folder"));
}

/* Keys ------------------------------------------------------------------------------------------
 */

struct lookup {
    struct tr_auth *auth;
    const char *key;
    bool wanted;
};

static bool key_is(void *context)
{
    struct lookup *lookup = context;
    struct tr_key found;
    return (tr_auth_find_key(lookup->auth, tr_slice_of(lookup->key), &found) == 0) ==
           lookup->wanted;
}

static struct tr_auth *start_auth(const struct tr_cluster *cluster, const char *url)
{
    static char cache[96];
    struct tr_auth *auth = NULL;
    struct tr_error error = TR_ERROR_INIT;
    snprintf(cache, sizeof cache, "%s/keys.cache", directory);
    struct tr_auth_options options = {
        .database_url = cluster != NULL ? tr_cluster_url(cluster) : url, .cache_path = cache};
    check(tr_auth_start(&auth, &options, &error), &error);
    return auth;
}

static void revoke_key(struct tr_pg *pg, const char *hint)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    struct tr_error error = TR_ERROR_INIT;
    tr_pg_bind_text(params, tr_slice_of(hint));
    check(tr_pg_query_once(pg,
                           "update traction.api_key set revoked_at = now() where hint = $1"
                           " returning pg_notify('traction_keys', '')::text",
                           params, NULL, &error),
          &error);
}

static void note_zone(const struct tr_project *project, void *context)
{
    snprintf(context, 64, "%s", project->timezone);
}

static void test_keys_follow_the_database(void **state)
{
    (void)state;
    struct tr_cluster *cluster = start_at(folder);
    struct tr_pg *pg = connect_to(cluster);
    struct tr_error error = TR_ERROR_INIT;
    int applied;
    check(tr_pg_migrate(pg, &applied, &error), &error);
    execute(pg, "insert into traction.project (name, timezone, allowed_origins) values"
                " ('one', 'Asia/Kolkata', '{https://a.example}')");
    int32_t project = (int32_t)ask(pg, "select id from traction.project");
    char key[TR_KEY_BYTES];
    char hint[16];
    struct tr_key found;
    char zone[64] = "";

    struct tr_auth *auth = start_auth(cluster, NULL);
    assert_true(tr_auth_ready(auth));
    check(tr_auth_create_key(pg, project, TR_SCOPE_READ, key, &error), &error);
    assert_int_equal(strlen(key), 41);
    assert_int_equal(strncmp(key, "tr_", 3), 0);
    assert_int_equal(strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_"), 41);
    struct lookup lookup = {.auth = auth, .key = key, .wanted = true};
    wait_until(key_is, &lookup);
    assert_int_equal(tr_auth_find_key(auth, tr_slice_of(key), &found), 0);
    assert_int_equal(found.project_id, project);
    assert_int_equal(found.scope, TR_SCOPE_READ);
    assert_true(tr_auth_with_project(auth, project, note_zone, zone));
    assert_string_equal(zone, "Asia/Kolkata");
    assert_true(tr_auth_origin_allowed(auth, project, TR_SLICE("https://A.example")));
    assert_false(tr_auth_origin_allowed(auth, project, TR_SLICE("https://a.example.evil")));
    assert_false(tr_auth_origin_allowed(auth, project, TR_SLICE("null")));
    assert_int_equal(tr_auth_find_key(auth, TR_SLICE("tr_"), &found), TR_AUTH_UNKNOWN);
    assert_int_equal(tr_auth_find_key(auth, TR_SLICE_NONE, &found), TR_AUTH_UNKNOWN);
    assert_int_equal(tr_auth_create_key(pg, 12345, TR_SCOPE_READ, key, &error), -ENOENT);

    snprintf(hint, sizeof hint, "%.9s", lookup.key);
    revoke_key(pg, hint);
    lookup.wanted = false;
    wait_until(key_is, &lookup);

    /* The connection is cut, and PostgreSQL restarts: what changed meanwhile is known soon. */
    kill(tr_cluster_pid(cluster), SIGKILL);
    wait_until(has_exited, cluster);
    tr_pg_close(pg);
    restart(cluster);
    pg = connect_to(cluster);
    check(tr_auth_create_key(pg, project, TR_SCOPE_WRITE, key, &error), &error);
    lookup.wanted = true;
    wait_until(key_is, &lookup);
    tr_auth_stop(auth);

    /* Away altogether: the file knows. */
    tr_pg_close(pg);
    tr_cluster_stop(cluster);
    auth = start_auth(NULL, "postgresql:///traction?host=/nowhere");
    assert_true(tr_auth_ready(auth));
    assert_int_equal(tr_auth_find_key(auth, tr_slice_of(key), &found), 0);
    tr_auth_stop(auth);
}

/* Readers while the snapshot is swapped under them; the thread sanitizer watches. */
struct reader {
    struct tr_auth *auth;
    atomic_bool stop;
};

static void *read_on(void *context)
{
    struct reader *reader = context;
    struct tr_key found;
    char zone[64];
    while (!atomic_load(&reader->stop)) {
        tr_auth_find_key(reader->auth, TR_SLICE("tw_nobody"), &found);
        tr_auth_with_project(reader->auth, 1, note_zone, zone);
    }
    return NULL;
}

static void test_readers_while_reloading(void **state)
{
    (void)state;
    struct tr_cluster *cluster = start_at(folder);
    struct tr_pg *pg = connect_to(cluster);
    struct reader reader = {.auth = start_auth(cluster, NULL)};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &reader), 0);
    for (int i = 0; i < 50; i++) {
        char key[TR_KEY_BYTES];
        struct tr_error error = TR_ERROR_INIT;
        struct lookup lookup = {.auth = reader.auth, .key = key, .wanted = true};
        check(tr_auth_create_key(pg, 1, TR_SCOPE_WRITE, key, &error), &error);
        wait_until(key_is, &lookup);
    }
    atomic_store(&reader.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    tr_auth_stop(reader.auth);
    tr_pg_close(pg);
    tr_cluster_stop(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_survives_a_restart),
        cmocka_unit_test(test_second_owner_is_refused),
        cmocka_unit_test(test_killed_postmaster_is_replaced),
        cmocka_unit_test(test_orphan_is_taken_over),
        cmocka_unit_test(test_long_path_gets_its_socket_elsewhere),
        cmocka_unit_test(test_folder_that_its_user_may_not_enter),
        cmocka_unit_test(test_foreign_folder_is_left_alone),
        cmocka_unit_test(test_keys_follow_the_database),
        cmocka_unit_test(test_readers_while_reloading),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
