/* SPDX-License-Identifier: MIT */
/* Covers src/base/address.c. */
#include "traction/base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void format(const struct tr_address *address, char out[INET6_ADDRSTRLEN])
{
    out[0] = '\0';
    if (address->size > 0)
        inet_ntop(address->size == 4 ? AF_INET : AF_INET6, address->bytes, out, INET6_ADDRSTRLEN);
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *address;   /* NULL: none */
        const char *with_port; /* by tr_address_parse_host() */
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", "192.0.2.1"},
        {"2001:DB8::1", "2001:db8::1", "2001:db8::1"},
        {"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"},
        {"192.0.2.1:443", NULL, "192.0.2.1"},
        {"[2001:db8::1]:443", NULL, "2001:db8::1"},
        {"[2001:db8::1]", NULL, "2001:db8::1"},
        {"[::ffff:192.0.2.1]:1", NULL, "192.0.2.1"},
        {"192.0.2.1:", NULL, NULL},
        {"192.0.2.1:port", NULL, NULL},
        {"192.0.2.1:123456", NULL, NULL},
        {"[2001:db8::1]443", NULL, NULL},
        {"[2001:db8::1", NULL, NULL},
        {"2001:db8::1]", NULL, NULL},
        {"192.0.2", NULL, NULL},
        {"192.0.2.256", NULL, NULL},
        {"0x7f.1", NULL, NULL},
        {" 192.0.2.1", NULL, NULL},
        {"unknown", NULL, NULL},
        {"_hidden", NULL, NULL},
        {"fe80::1%eth0", NULL, NULL},
        {"", NULL, NULL},
        {":", NULL, NULL},
        {"[]", NULL, NULL},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222:3333", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_address address = {.size = 0};
        char text[INET6_ADDRSTRLEN];
        tr_address_parse(tr_slice_of(cases[i].text), &address);
        format(&address, text);
        assert_string_equal(text, cases[i].address != NULL ? cases[i].address : "");
        address.size = 0;
        tr_address_parse_host(tr_slice_of(cases[i].text), &address);
        format(&address, text);
        assert_string_equal(text, cases[i].with_port != NULL ? cases[i].with_port : "");
    }
    struct tr_address address;
    assert_false(tr_address_parse(TR_SLICE_NONE, &address));
    assert_false(tr_address_parse_host(TR_SLICE_NONE, &address));
    assert_false(tr_address_parse(tr_slice("192.0.2.1\0", 10), &address));
}

static void test_mask(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int bits;
        const char *masked;
    } cases[] = {
        {"192.0.2.255", 24, "192.0.2.0"},           {"192.0.2.255", 25, "192.0.2.128"},
        {"192.0.2.255", 32, "192.0.2.255"},         {"192.0.2.255", 0, "0.0.0.0"},
        {"2001:db8:1:2:3::4", 48, "2001:db8:1::"},  {"2001:db8:1:2:3::4", 128, "2001:db8:1:2:3::4"},
        {"2001:db8:ffff::", 37, "2001:db8:f800::"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_address address;
        char text[INET6_ADDRSTRLEN];
        assert_true(tr_address_parse(tr_slice_of(cases[i].text), &address));
        tr_address_mask(&address, cases[i].bits);
        format(&address, text);
        assert_string_equal(text, cases[i].masked);
    }
}

static bool contains(const char *list, const char *text)
{
    TR_CLEANUP(tr_networks_freep) struct tr_networks *networks = NULL;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_address address;
    assert_int_equal(tr_networks_parse(&networks, list, &error), 0);
    assert_true(tr_address_parse(tr_slice_of(text), &address));
    return tr_networks_contain(networks, &address);
}

static void test_networks(void **state)
{
    (void)state;
    assert_true(contains("10.0.0.0/8", "10.255.0.1"));
    assert_false(contains("10.0.0.0/8", "11.0.0.1"));
    assert_true(contains("10.1.2.3/8", "10.255.0.1"));
    assert_true(contains("192.0.2.1", "192.0.2.1"));
    assert_false(contains("192.0.2.1", "192.0.2.2"));
    assert_true(contains("192.0.2.1,  2001:db8::/32", "2001:db8:1::"));
    assert_false(contains("2001:db8::/32", "2001:db9::"));
    assert_true(contains("0.0.0.0/0", "1.2.3.4"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1"));
    assert_true(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
    assert_false(contains(" , ", "10.0.0.1"));
    assert_false(contains(NULL, "10.0.0.1"));
}

static void test_bad_networks(void **state)
{
    (void)state;
    static const char *const cases[] = {"10.0.0.0/33", "10.0.0.0/",  "10.0.0.0/-1",  "10.0.0.0/8x",
                                        "::/129",      "proxy",      "10.0.0.0/8;",  "10.0.0.0 /8",
                                        "/8",          "1.2.3.4:80", "10.0.0.0/0008"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tr_networks *networks = NULL;
        struct tr_error error = TR_ERROR_INIT;
        assert_true(tr_networks_parse(&networks, cases[i], &error) < 0);
        assert_null(networks);
        assert_non_null(strstr(error.message, "such as 10.0.0.0/8"));
    }
}

static void test_too_many_networks(void **state)
{
    (void)state;
    struct tr_networks *networks = NULL;
    struct tr_error error = TR_ERROR_INIT;
    char many[257 * 3 + 1] = "";
    for (int i = 0; i < 257; i++)
        strcat(many, ":: ");
    assert_int_equal(tr_networks_parse(&networks, many, &error), -E2BIG);
}

static void test_sockets(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr other = {.sa_family = AF_UNIX};
    v4.sin_addr.s_addr = htonl(0xc0000201);
    inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);
    struct tr_address a = tr_address_of((struct sockaddr *)&v4);
    struct tr_address b = tr_address_of((struct sockaddr *)&v6);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(tr_address_of(&other).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_bad_networks),
        cmocka_unit_test(test_too_many_networks),
        cmocka_unit_test(test_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
