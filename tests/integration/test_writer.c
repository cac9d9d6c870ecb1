/* SPDX-License-Identifier: MIT */
/*
 * src/writer against a real PostgreSQL: every acknowledged event lands once, whatever is repeated,
 * poisoned or interrupted, and the rollups say what the events say.
 */
#include "traction/base/clock.h"
#include "traction/base/hash.h"
#include "traction/cluster.h"
#include "traction/event.h"
#include "traction/pg.h"
#include "traction/writer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static struct tr_cluster *cluster;
static struct tr_pg *pg;

/* One server: a spool and a writer. */
struct server {
    char spool_directory[128];
    struct tr_spool *spool;
    struct tr_writer *writer;
};

static void fail_if(int result, const struct tr_error *error)
{
    if (result < 0)
        fail_msg("%s", error->message);
}

static int64_t ask(const char *sql)
{
    struct tr_pg_result *result = NULL;
    struct tr_error error = TR_ERROR_INIT;
    fail_if(tr_pg_query_once(pg, sql, NULL, &result, &error), &error);
    int64_t value = tr_pg_is_null(result, 0, 0) ? -1 : tr_pg_get_int(result, 0, 0);
    tr_pg_result_free(result);
    return value;
}

static void execute(const char *sql)
{
    struct tr_error error = TR_ERROR_INIT;
    fail_if(tr_pg_execute(pg, sql, &error), &error);
}

static void connect_pg(void)
{
    struct tr_pg_options options = {.url = tr_cluster_url(cluster), .application = "test"};
    struct tr_error error = TR_ERROR_INIT;
    tr_pg_close(pg);
    fail_if(tr_pg_connect(&pg, &options, &error), &error);
}

static int start_cluster(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/traction-writer-XXXXXX");
    assert_non_null(mkdtemp(directory));
    static const char *const settings[] = {"fsync=off", "shared_buffers=64MB", NULL};
    struct tr_cluster_options options = {.directory = directory, .settings = settings};
    struct tr_error error = TR_ERROR_INIT;
    fail_if(tr_cluster_start(&cluster, &options, &error), &error);
    connect_pg();
    int applied = 0;
    fail_if(tr_pg_migrate(pg, &applied, &error), &error);
    execute("insert into traction.project (name, timezone) values"
            " ('one', 'UTC'), ('two', 'Asia/Kolkata'), ('three', 'America/St_Johns')");
    return 0;
}

static int stop_cluster(void **state)
{
    (void)state;
    tr_pg_close(pg);
    tr_cluster_stop(cluster);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static int empty_tables(void **state)
{
    (void)state;
    execute("truncate traction.event, traction.id_log, traction.ledger, traction.reject,"
            " traction.rollup_count, traction.rollup_sketch, traction.member_set,"
            " traction.day_member, traction.day_matrix, traction.person, traction.session_day,"
            " traction.session_time, traction.spool_position, traction.alias, traction.visit,"
            " traction.day_cohort");
    return 0;
}

static void start_writer(struct server *server)
{
    struct tr_writer_options options;
    tr_writer_options_init(&options);
    options.database_url = tr_cluster_url(cluster);
    options.spool = server->spool;
    options.spool_directory = server->spool_directory;
    options.batch_events = 500;
    options.batch_wait_ms = 0;
    options.partitions_ahead_days = 1;
    struct tr_error error = TR_ERROR_INIT;
    fail_if(tr_writer_start(&server->writer, &options, &error), &error);
}

static void start_server(struct server *server, const char *name)
{
    snprintf(server->spool_directory, sizeof server->spool_directory, "%s/%s", directory, name);
    struct tr_spool_options options;
    tr_spool_options_init(&options);
    options.directory = server->spool_directory;
    options.free_fraction = 0;
    struct tr_error error = TR_ERROR_INIT;
    fail_if(tr_spool_open(&server->spool, &options, &error), &error);
    fail_if(tr_spool_start(server->spool, &error), &error);
    start_writer(server);
}

static void stop_server(struct server *server)
{
    tr_spool_stop(server->spool);
    tr_writer_stop(server->writer, 10000);
    tr_spool_close(server->spool);
}

/* Appends what was encoded and does not wait for anything. */
static void append(struct server *server, struct tr_buf *frames)
{
    assert_false(tr_buf_overflowed(frames));
    assert_int_equal(
        tr_spool_append(server->spool, tr_buf_slice(frames), TR_SPOOL_ACK_MEMORY, NULL), 0);
    tr_buf_clear(frames, 1 << 20);
}

static void add_event(struct tr_buf *frames, int32_t project_id, const struct tr_event *event)
{
    static struct tr_arena *arena;
    static const uint8_t salt[16];
    if (arena == NULL)
        arena = tr_arena_new(1 << 20);
    tr_arena_reset(arena);
    struct tr_event_limits limits;
    tr_event_limits_init(&limits);
    struct tr_event_sender sender = {
        .project_id = project_id, .received_us = tr_clock_wall_us(), .salt = salt};
    struct tr_reject reject = {0};
    size_t begin = tr_spool_frame_begin(frames);
    if (!tr_event_encode(event, &sender, &limits, arena, frames, &reject))
        fail_msg("%s: %s", reject.field, reject.message);
    tr_spool_frame_end(frames, begin, sender.received_us, 0, (uint32_t)project_id);
}

static void add_simple(struct tr_buf *frames, unsigned number)
{
    char id[32];
    snprintf(id, sizeof id, "id-%u", number);
    struct tr_event event = {
        .id = tr_slice_of(id), .name = TR_SLICE("page_view"), .user = TR_SLICE("u1")};
    add_event(frames, 1, &event);
}

static void wait_for(const char *sql, int64_t expected)
{
    int64_t value = -1;
    for (int i = 0; i < 1000 && value != expected; i++) {
        usleep(10000);
        value = ask(sql);
    }
    assert_int_equal(value, expected);
}

static void check_ledger(int64_t landed)
{
    wait_for("select sum(events)::bigint from traction.ledger where outcome = 'landed'", landed);
    assert_int_equal(ask("select sum(case when outcome = 'landed' then -events else events end)"
                         "::bigint from traction.ledger"),
                     0);
}

static void test_each_id_once(void **state)
{
    (void)state;
    struct server server = {0};
    struct tr_buf frames;
    tr_buf_init(&frames, 64 << 20);
    start_server(&server, "once");
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 2000; i++)
            add_simple(&frames, (i * 7 + (unsigned)round * 13) % 2000);
        append(&server, &frames);
        if (round == 1) {
            stop_server(&server);
            start_server(&server, "once");
        }
    }
    check_ledger(6000);
    assert_int_equal(ask("select count(*) from traction.event"), 2000);
    assert_int_equal(ask("select count(distinct id) from traction.event"), 2000);
    assert_int_equal(ask("select events from traction.ledger where outcome = 'duplicate'"), 4000);
    assert_int_equal(ask("select n from traction.rollup_count where metric = 'event' and"
                         " grain = 'd'"),
                     2000);
    stop_server(&server);
    tr_buf_fini(&frames);
}

/* Two servers are sent the same ids at the same time, so that they meet in the middle. */
static void test_each_id_once_on_two_servers(void **state)
{
    (void)state;
    struct server servers[2] = {0};
    struct tr_buf frames;
    tr_buf_init(&frames, 64 << 20);
    start_server(&servers[0], "first");
    start_server(&servers[1], "second");
    for (unsigned block = 0; block < 40; block++) {
        for (int which = 0; which < 2; which++) {
            for (unsigned i = 0; i < 300; i++)
                add_simple(&frames, block * 150 + i);
            append(&servers[which], &frames);
        }
    }
    check_ledger(24000);
    assert_int_equal(ask("select count(*) from traction.event"), 39 * 150 + 300);
    assert_int_equal(ask("select count(distinct id) from traction.event"), 39 * 150 + 300);
    stop_server(&servers[0]);
    stop_server(&servers[1]);
    tr_buf_fini(&frames);
}

static void add_poison(struct tr_buf *frames)
{
    size_t begin = frames->size;
    struct tr_event event = {.name = TR_SLICE("poison"),
                             .user = TR_SLICE("u"),
                             .properties = TR_SLICE("{\"a\":\"POISON\"}")};
    add_event(frames, 1, &event);
    char *at = memmem(frames->data + begin, frames->size - begin, "\"POISON\"", 8);
    assert_non_null(at);
    *at = '!'; /* no JSON any more: SQLSTATE 22P02 */
    struct tr_slice payload = tr_slice(frames->data + begin + 48, frames->size - begin - 48);
    struct tr_buf fixed;
    tr_buf_init(&fixed, 1 << 20);
    size_t frame = tr_spool_frame_begin(&fixed);
    tr_buf_append_slice(&fixed, payload);
    tr_spool_frame_end(&fixed, frame, tr_clock_wall_us(), 0, 1);
    frames->size = begin;
    tr_buf_append_slice(frames, tr_buf_slice(&fixed));
    tr_buf_fini(&fixed);
}

static void test_poison_is_set_aside_alone(void **state)
{
    (void)state;
    struct server server = {0};
    struct tr_buf frames;
    tr_buf_init(&frames, 64 << 20);
    for (unsigned i = 0; i < 1000; i++) {
        if (i == 0 || i == 333 || i == 334 || i == 999)
            add_poison(&frames);
        add_simple(&frames, i);
    }
    start_server(&server, "poison");
    append(&server, &frames);
    check_ledger(1004);
    assert_int_equal(ask("select count(*) from traction.event"), 1000);
    assert_int_equal(ask("select count(*) from traction.reject where code = 'sqlstate_22P02'"), 4);
    stop_server(&server);
    tr_buf_fini(&frames);
}

/* A check that names no constraint looks like a missing partition, and is none. */
static void test_a_check_without_a_name_is_poison(void **state)
{
    (void)state;
    struct server server = {0};
    struct tr_buf frames;
    tr_buf_init(&frames, 64 << 20);
    execute("create function public.refuse() returns trigger language plpgsql as $$ begin"
            " if new.id in ('id-3', 'id-11') then raise exception 'no' using errcode = '23514',"
            " schema = 'traction', table = 'event'; end if; return new; end $$");
    execute("create trigger refuse before insert on traction.event"
            " for each row execute function public.refuse()");
    for (unsigned i = 0; i < 20; i++)
        add_simple(&frames, i);
    start_server(&server, "check");
    append(&server, &frames);
    check_ledger(20);
    assert_int_equal(ask("select count(*) from traction.reject where code = 'sqlstate_23514'"), 2);
    assert_int_equal(ask("select count(*) from traction.event"), 18);
    execute("drop trigger refuse on traction.event");
    execute("drop function public.refuse");
    stop_server(&server);
    tr_buf_fini(&frames);
}

static void test_postgres_killed_under_way(void **state)
{
    (void)state;
    struct server server = {0};
    struct tr_buf frames;
    tr_buf_init(&frames, 64 << 20);
    start_server(&server, "killed");
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 3000; i++)
            add_simple(&frames, round * 3000 + i);
        append(&server, &frames);
        usleep(20000 * (round % 4));
        if (round % 3 == 0) {
            kill(tr_cluster_pid(cluster), SIGQUIT);
            for (int i = 0; i < 500 && !tr_cluster_has_exited(cluster); i++)
                usleep(10000);
            struct tr_error error = TR_ERROR_INIT;
            fail_if(tr_cluster_restart(cluster, &error), &error);
            for (int i = 0; i < 3000 && !tr_cluster_is_ready(cluster); i++)
                usleep(10000);
            connect_pg();
        } else {
            execute("select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'traction writer'");
        }
    }
    check_ledger(30000);
    assert_int_equal(ask("select count(*) from traction.event"), 30000);
    assert_int_equal(ask("select count(distinct id) from traction.event"), 30000);
    stop_server(&server);
    tr_buf_fini(&frames);
}

static void test_environment_is_no_poison(void **state)
{
    (void)state;
    struct server server = {0};
    struct tr_buf frames;
    tr_buf_init(&frames, 64 << 20);
    start_server(&server, "environment");
    add_simple(&frames, 0);
    append(&server, &frames);
    check_ledger(1);
    execute("alter system set default_transaction_read_only = on");
    execute("select pg_reload_conf()");
    execute("select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'traction writer'");
    for (unsigned i = 1; i < 500; i++)
        add_simple(&frames, i);
    append(&server, &frames);
    usleep(500000);
    connect_pg();
    execute("set default_transaction_read_only = off");
    execute("alter system reset default_transaction_read_only");
    execute("select pg_reload_conf()");
    check_ledger(500);
    assert_int_equal(ask("select count(*) from traction.reject"), 0);
    stop_server(&server);
    tr_buf_fini(&frames);
}

static void test_dropped_partition_is_made_again(void **state)
{
    (void)state;
    struct server server = {0};
    struct tr_buf frames;
    tr_buf_init(&frames, 64 << 20);
    start_server(&server, "partition");
    add_simple(&frames, 1);
    append(&server, &frames);
    check_ledger(1);
    execute("do $$ begin execute 'drop table traction.event_' ||"
            " to_char(now() at time zone 'UTC', 'YYYYMMDD'); end $$");
    add_simple(&frames, 2);
    append(&server, &frames);
    check_ledger(2);
    assert_int_equal(ask("select count(*) from traction.event where id = 'id-2'"), 1);
    stop_server(&server);
    tr_buf_fini(&frames);
}

/* Rollups against the events themselves
 * ---------------------------------------------------------------- */

static unsigned draw(unsigned below)
{
    static uint64_t seed = 88172645463325252u;
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % below;
}

static const char *pick(const char *const *list, unsigned count)
{
    return list[draw(count)];
}

/* Late, repeated, out of order, over midnights; few people, so that everything meets. */
static void add_random(struct tr_buf *frames)
{
    static const char *const names[] = {"page_view", "engaged_time", "feature_used", "api_request",
                                        "error",     "conversion",   "purchase",     "page_load",
                                        "custom",    "sign_up"};
    static const char *const features[] = {"export", "share", "import"};
    static const char *const routes[] = {"/a", "/b", "/c"};
    static const char *const units[] = {"EUR", "USD"};
    const char *name = pick(names, 10);
    char id[32];
    char user[16];
    char session[16];
    char value[32];
    char properties[128];
    snprintf(id, sizeof id, "r%u", draw(6000));
    snprintf(user, sizeof user, "p%u", draw(60));
    snprintf(session, sizeof session, "s%u", draw(400));
    snprintf(value, sizeof value, "%u.%03u", draw(5000), draw(1000));
    snprintf(properties, sizeof properties,
             "{\"feature\":\"%s\",\"route\":\"%s\",\"status\":%u,\"goal\":\"%s\"}",
             pick(features, 3), pick(routes, 3), 200 + draw(4) * 100, pick(features, 3));
    bool is_money = strcmp(name, "purchase") == 0;
    struct tr_event event = {
        .id = tr_slice_of(id),
        .name = tr_slice_of(name),
        .has_timestamp = true,
        .timestamp_us = tr_clock_wall_us() - (int64_t)draw(20 * 86400) * 1000000 - draw(1000000),
        .value = tr_slice_of(value),
        .properties = tr_slice_of(properties),
    };
    if (draw(3) > 0)
        event.user = tr_slice_of(user);
    else
        event.anonymous = tr_slice_of(user);
    if (draw(4) > 0)
        event.session = tr_slice_of(session);
    if (is_money)
        event.unit = tr_slice_of(pick(units, 2));
    add_event(frames, 1 + (int32_t)draw(3), &event);
}

/* Each row of these is a difference. "day" is the day in the project's time zone. */
static const char *const differences[] = {
    /* counts */
    "with raw as (select project_id, 'q'::\"char\" as grain, date_bin('15 minutes', ts,"
    " '2000-01-01Z') as bucket, kind::text || ':' || name as key, count(*) as n from traction.event"
    " group by 1, 2, 3, 4), rolled as (select project_id, grain, bucket, key, n from"
    " traction.rollup_count where metric = 'event' and grain = 'q')"
    " select count(*) from ((table raw except all table rolled) union all"
    " (table rolled except all table raw)) d",
    "with raw as (select e.project_id, date_trunc('day', ts at time zone timezone) at time zone"
    " timezone as bucket, coalesce(unit, '') as key, count(*) as n, sum(value) as amount from"
    " traction.event e join traction.project p on p.id = e.project_id where e.name = 'purchase'"
    " group by 1, 2, 3), rolled as (select project_id, bucket, key, n, amount from"
    " traction.rollup_count where metric = 'revenue' and grain = 'd')"
    " select count(*) from ((table raw except all table rolled) union all"
    " (table rolled except all table raw)) d",
    "with raw as (select project_id, date_bin('15 minutes', first, '2000-01-01Z') as bucket,"
    " count(*) as n from (select project_id, person, min(ts) as first from traction.event"
    " group by 1, 2) f group by 1, 2), rolled as (select project_id, bucket, n from"
    " traction.rollup_count where metric = 'person' and grain = 'q' and n <> 0)"
    " select count(*) from ((table raw except all table rolled) union all"
    " (table rolled except all table raw)) d",
    /* people over every range of days */
    "with days as (select d::date as day from generate_series(current_date - 21, current_date + 1,"
    " interval '1 day') d), ranges as (select a.day as f, b.day as t from days a join days b on"
    " b.day > a.day), active as (select distinct e.project_id, person, (ts at time zone"
    " timezone)::date as day from traction.event e join traction.project p on p.id = e.project_id"
    " where kind = 'e'), raw as (select p.id, f, t, (select count(distinct person) from active"
    " where project_id = p.id and day >= f and day < t) as n from ranges, traction.project p),"
    " rolled as (select p.id, f, t, (select coalesce(sum(members), 0)::bigint from"
    " traction.day_matrix m join traction.member_set s on s.id = m.set_id where s.project_id = p.id"
    " and subject = 'active' and day >= f and day < t and previous_day < f) as n from ranges,"
    " traction.project p) select count(*) from raw join rolled using (id, f, t)"
    " where raw.n <> rolled.n",
    /* sketches count what there is */
    "with raw as (select project_id, date_bin('15 minutes', ts, '2000-01-01Z') as bucket, route,"
    " count(*) as n, sum(round(value * 1000)) as total from traction.event where"
    " name = 'api_request' group by 1, 2, 3), rolled as (select project_id, bucket, key, n,"
    " total_us from traction.rollup_sketch where metric = 'request' and grain = 'q' and key <> '')"
    " select count(*) from ((table raw except table rolled) union all"
    " (table rolled except table raw)) d",
};

static void test_rollups_say_what_events_say(void **state)
{
    (void)state;
    struct server servers[2] = {0};
    struct tr_buf frames;
    tr_buf_init(&frames, 64 << 20);
    start_server(&servers[0], "random-a");
    start_server(&servers[1], "random-b");
    for (unsigned block = 0; block < 60; block++) {
        for (unsigned i = 0; i < 200; i++)
            add_random(&frames);
        append(&servers[block % 2], &frames);
        if (block % 20 == 10)
            execute("select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'traction writer'");
    }
    check_ledger(12000);
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
        if (ask(differences[i]) != 0)
            fail_msg("difference %zu has %d rows", i, (int)ask(differences[i]));
    stop_server(&servers[0]);
    stop_server(&servers[1]);
    tr_buf_fini(&frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_id_once, empty_tables),
        cmocka_unit_test_setup(test_each_id_once_on_two_servers, empty_tables),
        cmocka_unit_test_setup(test_poison_is_set_aside_alone, empty_tables),
        cmocka_unit_test_setup(test_a_check_without_a_name_is_poison, empty_tables),
        cmocka_unit_test_setup(test_postgres_killed_under_way, empty_tables),
        cmocka_unit_test_setup(test_environment_is_no_poison, empty_tables),
        cmocka_unit_test_setup(test_dropped_partition_is_made_again, empty_tables),
        cmocka_unit_test_setup(test_rollups_say_what_events_say, empty_tables),
    };
    return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
