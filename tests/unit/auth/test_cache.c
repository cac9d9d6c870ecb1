/* SPDX-License-Identifier: MIT */
/* src/auth/cache.c and snapshot.c: what is written reads back; what is damaged is refused whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "auth_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/traction-auth-XXXXXX";
static char path[64];

static int enter_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/keys.cache", folder);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct tr_auth_snapshot *example(void)
{
    struct tr_auth_snapshot *snapshot = tr_auth_snapshot_new();
    struct tr_project project = {.id = 7,
                                 .uuid = "0b6e0cf4-7a61-4b5d-9a61-0f8d3f6b1c11",
                                 .name = tr_strdup("a \"shop\" ☂"),
                                 .timezone = tr_strdup("Asia/Kolkata"),
                                 .currency = "INR"};
    uint8_t digest[TR_DIGEST_BYTES];
    tr_auth_split_origins(&project, TR_SLICE("https://a.example\nhttps://b.example:8443"));
    tr_auth_snapshot_add_project(snapshot, &project);
    for (int i = 0; i < 1000; i++) {
        memset(digest, i, sizeof digest);
        digest[0] = (uint8_t)(i >> 8);
        tr_auth_snapshot_add_key(snapshot, digest, 7, (enum tr_scope)(i % 3));
    }
    return snapshot;
}

static void test_round_trip(void **state)
{
    (void)state;
    TR_CLEANUP(tr_auth_snapshot_freep) struct tr_auth_snapshot *written = example();
    TR_CLEANUP(tr_auth_snapshot_freep) struct tr_auth_snapshot *read = NULL;
    struct tr_error error = TR_ERROR_INIT;
    uint8_t mark[TR_DIGEST_BYTES] = {0};
    struct stat status;
    assert_int_equal(tr_auth_cache_write(path, written, mark, &error), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(tr_auth_cache_read(path, &read, &error), 0);
    assert_int_equal(HASH_COUNT(read->keys), HASH_COUNT(written->keys));
    for (const struct tr_auth_key *key = written->keys; key != NULL; key = key->hh.next) {
        struct tr_auth_key *found;
        HASH_FIND(hh, read->keys, key->digest, sizeof key->digest, found);
        assert_non_null(found);
        assert_memory_equal(&found->key, &key->key, sizeof key->key);
    }
    const struct tr_project *project = &read->projects->project;
    assert_int_equal(project->id, 7);
    assert_string_equal(project->name, "a \"shop\" ☂");
    assert_string_equal(project->timezone, "Asia/Kolkata");
    assert_string_equal(project->currency, "INR");
    assert_int_equal(project->origin_count, 2);
    assert_string_equal(project->origins[1], "https://b.example:8443");
}

static void test_written_only_when_changed(void **state)
{
    (void)state;
    TR_CLEANUP(tr_auth_snapshot_freep) struct tr_auth_snapshot *snapshot = example();
    uint8_t mark[TR_DIGEST_BYTES] = {0};
    assert_int_equal(tr_auth_cache_write(path, snapshot, mark, NULL), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(tr_auth_cache_write(path, snapshot, mark, NULL), 0);
    assert_int_equal(access(path, F_OK), -1);
    uint8_t digest[TR_DIGEST_BYTES] = {255};
    tr_auth_snapshot_add_key(snapshot, digest, 7, TR_SCOPE_READ);
    assert_int_equal(tr_auth_cache_write(path, snapshot, mark, NULL), 0);
    assert_int_equal(access(path, F_OK), 0);
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_damage_is_refused(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "",
        "{}",
        "[]",
        "{\"version\": 2, \"projects\": [], \"keys\": []}",
        "{\"version\": 1, \"projects\": [], \"keys\": [{\"digest\": \"12\", \"project\": 1, "
        "\"scope\": \"read\"}]}",
        "{\"version\": 1, \"projects\": [], \"keys\": [{\"digest\": "
        "\"zz00000000000000000000000000000000000000000000000000000000000000\", \"project\": 1, "
        "\"scope\": \"read\"}]}",
        "{\"version\": 1, \"projects\": [], \"keys\": [{\"digest\": "
        "\"0000000000000000000000000000000000000000000000000000000000000000\", \"project\": 1, "
        "\"scope\": \"root\"}]}",
        "{\"version\": 1, \"projects\": [{\"id\": 1}], \"keys\": []}",
        /* An origin that is none must not open the project to all. */
        "{\"version\": 1, \"projects\": [{\"id\": 1, \"uuid\": "
        "\"0b6e0cf4-7a61-4b5d-9a61-0f8d3f6b1c11\", \"name\": \"n\", \"timezone\": \"UTC\", "
        "\"currency\": \"USD\", \"origins\": [null]}], \"keys\": []}",
    };
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct tr_auth_snapshot *snapshot = NULL;
        struct tr_error error = TR_ERROR_INIT;
        write_text(damaged[i]);
        assert_true(tr_auth_cache_read(path, &snapshot, &error) < 0);
        assert_null(snapshot);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_written_only_when_changed),
        cmocka_unit_test(test_damage_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
