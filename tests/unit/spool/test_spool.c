/* SPDX-License-Identifier: MIT */
/* src/spool: what was acknowledged can be read, whatever happened to the files. */
#include "traction/spool.h"

#include "traction/base/alloc.h"
#include "traction/base/file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char directory[40];
    struct tr_spool *spool;
    struct tr_loop *loop;
};

static void open_spool(struct fixture *fixture, uint64_t segment_bytes)
{
    struct tr_spool_options options;
    tr_spool_options_init(&options);
    options.directory = fixture->directory;
    options.segment_bytes = segment_bytes;
    options.limit_bytes = 8 << 20;
    options.free_fraction = 0;
    struct tr_error error = TR_ERROR_INIT;
    if (tr_spool_open(&fixture->spool, &options, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(tr_spool_start(fixture->spool, &error), 0);
}

static void close_spool(struct fixture *fixture)
{
    tr_spool_stop(fixture->spool);
    tr_spool_close(fixture->spool);
    fixture->spool = NULL;
}

static int setup(void **state)
{
    struct fixture *fixture = tr_calloc(1, sizeof *fixture);
    strcpy(fixture->directory, "/tmp/traction-spool-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    assert_int_equal(tr_loop_new(&fixture->loop, NULL), 0);
    open_spool(fixture, 1 << 20);
    *state = fixture;
    return 0;
}

static void for_each_segment(struct fixture *fixture, void (*use)(const char *path, void *context),
                             void *context)
{
    DIR *directory = opendir(fixture->directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", fixture->directory, entry->d_name);
        if (strstr(entry->d_name, ".segment") != NULL)
            use(path, context);
    }
    closedir(directory);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->spool != NULL)
        close_spool(fixture);
    tr_loop_free(fixture->loop);
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", fixture->directory);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

struct waiter {
    struct tr_spool_ticket ticket;
    struct tr_loop *loop;
    int released;
};

static void on_released(struct tr_message *message)
{
    struct waiter *waiter = (struct waiter *)message;
    waiter->released++;
    tr_loop_stop(waiter->loop);
}

/* Appends records "from" … "from + count - 1", each padded to size, and waits until durable. */
static int append(struct fixture *fixture, unsigned from, unsigned count, size_t size,
                  uint32_t label)
{
    struct tr_buf buf;
    tr_buf_init(&buf, 64 << 20);
    for (unsigned i = 0; i < count; i++) {
        size_t begin = tr_spool_frame_begin(&buf);
        char *place = tr_buf_reserve(&buf, size);
        memset(place, 'x', size);
        memcpy(place, &(unsigned){from + i}, sizeof(unsigned));
        buf.size += size;
        tr_spool_frame_end(&buf, begin, 1000 + from + i, i, label);
    }
    tr_loop_free(fixture->loop);
    assert_int_equal(tr_loop_new(&fixture->loop, NULL), 0);
    struct waiter waiter = {.ticket = {.message = {.run = on_released}, .loop = fixture->loop},
                            .loop = fixture->loop};
    int outcome =
        tr_spool_append(fixture->spool, tr_buf_slice(&buf), TR_SPOOL_ACK_DISK, &waiter.ticket);
    tr_buf_fini(&buf);
    if (outcome != 0)
        return outcome;
    tr_loop_run(fixture->loop);
    assert_int_equal(waiter.released, 1);
    return waiter.ticket.status;
}

enum { RECORDS_MAX = 20000 };

/* Reads everything; marks[n] counts how often record n was seen. */
static size_t read_all(struct fixture *fixture, uint64_t position, unsigned char *marks)
{
    static struct tr_spool_record records[100];
    struct tr_spool_reader *reader = NULL;
    struct tr_error error = TR_ERROR_INIT;
    if (tr_spool_reader_open(&reader, fixture->spool, position, &error) < 0)
        fail_msg("%s", error.message);
    memset(marks, 0, RECORDS_MAX);
    struct tr_buf payloads;
    tr_buf_init(&payloads, SIZE_MAX);
    size_t total = 0;
    for (;;) {
        size_t count = 0;
        assert_int_equal(
            tr_spool_reader_read(reader, &payloads, records, 100, 65536, &count, &error), 0);
        if (count == 0)
            break;
        for (size_t i = 0; i < count; i++) {
            unsigned number;
            memcpy(&number, records[i].payload.data, sizeof number);
            assert_true(number < RECORDS_MAX);
            assert_int_equal(records[i].received_us, 1000 + number);
            marks[number]++;
        }
        total += count;
    }
    tr_spool_reader_close(reader);
    tr_buf_fini(&payloads);
    return total;
}

static unsigned char marks[RECORDS_MAX];

static void test_read_back_across_segments(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(append(fixture, i * 10, 10, 5000, i % 2), 0);
    assert_int_equal(read_all(fixture, 0, marks), 1000);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(marks[i], 1);
    uint64_t count = 0;
    assert_int_equal(tr_spool_count(fixture->spool, 0, 1, &count, NULL), 0);
    assert_int_equal(count, 500);
    close_spool(fixture);
    open_spool(fixture, 1 << 20);
    assert_int_equal(read_all(fixture, 0, marks), 1000);
    assert_int_equal(append(fixture, 1000, 1, 100, 0), 0);
    assert_int_equal(read_all(fixture, 0, marks), 1001);
}

static void test_full_until_landed(void **state)
{
    struct fixture *fixture = *state;
    unsigned n = 0;
    while (append(fixture, n, 1, 500000, 0) == 0)
        n++;
    assert_int_equal(n, 16);
    struct tr_spool_state spool_state;
    tr_spool_get_state(fixture->spool, &spool_state);
    assert_false(spool_state.full);
    tr_spool_landed(fixture->spool, spool_state.durable);
    assert_int_equal(append(fixture, n, 1, 500000, 0), 0);
}

static void truncate_to(const char *path, void *context)
{
    if (truncate(path, *(long *)context) < 0)
        fail();
}

/* Every length of the file: what lies wholly before the cut is read, nothing else, and appending
 * goes on. */
static void test_cut_at_every_byte(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(append(fixture, i, 1, 40, 0), 0);
    close_spool(fixture);
    char copy[512];
    char path[128];
    snprintf(path, sizeof path, "%s/%020d.segment", fixture->directory, 0);
    snprintf(copy, sizeof copy, "cp %s %s/kept", path, fixture->directory);
    assert_int_equal(system(copy), 0);
    for (long length = 64 + 3 * 88; length >= 0; length -= 1) {
        snprintf(copy, sizeof copy, "rm -f %s/*.segment; cp %s/kept %s", fixture->directory,
                 fixture->directory, path);
        assert_int_equal(system(copy), 0);
        truncate_to(path, &length);
        open_spool(fixture, 1 << 20);
        size_t whole = length < 64 ? 0 : (size_t)(length - 64) / 88;
        assert_int_equal(read_all(fixture, 0, marks), whole);
        assert_int_equal(append(fixture, 7, 1, 40, 0), 0);
        assert_int_equal(read_all(fixture, 0, marks), whole + 1);
        assert_int_equal(marks[7], 1);
        close_spool(fixture);
    }
}

static void damage(const char *path, void *context)
{
    const unsigned *seed = context;
    FILE *file = fopen(path, "r+");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    if (size > 64 + 2000) {
        fseek(file, 64 + 500 + (long)(*seed * 7919 % (unsigned)(size - 2000)), SEEK_SET);
        fputc(0x55, file);
        fputc((int)(*seed & 0xff), file);
    }
    fclose(file);
}

static void empty_folder(const struct fixture *fixture)
{
    char command[256];
    snprintf(command, sizeof command, "rm -f %s/*.segment %s/damaged-*", fixture->directory,
             fixture->directory);
    assert_int_equal(system(command), 0);
}

/* Two bytes overwritten anywhere but in the last frame: at most two neighbours are lost, and the
 * loss is counted. */
static void test_damage_costs_only_what_it_touches(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned seed = 1; seed <= 40; seed++) {
        for (unsigned i = 0; i < 50; i++)
            assert_int_equal(append(fixture, i, 1, 200, 0), 0);
        close_spool(fixture);
        for_each_segment(fixture, damage, &seed);
        open_spool(fixture, 1 << 20);
        size_t got = read_all(fixture, 0, marks);
        assert_in_range(got, 48, 50);
        struct tr_spool_state spool_state;
        tr_spool_get_state(fixture->spool, &spool_state);
        assert_int_equal(spool_state.damaged, got < 50);
        close_spool(fixture);
        empty_folder(fixture);
        open_spool(fixture, 1 << 20);
    }
}

static void damage_first_frame(const char *path, void *context)
{
    (void)context;
    FILE *file = fopen(path, "r+");
    fseek(file, 64, SEEK_SET);
    fputc(0x55, file);
    fclose(file);
}

/* A file is searched a window of a mebibyte at a time: the next frame is found wherever it stands
 * towards the window's end, half in it too, and so is the end of the last one. */
static void test_damage_as_long_as_a_window(void **state)
{
    struct fixture *fixture = *state;
    static const size_t places[] = {0, 1, 2, 3, 4, 47, 48, 49};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        close_spool(fixture);
        empty_folder(fixture);
        open_spool(fixture, 4 << 20);
        assert_int_equal(append(fixture, 0, 1, (1 << 20) - 48 - places[i], 0), 0);
        assert_int_equal(append(fixture, 1, 1, 100, 0), 0);
        close_spool(fixture);
        for_each_segment(fixture, damage_first_frame, NULL);
        open_spool(fixture, 4 << 20);
        assert_int_equal(read_all(fixture, 0, marks), 1);
        assert_int_equal(marks[1], 1);
        assert_int_equal(append(fixture, 2, 1, 100, 0), 0);
        assert_int_equal(read_all(fixture, 0, marks), 2);
    }
}

static void test_second_process_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct tr_spool_options options;
    tr_spool_options_init(&options);
    options.directory = fixture->directory;
    struct tr_spool *other = NULL;
    struct tr_error error = TR_ERROR_INIT;
    assert_int_equal(tr_spool_open(&other, &options, &error), -16);
    assert_string_not_equal(error.hint, "");
}

static void test_advance_past_what_was_lost(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(append(fixture, 1, 1, 40, 0), 0);
    tr_spool_advance(fixture->spool, 100000);
    struct tr_spool_state spool_state = {0};
    for (int i = 0; i < 200 && spool_state.durable < 100000; i++) {
        tr_spool_wait(fixture->spool, 99999, 50);
        tr_spool_get_state(fixture->spool, &spool_state);
    }
    assert_int_equal(spool_state.durable, 100000);
    assert_int_equal(append(fixture, 2, 1, 40, 0), 0);
    assert_int_equal(read_all(fixture, 100000, marks), 1);
    assert_int_equal(marks[2], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read_back_across_segments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_until_landed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_costs_only_what_it_touches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_as_long_as_a_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_second_process_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_advance_past_what_was_lost, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
