/* SPDX-License-Identifier: MIT */
/* Where requests may go: every special address, in every dress; and what receivers may look like.
 */
#include "outbound_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool is_public(const char *text)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return tr_outbound_is_public((struct sockaddr *)&four);
    assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return tr_outbound_is_public((struct sockaddr *)&six);
}

static void test_addresses(void **context)
{
    (void)context;
    static const char *const refused[] = {"0.0.0.0",
                                          "0.1.2.3",
                                          "10.0.0.5",
                                          "100.64.0.1",
                                          "127.0.0.1",
                                          "127.9.9.9",
                                          "169.254.169.254",
                                          "172.16.0.1",
                                          "172.31.255.255",
                                          "192.0.0.1",
                                          "192.0.2.1",
                                          "192.168.1.1",
                                          "198.18.0.1",
                                          "198.51.100.7",
                                          "203.0.113.9",
                                          "224.0.0.1",
                                          "239.255.255.255",
                                          "240.0.0.1",
                                          "255.255.255.255",
                                          "::",
                                          "::1",
                                          "::ffff:10.0.0.1",
                                          "::ffff:127.0.0.1",
                                          "::ffff:169.254.169.254",
                                          "::127.0.0.1",
                                          "64:ff9b::7f00:1",
                                          "64:ff9b::a00:1",
                                          "64:ff9b:1::1",
                                          "2002:7f00:1::",
                                          "2002:a00:1::1",
                                          "2002:a9fe:a9fe::1",
                                          "2001:db8::1",
                                          "2001::1",
                                          "100::1",
                                          "fc00::1",
                                          "fd12::1",
                                          "fe80::1",
                                          "febf::1",
                                          "fec0::1",
                                          "ff02::1"};
    static const char *const allowed[] = {"1.1.1.1",         "8.8.8.8",          "100.63.255.255",
                                          "100.128.0.1",     "172.15.0.1",       "172.32.0.1",
                                          "192.167.0.1",     "192.169.0.1",      "223.255.255.255",
                                          "::ffff:1.1.1.1",  "64:ff9b::101:101", "2002:101:101::1",
                                          "2606:4700::1111", "2a00:1450::1"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (is_public(refused[i]))
            fail_msg("%s passes for public", refused[i]);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (!is_public(allowed[i]))
            fail_msg("%s does not pass for public", allowed[i]);
}

static void test_urls(void **context)
{
    (void)context;
    assert_null(tr_outbound_check_url("https://hooks.example.org/a?b=c"));
    assert_null(tr_outbound_check_url("http://[2001:db8::1]:9093/x"));
    static const char *const refused[] = {"",
                                          "hooks.example.org",
                                          "ftp://x/",
                                          "file:///etc/passwd",
                                          "https://",
                                          "https://user:secret@x/",
                                          "https://x/a b",
                                          "https://x/\r\nHost: y",
                                          "gopher://x/"
                                          "http:///x"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (tr_outbound_check_url(refused[i]) == NULL)
            fail_msg("%s passes for a receiver", refused[i]);
}

static void test_mail_addresses(void **context)
{
    (void)context;
    assert_null(tr_outbound_check_mail("ops+pager@mail.example.org"));
    static const char *const refused[] = {
        "",      "ops",   "@x",    "ops@",   "a@b, c@d", "a@b\r\nRCPT TO:<c@d>",
        "<a@b>", "a b@c", "a@b c", "\"a\"@b"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (tr_outbound_check_mail(refused[i]) == NULL)
            fail_msg("%s passes for an address", refused[i]);
}

/* printf '1700000000.{}' | openssl dgst -sha256 -hmac key */
static void test_signature(void **context)
{
    (void)context;
    char out[TR_OUTBOUND_SIGNATURE_BYTES];
    tr_outbound_sign("key", 1700000000, TR_SLICE("{}"), out);
    assert_string_equal(
        out, "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_mail_addresses),
        cmocka_unit_test(test_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
