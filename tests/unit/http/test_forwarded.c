/* SPDX-License-Identifier: MIT */
/* src/http/forwarded.c: whom proxies vouch for, and what anybody may write in front of that. */
#include "http_priv.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FIELDS_MAX = 4 };

/* fields: "Name: value" lines. */
static void expect(const char *peer, enum tr_http_proxy_field which, const char *const *lines,
                   const char *client)
{
    struct tr_http_field fields[FIELDS_MAX];
    struct tr_http_request request = {.fields = fields};
    for (; lines[request.field_count] != NULL; request.field_count++) {
        const char *line = lines[request.field_count];
        size_t size = strcspn(line, ":");
        fields[request.field_count] =
            (struct tr_http_field){tr_slice(line, size), tr_slice_of(line + size + 2)};
    }
    TR_CLEANUP(tr_networks_freep) struct tr_networks *trusted = NULL;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_address address;
    assert_int_equal(tr_networks_parse(&trusted, "10.0.0.0/8 fd00::/8", &error), 0);
    assert_true(tr_address_parse(tr_slice_of(peer), &address));
    address = tr_http_forwarded(&request, address, trusted, which);
    char text[INET6_ADDRSTRLEN];
    inet_ntop(address.size == 4 ? AF_INET : AF_INET6, address.bytes, text, sizeof text);
    assert_string_equal(text, client);
}

#define XFF(peer, client, ...) \
    expect(peer, TR_HTTP_X_FORWARDED_FOR, (const char *const[]){__VA_ARGS__, NULL}, client)
#define FORWARDED(peer, client, ...) \
    expect(peer, TR_HTTP_FORWARDED, (const char *const[]){__VA_ARGS__, NULL}, client)

static void test_x_forwarded_for(void **state)
{
    (void)state;
    XFF("192.0.2.1", "192.0.2.1", "X-Forwarded-For: 198.51.100.1");
    XFF("10.0.0.1", "10.0.0.1", "Host: x");
    XFF("10.0.0.1", "198.51.100.1", "X-Forwarded-For: 198.51.100.1");
    XFF("10.0.0.1", "198.51.100.1", "x-forwarded-for: 6.6.6.6, 198.51.100.1");
    XFF("10.0.0.1", "198.51.100.1", "X-Forwarded-For: 6.6.6.6, 198.51.100.1 ,10.2.3.4");
    XFF("10.0.0.1", "198.51.100.1", "X-Forwarded-For: 198.51.100.1:5555");
    XFF("fd00::1", "2001:db8::1", "X-Forwarded-For: 10.0.0.9, [2001:db8::1]:80,10.0.0.3");
    XFF("::ffff:10.0.0.1", "198.51.100.1", "X-Forwarded-For: ::ffff:198.51.100.1");
    /* Several fields are one list. */
    XFF("10.0.0.1", "198.51.100.1", "X-Forwarded-For: 198.51.100.1", "Host: x",
        "X-Forwarded-For: 10.0.0.2");
    XFF("10.0.0.1", "198.51.100.2", "X-Forwarded-For: 198.51.100.1",
        "X-Forwarded-For: 198.51.100.2");
    /* All of them proxies: the first one. */
    XFF("10.0.0.1", "10.0.0.3", "X-Forwarded-For: 10.0.0.3, 10.0.0.2");
}

static void test_rubbish(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        ",",
        ",,,,",
        "unknown",
        "198.51.100.1, unknown",
        "198.51.100.1,",
        "a b c",
        "1.2.3.4.5",
        "\xff\xfe",
        "198.51.100.1,;",
        "127.1",
        "[::1",
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char line[128];
        snprintf(line, sizeof line, "X-Forwarded-For: %s", values[i]);
        XFF("10.0.0.1", "10.0.0.1", line);
    }
    /* The last proxy that is known, when one before it says nothing of use. */
    XFF("10.0.0.1", "10.0.0.2", "X-Forwarded-For: 198.51.100.1, rubbish, 10.0.0.2");
}

static void test_many_hops(void **state)
{
    (void)state;
    char line[4096] = "X-Forwarded-For: 198.51.100.1";
    for (int i = 0; i < 300; i++)
        strcat(line, ",10.0.0.7");
    XFF("10.0.0.1", "10.0.0.7", line);
}

static void test_forwarded(void **state)
{
    (void)state;
    FORWARDED("10.0.0.1", "198.51.100.1", "Forwarded: for=198.51.100.1;proto=https");
    FORWARDED("10.0.0.1", "198.51.100.1", "Forwarded: For=6.6.6.6, proto=http; for=198.51.100.1");
    FORWARDED("10.0.0.1", "2001:db8::1", "Forwarded: for=\"[2001:db8::1]:4711\";by=10.0.0.1");
    FORWARDED("10.0.0.1", "198.51.100.1", "Forwarded: for=198.51.100.1, for=10.3.0.1");
    FORWARDED("10.0.0.1", "10.0.0.1", "Forwarded: for=unknown");
    FORWARDED("10.0.0.1", "10.0.0.1", "Forwarded: for=198.51.100.1, by=10.0.0.1");
    FORWARDED("10.0.0.1", "10.0.0.1", "Forwarded: for=\"198.51.100.1");
    /* Only the field that the proxies write is looked at. */
    FORWARDED("10.0.0.1", "10.0.0.1", "X-Forwarded-For: 6.6.6.6");
    XFF("10.0.0.1", "10.0.0.1", "Forwarded: for=6.6.6.6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x_forwarded_for),
        cmocka_unit_test(test_rubbish),
        cmocka_unit_test(test_many_hops),
        cmocka_unit_test(test_forwarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
