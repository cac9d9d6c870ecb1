/* SPDX-License-Identifier: MIT */
/* Covers src/event/geo.c, with databases that tests/support/mmdb.py has made. */
#include "traction/enrich.h"

#include "traction/base/address.h"
#include "traction/base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/traction-geo-XXXXXX";
static char path[64];
static char *database;
static size_t database_size;

static int enter_folder(void **state)
{
    (void)state;
    struct tr_error error = TR_ERROR_INIT;
    if (mkdtemp(folder) == NULL ||
        tr_file_read_all(DATABASE, 1 << 20, &database, &database_size, &error) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/countries.mmdb", folder);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    free(database);
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *data, size_t size)
{
    FILE *file = fopen(path, "we"); /* in place, as cp does */
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void expect(struct tr_geo *geo, const char *text, const char *country)
{
    struct tr_address address;
    char found[3] = "";
    assert_true(tr_address_parse(tr_slice_of(text), &address));
    if (!tr_geo_country(geo, tr_address_slice(&address), found))
        found[0] = '\0';
    assert_string_equal(found, country);
}

static void test_countries(void **state)
{
    (void)state;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_geo *geo = tr_geo_new(DATABASE);
    expect(geo, "192.0.2.9", "");
    assert_true(tr_geo_built_s(geo) == 0);
    assert_int_equal(tr_geo_refresh(geo, &error), TR_GEO_READ);
    assert_int_equal(tr_geo_refresh(geo, &error), 0);
    assert_true(tr_geo_built_s(geo) > 0);
    expect(geo, "192.0.2.9", "DE");
    expect(geo, "::ffff:192.0.2.9", "DE");
    expect(geo, "198.51.100.127", "US");
    expect(geo, "198.51.100.128", "");
    expect(geo, "203.0.113.7", "FR");
    expect(geo, "2001:db8::1", "JP");
    expect(geo, "2001:db9::1", "");
    expect(geo, "::1", "");
    char country[3];
    assert_false(tr_geo_country(geo, TR_SLICE_NONE, country));
    assert_false(tr_geo_country(geo, TR_SLICE("abc"), country));
    tr_geo_free(geo);
}

static void test_changing_file(void **state)
{
    (void)state;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_geo *geo = tr_geo_new(path);
    assert_int_equal(tr_geo_refresh(geo, &error), -ENOENT);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(tr_geo_refresh(geo, &error), 0); /* said once */
    write_file(database, database_size);
    assert_int_equal(tr_geo_refresh(geo, &error), TR_GEO_READ);
    expect(geo, "192.0.2.9", "DE");
    /* Cut short under our hands: what was read stays. */
    write_file(database, database_size / 2);
    expect(geo, "192.0.2.9", "DE");
    assert_true(tr_geo_refresh(geo, &error) < 0);
    expect(geo, "192.0.2.9", "DE");
    write_file("", 0);
    assert_true(tr_geo_refresh(geo, &error) < 0);
    expect(geo, "2001:db8::1", "JP");
    write_file(database, database_size);
    assert_int_equal(tr_geo_refresh(geo, &error), TR_GEO_READ);
    tr_geo_free(geo);
    tr_geo_free(NULL);
}

/* Whatever a file holds, asking it neither crashes nor makes countries up. */
static void test_damaged_files(void **state)
{
    (void)state;
    static const char *const asked[] = {"192.0.2.9", "198.51.100.1", "2001:db8::1", "10.0.0.1"};
    char *copy = malloc(database_size);
    for (size_t at = 0; at < database_size; at++) {
        struct tr_error error = TR_ERROR_INIT;
        memcpy(copy, database, database_size);
        copy[at] ^= (char)(1 << at % 8);
        write_file(copy, database_size);
        struct tr_geo *geo = tr_geo_new(path);
        tr_geo_refresh(geo, &error);
        for (size_t i = 0; i < 4; i++) {
            struct tr_address address;
            char country[3] = "";
            tr_address_parse(tr_slice_of(asked[i]), &address);
            if (tr_geo_country(geo, tr_address_slice(&address), country))
                assert_true(strspn(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2);
        }
        tr_geo_free(geo);
    }
    free(copy);
}

static void test_plain_records(void **state)
{
    (void)state;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_geo *geo = tr_geo_new(PLAIN_DATABASE);
    assert_int_equal(tr_geo_refresh(geo, &error), TR_GEO_READ);
    expect(geo, "192.0.2.9", "DE");
    tr_geo_free(geo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_countries),
        cmocka_unit_test(test_changing_file),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_plain_records),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
