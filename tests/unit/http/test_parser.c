/* SPDX-License-Identifier: MIT */
/*
 * src/http/parser.c, framing.c, target.c and chunked.c: what is taken, what is refused and with
 * which status, the same however the bytes are cut, and each limit at the limit and one beyond.
 */
#include "http_verdict.h"
#include "traction/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { TEXT_SIZE = 4096 };

/* expected is the beginning of the verdict. */
struct probe {
    const char *name;
    struct tr_slice bytes;
    const char *expected;
};

#define B(literal)                     \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }
#define H "Host: a\r\n"
#define CHUNKED "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"

static const struct probe good[] = {
    {"plain", B("GET / HTTP/1.1\r\n" H "\r\n"), "GET / ? 1 keep body= end=27"},
    {"path and query", B("GET /v1/x?a=1&b=%zz HTTP/1.1\r\n" H "\r\n"), "GET /v1/x ?a=1&b=%zz 1"},
    {"decoded path", B("GET /a%20b%2Fc HTTP/1.1\r\n" H "\r\n"), "GET /a b/c ?"},
    {"browser query", B("GET /?a[]={b|c} HTTP/1.1\r\n" H "\r\n"), "GET / ?a[]={b|c} 1"},
    {"absolute form", B("GET http://a:80/x?y HTTP/1.1\r\n" H "\r\n"), "GET /x ?y 1"},
    {"absolute, no path", B("GET HTTPS://a?y HTTP/1.1\r\n" H "\r\n"), "GET / ?y 1"},
    {"asterisk", B("OPTIONS * HTTP/1.1\r\n" H "\r\n"), "OPTIONS * ? 1"},
    {"one empty line first", B("\r\nGET / HTTP/1.1\r\n" H "\r\n"), "GET / ? 1 keep body= end=29"},
    {"other method", B("PATCH / HTTP/1.1\r\n" H "\r\n"), "OTHER / ? 1"},
    {"method is case-sensitive", B("get / HTTP/1.1\r\n" H "\r\n"), "OTHER / ? 1"},
    {"no space after colon", B("GET / HTTP/1.1\r\nHost:a\r\nX:\r\n\r\n"), "GET / ? 2 keep"},
    {"space around value", B("GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n"), "GET / ? 1 keep"},
    {"tab and obs-text in value", B("GET / HTTP/1.1\r\n" H "X: a\tb\xc3\xa9 0123456789\r\n\r\n"),
     "GET / ? 2 keep"},
    {"IPv6 host", B("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), "GET / ? 1"},
    {"close", B("GET / HTTP/1.1\r\n" H "Connection: x, Close\r\n\r\n"), "GET / ? 2 body="},
    {"1.0", B("GET / HTTP/1.0\r\n\r\n"), "GET / ? 0 body="},
    {"1.0 keep-alive", B("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "GET / ? 1 keep"},
    {"length", B("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET"),
     "POST / ? 2 keep body=abc end=50"},
    {"length 0", B("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"), "POST / ? 2 keep body= "},
    {"no length", B("POST / HTTP/1.1\r\n" H "\r\n"), "POST / ? 1 keep body= end=28"},
    {"GET with a body", B("GET / HTTP/1.1\r\n" H "content-length: 3\r\n\r\nabc"),
     "GET / ? 2 keep body=abc end=49"},
    {"continue", B("POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"),
     "POST / ? 3 keep continue body=x"},
    {"no continue in 1.0", B("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"),
     "POST / ? 1 body="},
    {"chunked", B(CHUNKED "3\r\nabc\r\n0\r\n\r\nGET"), "POST / ? 2 keep body=abc end="},
    {"chunked, any case", B("POST / HTTP/1.1\r\n" H "transfer-encoding: Chunked\r\n\r\n0\r\n\r\n"),
     "POST / ? 2 keep body= end="},
    {"chunks", B(CHUNKED "a\r\n0123456789\r\nB\r\n0123456789x\r\n000\r\n\r\n"),
     "POST / ? 2 keep body=01234567890123456789x "},
    {"extensions", B(CHUNKED "1;a;b=c;d=\"e\\\" f\"\r\nx\r\n0;z\r\n\r\n"),
     "POST / ? 2 keep body=x "},
    {"trailers", B(CHUNKED "1\r\nx\r\n0\r\nA: b\r\nContent-Length: 5\r\n\r\n"),
     "POST / ? 2 keep body=x "},
    {"identity", B("POST / HTTP/1.1\r\n" H "Content-Encoding: identity\r\n\r\n"), "POST / ? 2"},
    {"coding without body", B("GET / HTTP/1.1\r\n" H "Content-Encoding: br\r\n\r\n"), "GET / ? 2"},
};

static const struct probe hostile[] = {
    /* framing */
    {"CL and TE",
     B("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), "400"},
    {"TE and CL",
     B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), "400"},
    {"two CL, different",
     B("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\n"), "400"},
    {"two CL, equal",
     B("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), "400"},
    {"CL list", B("POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc"), "400"},
    {"CL plus", B("POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc"), "400"},
    {"CL minus", B("POST / HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\nabc"), "400"},
    {"CL minus zero", B("POST / HTTP/1.1\r\n" H "Content-Length: -0\r\n\r\n"), "400"},
    {"CL hexadecimal", B("POST / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\nabc"), "400"},
    {"CL octal", B("POST / HTTP/1.1\r\n" H "Content-Length: 0o3\r\n\r\nabc"), "400"},
    {"CL leading zero", B("POST / HTTP/1.1\r\n" H "Content-Length: 03\r\n\r\nabc"), "400"},
    {"CL double zero", B("POST / HTTP/1.1\r\n" H "Content-Length: 00\r\n\r\n"), "400"},
    {"CL empty", B("POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"), "400"},
    {"CL underscore", B("POST / HTTP/1.1\r\n" H "Content-Length: 1_0\r\n\r\n"), "400"},
    {"CL with space inside", B("POST / HTTP/1.1\r\n" H "Content-Length: 1 0\r\n\r\n"), "400"},
    {"CL fraction", B("POST / HTTP/1.1\r\n" H "Content-Length: 1.0\r\n\r\n"), "400"},
    {"CL with unit", B("POST / HTTP/1.1\r\n" H "Content-Length: 3b\r\n\r\n"), "400"},
    {"CL 2^64", B("POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n"), "400"},
    {"CL space before colon", B("POST / HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\nabc"), "400"},
    {"CL folded", B("POST / HTTP/1.1\r\n" H "Content-Length:\r\n 3\r\n\r\nabc"), "400"},
    {"TE gzip", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n"), "400"},
    {"TE xchunked", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n"), "400"},
    {"TE identity", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n"), "400"},
    {"TE gzip, chunked", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"),
     "400"},
    {"TE chunked, gzip", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n"),
     "400"},
    {"TE chunked, chunked",
     B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n"), "400"},
    {"TE trailing comma", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked,\r\n\r\n"), "400"},
    {"TE leading comma", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: ,chunked\r\n\r\n"), "400"},
    {"TE with parameter", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;q=1\r\n\r\n"),
     "400"},
    {"TE quoted", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n"), "400"},
    {"TE empty", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n"), "400"},
    {"TE vertical tab",
     B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
       "chunked\r\n\r\n"),
     "400"},
    {"TE form feed", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\x0c\r\n\r\n"), "400"},
    {"TE NUL", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\0\r\n\r\n"), "400"},
    {"TE twice",
     B("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
     "400"},
    {"TE space before colon", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n"),
     "400"},
    {"TE tab before colon", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding\t: chunked\r\n\r\n"),
     "400"},
    {"TE folded", B("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n"), "400"},
    {"TE on 1.0", B("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "400"},
    /* lines */
    {"bare LF request line", B("GET / HTTP/1.1\n" H "\r\n"), "400"},
    {"bare LF field", B("GET / HTTP/1.1\r\nHost: a\n\r\n"), "400"},
    {"bare LF at the end", B("GET / HTTP/1.1\r\n" H "\n"), "400"},
    {"bare CR as line end", B("GET / HTTP/1.1\rHost: a\r\r\n\r\n"), "400"},
    {"bare CR in value", B("GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n"), "400"},
    {"two CR", B("GET / HTTP/1.1\r\r\n" H "\r\n"), "400"},
    {"NUL in value", B("GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n"), "400"},
    {"NUL in name", B("GET / HTTP/1.1\r\n" H "X\0Y: a\r\n\r\n"), "400"},
    {"control in long value",
     B("GET / HTTP/1.1\r\n" H "X: 0123456789abcdef\x01 0123456789\r\n\r\n"), "400"},
    {"DEL in value", B("GET / HTTP/1.1\r\n" H "X: 01234567\x7f\r\n\r\n"), "400"},
    {"folded", B("GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n"), "400"},
    {"space before first field", B("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), "400"},
    {"space before colon", B("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), "400"},
    {"empty name", B("GET / HTTP/1.1\r\n" H ": x\r\n\r\n"), "400"},
    {"no colon", B("GET / HTTP/1.1\r\n" H "X\r\n\r\n"), "400"},
    {"bracket in name", B("GET / HTTP/1.1\r\n" H "X[1]: a\r\n\r\n"), "400"},
    {"non-ASCII name", B("GET / HTTP/1.1\r\n" H "X\xc3\xa9: a\r\n\r\n"), "400"},
    {"two empty lines first", B("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), "400"},
    /* request line */
    {"HTTP/0.9", B("GET /\r\n" H "\r\n"), "400"},
    {"no target", B("GET HTTP/1.1\r\n" H "\r\n"), "400"},
    {"empty target", B("GET  HTTP/1.1\r\n" H "\r\n"), "400"},
    {"two spaces before target", B("GET  / HTTP/1.1\r\n" H "\r\n"), "400"},
    {"two spaces before version", B("GET /  HTTP/1.1\r\n" H "\r\n"), "400"},
    {"tab for space", B("GET\t/\tHTTP/1.1\r\n" H "\r\n"), "400"},
    {"space at the end", B("GET / HTTP/1.1 \r\n" H "\r\n"), "400"},
    {"space in target", B("GET /a b HTTP/1.1\r\n" H "\r\n"), "400"},
    {"space first", B(" GET / HTTP/1.1\r\n" H "\r\n"), "400"},
    {"version in lower case", B("GET / http/1.1\r\n" H "\r\n"), "400"},
    {"version 1.-1", B("GET / HTTP/1.-1\r\n" H "\r\n"), "400"},
    {"version 1", B("GET / HTTP/1\r\n" H "\r\n"), "400"},
    {"version 01.1", B("GET / HTTP/01.1\r\n" H "\r\n"), "400"},
    {"version 1.10", B("GET / HTTP/1.10\r\n" H "\r\n"), "400"},
    {"version 1. 1", B("GET / HTTP/1. 1\r\n" H "\r\n"), "400"},
    {"version 1.2", B("GET / HTTP/1.2\r\n" H "\r\n"), "505"},
    {"version 2.0", B("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505"},
    {"version 0.9", B("GET / HTTP/0.9\r\n\r\n"), "505"},
    {"other protocol", B("GET / HTTPS/1.1\r\n" H "\r\n"), "400"},
    {"fragment", B("GET /#a HTTP/1.1\r\n" H "\r\n"), "400"},
    {"no slash", B("GET a HTTP/1.1\r\n" H "\r\n"), "400"},
    {"asterisk with GET", B("GET * HTTP/1.1\r\n" H "\r\n"), "400"},
    {"CONNECT", B("CONNECT a:443 HTTP/1.1\r\n" H "\r\n"), "400"},
    {"absolute without authority", B("GET http:///x HTTP/1.1\r\n" H "\r\n"), "400"},
    {"other scheme", B("GET ftp://a/ HTTP/1.1\r\n" H "\r\n"), "400"},
    {"NUL in target", B("GET /a\0b HTTP/1.1\r\n" H "\r\n"), "400"},
    {"control in target", B("GET /a\x01 HTTP/1.1\r\n" H "\r\n"), "400"},
    {"DEL in target", B("GET /a\x7f HTTP/1.1\r\n" H "\r\n"), "400"},
    {"raw UTF-8 in target", B("GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n"), "400"},
    {"%00 in path", B("GET /admin%00.js HTTP/1.1\r\n" H "\r\n"), "400"},
    {"%XX cut off", B("GET /a%2 HTTP/1.1\r\n" H "\r\n"), "400"},
    {"%XX not hexadecimal", B("GET /a%zz HTTP/1.1\r\n" H "\r\n"), "400"},
    {"TLS hello", B("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "400"},
    {"rubbish", B("\x00\x01\x02\xff\xfe"), "400"},
    {"method with colon", B("GE:T / HTTP/1.1\r\n" H "\r\n"), "400"},
    /* Host */
    {"no Host", B("GET / HTTP/1.1\r\n\r\n"), "400"},
    {"two Hosts", B("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "400"},
    {"two equal Hosts", B("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), "400"},
    {"empty Host", B("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "400"},
    {"Host list", B("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), "400"},
    {"Host comma", B("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"), "400"},
    {"Host with path", B("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "400"},
    {"Host with user", B("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), "400"},
    {"Host with bad port", B("GET / HTTP/1.1\r\nHost: a:x\r\n\r\n"), "400"},
    {"Host with open bracket", B("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), "400"},
    {"two Hosts in 1.0", B("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), "400"},
    /* expectations and codings */
    {"unknown expectation", B("POST / HTTP/1.1\r\n" H "Expect: x\r\n\r\n"), "417"},
    {"unknown coding",
     B("POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Encoding: br\r\n\r\nx"), "415"},
    {"two codings",
     B("POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Encoding: gzip, gzip\r\n\r\nx"),
     "415"},
    {"two coding fields",
     B("POST / HTTP/1.1\r\n" H
       "Content-Length: 1\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\nx"),
     "415"},
    /* chunks */
    {"chunk 0x", B(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk plus", B(CHUNKED "+3\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk minus", B(CHUNKED "-3\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk minus zero", B(CHUNKED "-0\r\n\r\n"), "400"},
    {"chunk leading space", B(CHUNKED " 3\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk trailing space", B(CHUNKED "3 \r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk space before extension", B(CHUNKED "3 ;a\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk underscore", B(CHUNKED "1_0\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk empty size", B(CHUNKED "\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk too large", B(CHUNKED "10000000000000000\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk size bare LF", B(CHUNKED "3\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk size bare CR", B(CHUNKED "3\rabc\r\n0\r\n\r\n"), "400"},
    {"chunk data bare LF", B(CHUNKED "3\r\nabc\n0\r\n\r\n"), "400"},
    {"chunk data without end", B(CHUNKED "3\r\nabc0\r\n\r\n"), "400"},
    {"chunk data spills", B(CHUNKED "3\r\nabcde\r\n0\r\n\r\n"), "400"},
    {"chunk bare semicolon", B(CHUNKED "3;\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk extension without value", B(CHUNKED "3;a=\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk extension NUL", B(CHUNKED "3;a\0\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk extension bare CR", B(CHUNKED "3;a\rb\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk extension bare LF", B(CHUNKED "3;a\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk extension LF in quotes", B(CHUNKED "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n"), "400"},
    {"chunk extension after quotes", B(CHUNKED "3;a=\"b\"c\r\nabc\r\n0\r\n\r\n"), "400"},
    {"trailer without colon", B(CHUNKED "0\r\nA\r\n\r\n"), "400"},
    {"trailer folded", B(CHUNKED "0\r\nA: b\r\n c\r\n\r\n"), "400"},
    {"trailer space before colon", B(CHUNKED "0\r\nA : b\r\n\r\n"), "400"},
    {"trailer bare LF", B(CHUNKED "0\r\nA: b\n\r\n"), "400"},
    {"trailer NUL", B(CHUNKED "0\r\nA: \0\r\n\r\n"), "400"},
    {"end bare CR", B(CHUNKED "0\r\n\rX"), "400"},
    {"end bare LF", B(CHUNKED "0\r\n\n"), "400"},
};

static void check_starts(const struct probe *probe, const char *verdict)
{
    if (strncmp(verdict, probe->expected, strlen(probe->expected)) != 0)
        fail_msg("%s: expected %s, got %s", probe->name, probe->expected, verdict);
}

static void check_cuts(const struct probe *probe)
{
    char whole[TEXT_SIZE];
    char cut[TEXT_SIZE];
    verdict_of(probe->bytes.data, probe->bytes.size, probe->bytes.size, 1, whole, sizeof whole);
    check_starts(probe, whole);
    verdict_of(probe->bytes.data, probe->bytes.size, 1, 1, cut, sizeof cut);
    assert_string_equal(cut, whole);
    for (size_t at = 0; at < probe->bytes.size; at++) {
        verdict_of(probe->bytes.data, probe->bytes.size, at, probe->bytes.size, cut, sizeof cut);
        if (strcmp(cut, whole) != 0)
            fail_msg("%s cut at %zu: %s, whole: %s", probe->name, at, cut, whole);
    }
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        check_cuts(&good[i]);
}

static void test_hostile(void **state)
{
    (void)state;
    assert_true(sizeof hostile / sizeof *hostile >= 64);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        check_cuts(&hostile[i]);
}

/* Every prefix of a good request waits for more; none is taken for a whole one. */
static void test_prefixes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char verdict[TEXT_SIZE];
        size_t end = good[i].bytes.size;
        const char *says_end = strstr(good[i].expected, "end=");
        if (says_end == NULL || sscanf(says_end, "end=%zu", &end) != 1)
            continue;
        for (size_t size = 0; size < end; size++) {
            verdict_of(good[i].bytes.data, size, size, 1, verdict, sizeof verdict);
            assert_string_equal(verdict, "more");
        }
    }
}

/* A head of exactly size bytes: request line, Host, one field of padding. */
static char *padded_head(size_t size)
{
    static const char start[] = "GET / HTTP/1.1\r\n" H "X: ";
    char *head = malloc(size + 1);
    memset(head, 'x', size);
    memcpy(head, start, sizeof start - 1);
    memcpy(head + size - 4, "\r\n\r\n", 5);
    return head;
}

static void check_both_ways(const char *data, size_t size, const char *expected)
{
    const struct probe probe = {"limit", {data, size}, expected};
    char verdict[VERDICT_SIZE];
    verdict_of(data, size, size, 1, verdict, sizeof verdict);
    check_starts(&probe, verdict);
    verdict_of(data, size, 1, 1, verdict, sizeof verdict);
    check_starts(&probe, verdict);
}

static void test_head_limit(void **state)
{
    (void)state;
    char *head = padded_head(16384);
    check_both_ways(head, 16384, "GET / ? 2");
    free(head);
    head = padded_head(16385);
    check_both_ways(head, 16385, "431");
    check_both_ways(head, 16384, "more");
    free(head);
}

static void test_request_line_limit(void **state)
{
    (void)state;
    char *text = malloc(20000);
    for (size_t size = 8192; size <= 8193; size++) {
        memset(text, 'a', 20000);
        memcpy(text, "GET /", 5);
        memcpy(text + size - 9, " HTTP/1.1\r\n" H "\r\n", 22);
        check_both_ways(text, size + 13, size == 8192 ? "GET /aaa" : "414");
    }
    memset(text, 'a', 20000);
    check_both_ways(text, 8194, "more");
    check_both_ways(text, 8195, "414");
    free(text);
}

static void test_field_limit(void **state)
{
    (void)state;
    for (int count = 64; count <= 65; count++) {
        char text[2000] = "GET / HTTP/1.1\r\n" H;
        for (int i = 1; i < count; i++)
            strcat(text, "A: b\r\n");
        strcat(text, "\r\n");
        check_both_ways(text, strlen(text), count == 64 ? "GET / ? 64" : "431");
    }
}

/* Framing is bounded: a size line, trailers and extensions cannot go on for ever. */
static void test_framing_limit(void **state)
{
    (void)state;
    static char text[40000];
    static const char *const openings[] = {CHUNKED "1;a=", CHUNKED "0\r\nA: ", CHUNKED "1;a=\""};
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        memset(text, 'b', sizeof text);
        memcpy(text, openings[i], strlen(openings[i]));
        check_both_ways(text, sizeof text, "400 too much framing");
        check_both_ways(text, 8000, "more");
    }
}

/* One byte a chunk is allowed: framing goes with data. */
static void test_tiny_chunks(void **state)
{
    (void)state;
    static char text[130000] = CHUNKED;
    size_t size = strlen(text);
    for (int i = 0; i < 20000; i++, size += 6)
        memcpy(text + size, "1\r\nx\r\n", 7);
    memcpy(text + size, "0\r\n\r\n", 6);
    check_both_ways(text, size + 5, "POST / ? 2 keep body=xxxx");
}

static void test_query(void **state)
{
    (void)state;
    TR_CLEANUP(tr_arena_freep) struct tr_arena *arena = tr_arena_new(1 << 20);
    struct tr_http_request request = {
        .query = TR_SLICE("a=1&&b=x%20y+z&a=2&c&%61=3&d=%&e=%00z&=v&a%3D=5"), .arena = arena};
    size_t next = 0;
    assert_true(tr_slice_is(tr_http_query(&request, "a", &next), "1"));
    assert_true(tr_slice_is(tr_http_query(&request, "a", &next), "2"));
    assert_true(tr_slice_is(tr_http_query(&request, "a", &next), "3"));
    assert_null(tr_http_query(&request, "a", &next).data);
    assert_true(tr_slice_is(tr_http_query(&request, "a", NULL), "1"));
    assert_true(tr_slice_is(tr_http_query(&request, "b", NULL), "x y z"));
    assert_true(tr_slice_is(tr_http_query(&request, "c", NULL), ""));
    assert_true(tr_slice_is(tr_http_query(&request, "d", NULL), "%"));
    assert_true(tr_slice_equal(tr_http_query(&request, "e", NULL), TR_SLICE("\0z")));
    assert_true(tr_slice_is(tr_http_query(&request, "", NULL), "v"));
    assert_true(tr_slice_is(tr_http_query(&request, "a=", NULL), "5"));
    assert_null(tr_http_query(&request, "aa", NULL).data);
    request.query = TR_SLICE("");
    assert_null(tr_http_query(&request, "a", NULL).data);
}

static void test_field(void **state)
{
    (void)state;
    const struct tr_http_field fields[] = {{TR_SLICE("Host"), TR_SLICE("a")},
                                           {TR_SLICE("X-Key"), TR_SLICE("")}};
    const struct tr_http_request request = {.fields = fields, .field_count = 2};
    assert_true(tr_slice_is(tr_http_field(&request, "hOST"), "a"));
    assert_non_null(tr_http_field(&request, "x-key").data);
    assert_null(tr_http_field(&request, "hos").data);
}

static const struct tr_http_route *find(const char *path, enum tr_http_method method,
                                        unsigned *allowed)
{
    static const struct tr_http_route routes[] = {
        {.methods = TR_HTTP_METHOD_BIT(TR_HTTP_GET), .path = "/"},
        {.methods = TR_HTTP_METHOD_BIT(TR_HTTP_POST), .path = "/v1/events"},
        {.methods = TR_HTTP_METHOD_BIT(TR_HTTP_GET), .path = "/v1/events"},
        {.methods = TR_HTTP_METHOD_BIT(TR_HTTP_GET), .path = "/v1/event"},
        {.methods = TR_HTTP_METHOD_BIT(TR_HTTP_GET), .path = "/v1/projects/*/settings"},
    };
    const struct tr_http_request request = {.path = tr_slice_of(path), .method = method};
    return tr_http_route_find(routes, 5, &request, allowed);
}

static void test_routes(void **state)
{
    (void)state;
    unsigned allowed;
    assert_string_equal(find("/", TR_HTTP_HEAD, &allowed)->path, "/");
    assert_string_equal(find("/v1/events", TR_HTTP_POST, &allowed)->path, "/v1/events");
    assert_string_equal(find("/v1/events/", TR_HTTP_GET, &allowed)->path, "/v1/events");
    assert_string_equal(find("/v1/event", TR_HTTP_GET, &allowed)->path, "/v1/event");
    assert_non_null(find("/v1/projects/tw_1/settings/", TR_HTTP_GET, &allowed));
    assert_null(find("/v1/events", TR_HTTP_PUT, &allowed));
    assert_int_equal(allowed, TR_HTTP_METHOD_BIT(TR_HTTP_GET) | TR_HTTP_METHOD_BIT(TR_HTTP_POST));
    static const char *const unknown[] = {"/v1/events//",
                                          "/v1/eventsx",
                                          "/v1/event%",
                                          "/v1/even",
                                          "/v1",
                                          "",
                                          "//",
                                          "v1/events",
                                          "/v1/projects//settings",
                                          "/v1/projects/a/b/settings",
                                          "/v1/projects/a"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_null(find(unknown[i], TR_HTTP_GET, &allowed));
        assert_int_equal(allowed, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_prefixes),    cmocka_unit_test(test_head_limit),
        cmocka_unit_test(test_field_limit), cmocka_unit_test(test_request_line_limit),
        cmocka_unit_test(test_query),       cmocka_unit_test(test_framing_limit),
        cmocka_unit_test(test_tiny_chunks), cmocka_unit_test(test_field),
        cmocka_unit_test(test_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
