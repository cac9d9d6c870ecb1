/* SPDX-License-Identifier: MIT */
/* src/cluster/settings.c: what PostgreSQL is told on small and large machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cluster_priv.h"

#include <string.h>

#define GIB (1024ULL * 1024 * 1024)

/* The last value wins, as in PostgreSQL. */
static const char *value_of(const char *const *argv, const char *name)
{
    const char *value = NULL;
    size_t size = strlen(name);
    for (size_t i = 0; argv[i] != NULL; i++)
        if (strncmp(argv[i], name, size) == 0 && argv[i][size] == '=')
            value = argv[i] + size + 1;
    return value;
}

static void expect(uint64_t memory, uint64_t disk, const char *name, const char *value)
{
    const struct tr_machine machine = {memory, disk, 15};
    const char **argv = tr_settings_new("postgres", "data", "sockets", &machine, NULL);
    assert_string_equal(value_of(argv, name), value);
    tr_settings_free(argv);
}

static void test_fit_the_machine(void **state)
{
    (void)state;
    expect(24 * GIB, 100 * GIB, "shared_buffers", "2048MB");
    expect(24 * GIB, 100 * GIB, "work_mem", "32MB");
    expect(24 * GIB, 100 * GIB, "max_wal_size", "1024MB");
    expect(4 * GIB, 100 * GIB, "shared_buffers", "1024MB");
    expect(4 * GIB, 5 * GIB, "max_wal_size", "512MB");
    expect(GIB / 16, GIB / 16, "shared_buffers", "32MB");
    expect(GIB / 16, GIB / 16, "work_mem", "4MB");
    expect(0, 0, "max_wal_size", "256MB");
}

static void test_durable_and_private(void **state)
{
    (void)state;
    expect(GIB, GIB, "fsync", "on");
    expect(GIB, GIB, "synchronous_commit", "on");
    expect(GIB, GIB, "listen_addresses", "");
    expect(GIB, GIB, "unix_socket_permissions", "0700");
    expect(GIB, GIB, "unix_socket_directories", "sockets");
}

/* A setting that PostgreSQL does not know keeps it from starting. */
static void test_fit_the_version(void **state)
{
    (void)state;
    struct tr_machine machine = {GIB, GIB, 13};
    const char **argv = tr_settings_new("postgres", "data", "sockets", &machine, NULL);
    assert_null(value_of(argv, "recovery_init_sync_method"));
    tr_settings_free(argv);
    expect(GIB, GIB, "recovery_init_sync_method", "syncfs");
}

static void test_extra_settings_win(void **state)
{
    (void)state;
    static const char *const extra[] = {"max_connections=7", "fsync=off", NULL};
    const struct tr_machine machine = {GIB, GIB, 15};
    const char **argv = tr_settings_new("postgres", "data", "sockets", &machine, extra);
    assert_string_equal(value_of(argv, "max_connections"), "7");
    assert_string_equal(value_of(argv, "fsync"), "off");
    tr_settings_free(argv);
}

static void test_memory_is_known(void **state)
{
    (void)state;
    assert_true(tr_settings_memory() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fit_the_machine), cmocka_unit_test(test_durable_and_private),
        cmocka_unit_test(test_fit_the_version), cmocka_unit_test(test_extra_settings_win),
        cmocka_unit_test(test_memory_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
