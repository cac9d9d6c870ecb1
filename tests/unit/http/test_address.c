/* SPDX-License-Identifier: MIT */
/* src/http/address.c: who is counted, who shares, and the limit. */
#include "http_priv.h"
#include "traction/base/alloc.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static union tr_http_address address(const char *text)
{
    union tr_http_address result = {0};
    if (inet_pton(AF_INET, text, &result.v4.sin_addr) == 1) {
        result.any.sa_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &result.v6.sin6_addr), 1);
        result.any.sa_family = AF_INET6;
    }
    return result;
}

static int take(struct tr_http_server *server, const char *text)
{
    union tr_http_address peer = address(text);
    return tr_http_address_take(server, &peer);
}

static void test_limit(void **state)
{
    (void)state;
    struct tr_http_server *server = tr_calloc(1, sizeof *server);
    server->options.connections_per_address = 2;
    int slot = take(server, "192.0.2.1");
    assert_true(slot >= 0);
    assert_int_equal(take(server, "::ffff:192.0.2.1"), slot);
    assert_int_equal(take(server, "192.0.2.1"), -2);
    assert_true(take(server, "192.0.2.2") >= 0);
    tr_http_address_give(server, slot);
    assert_int_equal(take(server, "192.0.2.1"), slot);
    assert_int_equal(take(server, "192.0.2.1"), -2);
    free(server);
}

static void test_networks(void **state)
{
    (void)state;
    struct tr_http_server *server = tr_calloc(1, sizeof *server);
    server->options.connections_per_address = 2;
    int slot = take(server, "2001:db8:0:1::1");
    assert_int_equal(take(server, "2001:db8:0:1:ffff::2"), slot);
    assert_int_not_equal(take(server, "2001:db8:0:2::1"), slot);
    free(server);
}

static void test_loopback(void **state)
{
    (void)state;
    struct tr_http_server *server = tr_calloc(1, sizeof *server);
    static const char *const loopback[] = {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(take(server, loopback[i]), -1);
    tr_http_address_give(server, -1);
    assert_int_equal(take(server, "128.0.0.1"), -2);
    free(server);
}

/* A proxy's connections are many clients'. */
static void test_trusted_proxies(void **state)
{
    (void)state;
    struct tr_http_server *server = tr_calloc(1, sizeof *server);
    struct tr_error error = TR_ERROR_INIT;
    server->options.connections_per_address = 1;
    assert_int_equal(tr_networks_parse(&server->trusted, "10.0.0.0/8", &error), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(server, "::ffff:10.0.0.1"), -1);
    assert_true(take(server, "11.0.0.1") >= 0);
    assert_int_equal(take(server, "11.0.0.1"), -2);
    tr_networks_free(server->trusted);
    free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_trusted_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
