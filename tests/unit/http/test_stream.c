/* SPDX-License-Identifier: MIT */
/* src/http/stream.c: answers that go on, over real sockets, with server and client on one thread.
 */
#include "traction/base/alloc.h"
#include "traction/base/buf.h"
#include "traction/base/clock.h"
#include "traction/http.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PIECE_BYTES = 100000, TURNS_MAX = 2000, CLIENT_SOCKET_BYTES = 4096 };
static const char get[] = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n";

struct fixture {
    struct tr_http_server *server;
    struct tr_loop *loop;
    struct tr_http_stream *stream;
    bool asked;
    int ended;
    int client;
    struct tr_buf got; /* all that the client has read */
    bool eof;
};

static void on_end(void *context)
{
    struct fixture *fixture = context;
    fixture->ended++;
    fixture->stream = NULL;
}

static void on_request(struct tr_http_request *request, void *context)
{
    static const struct tr_http_field fields[] = {
        {TR_SLICE("Cache-Control"), TR_SLICE("no-store")}};
    struct fixture *fixture = context;
    const struct tr_http_stream_start start = {
        .response = {.status = 200,
                     .content_type = "text/event-stream",
                     .body = TR_SLICE("hello"),
                     .fields = fields,
                     .field_count = 1},
        .heartbeat = TR_SLICE(":\n\n"),
        .on_end = on_end,
        .context = fixture,
    };
    fixture->asked = true;
    fixture->stream = tr_http_stream_begin(request, &start);
}

static int setup(void **state)
{
    struct fixture *fixture = tr_calloc(1, sizeof *fixture);
    struct tr_http_options options;
    struct tr_error error = TR_ERROR_INIT;
    tr_http_options_init(&options);
    struct tr_http_handler handler = {.on_request = on_request, .context = fixture};
    assert_int_equal(tr_http_server_new(&fixture->server, &options, handler, &error), 0);
    assert_int_equal(tr_loop_new(&fixture->loop, &error), 0);
    tr_http_server_start(fixture->server, 0, fixture->loop);
    tr_buf_init(&fixture->got, 64 << 20);
    fixture->client = -1;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    int ended = fixture->ended;
    if (fixture->client >= 0)
        close(fixture->client);
    tr_http_server_free(fixture->server);
    assert_int_equal(fixture->ended, ended); /* nobody is told any more */
    tr_loop_free(fixture->loop);
    tr_buf_fini(&fixture->got);
    free(fixture);
    return 0;
}

static void turn(struct fixture *fixture)
{
    event_base_loop(tr_loop_base(fixture->loop), EVLOOP_NONBLOCK);
}

/* Lets the server's timer come round once. */
static void tick(struct fixture *fixture)
{
    const struct timeval enough = {0, 250000};
    event_base_loopexit(tr_loop_base(fixture->loop), &enough);
    event_base_dispatch(tr_loop_base(fixture->loop));
}

static void read_all(struct fixture *fixture)
{
    char *room;
    ssize_t got;
    do {
        room = tr_buf_reserve(&fixture->got, 65536);
        assert_non_null(room);
        got = recv(fixture->client, room, 65536, MSG_DONTWAIT);
        if (got > 0)
            fixture->got.size += (size_t)got;
        fixture->eof = fixture->eof || got == 0;
    } while (got > 0);
}

static void ask(struct fixture *fixture, const char *request)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)tr_http_server_port(fixture->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int size = CLIENT_SOCKET_BYTES;
    fixture->client = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fixture->client, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    assert_int_equal(connect(fixture->client, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fixture->client, request, strlen(request), 0), strlen(request));
    for (int i = 0; i < TURNS_MAX && !fixture->asked; i++)
        turn(fixture);
    assert_true(fixture->asked);
}

/* Until the client has this text, or (NULL) the end. */
static void expect(struct fixture *fixture, const char *text)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        turn(fixture);
        read_all(fixture);
        if (text == NULL ? fixture->eof
                         : memmem(fixture->got.data, fixture->got.size, text, strlen(text)) != NULL)
            return;
    }
    fail_msg("the client never had %s", text != NULL ? text : "the end");
}

static bool has(const struct fixture *fixture, const char *text)
{
    return memmem(fixture->got.data, fixture->got.size, text, strlen(text)) != NULL;
}

static void test_pieces_are_chunks(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, get);
    expect(fixture, "\r\n\r\n5\r\nhello\r\n");
    assert_true(has(fixture, "HTTP/1.1 200 OK\r\n"));
    assert_true(has(fixture, "Transfer-Encoding: chunked\r\n"));
    assert_true(has(fixture, "Connection: close\r\n"));
    assert_true(has(fixture, "Cache-Control: no-store\r\n"));
    assert_false(has(fixture, "Content-Length"));
    assert_true(tr_http_stream_send(fixture->stream, TR_SLICE_NONE)); /* is not the end */
    assert_true(tr_http_stream_send(fixture->stream, TR_SLICE("0123456789abcdef")));
    expect(fixture, "hello\r\n10\r\n0123456789abcdef\r\n");
    tr_http_stream_end(fixture->stream);
    expect(fixture, NULL);
    assert_true(has(fixture, "abcdef\r\n0\r\n\r\n"));
    assert_int_equal(fixture->ended, 0);
    assert_int_equal(tr_http_server_connections(fixture->server), 0);
}

static void test_http_1_0_has_no_chunks(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "GET /live HTTP/1.0\r\n\r\n");
    assert_true(tr_http_stream_send(fixture->stream, TR_SLICE("more")));
    tr_http_stream_end(fixture->stream);
    expect(fixture, NULL);
    assert_true(has(fixture, "\r\n\r\nhellomore"));
    assert_false(has(fixture, "chunked"));
    assert_memory_equal(fixture->got.data + fixture->got.size - 4, "more", 4);
}

static void test_head_has_no_pieces(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "HEAD /live HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_null(fixture->stream);
    expect(fixture, NULL);
    assert_true(has(fixture, "text/event-stream"));
    assert_false(has(fixture, "hello"));
    assert_int_equal(fixture->ended, 0);
}

static void test_client_goes(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, get);
    close(fixture->client);
    fixture->client = -1;
    for (int i = 0; i < TURNS_MAX && fixture->ended == 0; i++)
        turn(fixture);
    assert_int_equal(fixture->ended, 1);
    assert_int_equal(tr_http_server_connections(fixture->server), 0);
}

static void test_client_that_resets_while_sent_to(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, get);
    const struct linger hard = {1, 0};
    setsockopt(fixture->client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fixture->client);
    fixture->client = -1;
    struct tr_http_stream *stream = fixture->stream;
    assert_false(tr_http_stream_send(stream, TR_SLICE("lost")));
    assert_int_equal(fixture->ended, 0); /* not from within */
    assert_false(tr_http_stream_send(stream, TR_SLICE("lost")));
    for (int i = 0; i < TURNS_MAX && fixture->ended == 0; i++)
        turn(fixture);
    assert_int_equal(fixture->ended, 1);
}

static void test_end_after_the_client_has_gone(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, get);
    const struct linger hard = {1, 0};
    setsockopt(fixture->client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fixture->client);
    fixture->client = -1;
    assert_false(tr_http_stream_send(fixture->stream, TR_SLICE("lost")));
    tr_http_stream_end(fixture->stream);
    turn(fixture);
    assert_int_equal(fixture->ended, 0);
}

/* Sends until the client has a piece on its way; returns how many it took. */
static int fill(struct fixture *fixture, struct tr_slice piece)
{
    int taken = 0;
    while (tr_http_stream_send(fixture->stream, piece))
        assert_true(++taken < TURNS_MAX);
    return taken;
}

static void test_slow_client_skips_whole_pieces(void **state)
{
    struct fixture *fixture = *state;
    char *piece = tr_malloc(PIECE_BYTES);
    memset(piece, 'x', PIECE_BYTES);
    ask(fixture, get);
    int taken = fill(fixture, tr_slice(piece, PIECE_BYTES));
    /* What the system keeps is small, and there is one piece besides. */
    assert_in_range(taken, 1, 8);
    for (int i = 0; i < 100; i++)
        assert_false(tr_http_stream_send(fixture->stream, tr_slice(piece, PIECE_BYTES)));
    size_t expected = (size_t)taken * PIECE_BYTES;
    for (int i = 0; i < TURNS_MAX && fixture->got.size < expected; i++) {
        turn(fixture);
        read_all(fixture);
    }
    assert_true(tr_http_stream_send(fixture->stream, TR_SLICE("after")));
    expect(fixture, "x\r\n5\r\nafter\r\n");
    size_t count = 0;
    for (size_t i = 0; i < fixture->got.size; i++)
        count += fixture->got.data[i] == 'x';
    assert_int_equal(count, expected + 1); /* one is in "text/event-stream" */
    free(piece);
}

static void test_client_that_takes_nothing_is_cut(void **state)
{
    struct fixture *fixture = *state;
    char *piece = tr_calloc(1, PIECE_BYTES);
    ask(fixture, get);
    fill(fixture, tr_slice(piece, PIECE_BYTES));
    free(piece);
    tick(fixture);
    assert_int_equal(fixture->ended, 0);
    tr_clock_shift(31 * INT64_C(1000000));
    tick(fixture);
    assert_int_equal(fixture->ended, 1);
    assert_int_equal(tr_http_server_connections(fixture->server), 0);
}

static void test_end_drops_what_is_on_its_way(void **state)
{
    struct fixture *fixture = *state;
    char *piece = tr_calloc(1, PIECE_BYTES);
    ask(fixture, get);
    fill(fixture, tr_slice(piece, PIECE_BYTES));
    free(piece);
    tr_http_stream_end(fixture->stream);
    turn(fixture);
    assert_int_equal(tr_http_server_connections(fixture->server), 0);
    assert_int_equal(fixture->ended, 0);
}

static void test_heartbeat(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, get);
    tick(fixture);
    expect(fixture, "hello\r\n");
    assert_false(has(fixture, ":\n\n"));
    tr_clock_shift((TR_HTTP_HEARTBEAT_MS + 1000) * INT64_C(1000));
    tick(fixture);
    expect(fixture, "hello\r\n3\r\n:\n\n\r\n");
    tr_clock_shift((TR_HTTP_HEARTBEAT_MS + 1000) * INT64_C(1000));
    tick(fixture);
    expect(fixture, "3\r\n:\n\n\r\n3\r\n:\n\n\r\n");
    assert_int_equal(fixture->ended, 0); /* idle is not late */
}

static void test_drain_ends_streams(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, get);
    tr_http_server_drain(fixture->server, 0);
    expect(fixture, NULL);
    assert_true(has(fixture, "hello\r\n0\r\n\r\n"));
    assert_int_equal(fixture->ended, 1);
    assert_int_equal(tr_http_server_connections(fixture->server), 0);
}

static void test_drain_does_not_wait_for_the_slow(void **state)
{
    struct fixture *fixture = *state;
    char *piece = tr_calloc(1, PIECE_BYTES);
    ask(fixture, get);
    fill(fixture, tr_slice(piece, PIECE_BYTES));
    free(piece);
    tr_http_server_drain(fixture->server, 0);
    turn(fixture);
    assert_int_equal(fixture->ended, 1);
    assert_int_equal(tr_http_server_connections(fixture->server), 0);
}

static void test_what_a_client_says_meanwhile_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    char *noise = tr_malloc(PIECE_BYTES);
    memset(noise, 'n', PIECE_BYTES);
    ask(fixture, "GET /live HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    fixture->asked = false;
    assert_int_equal(send(fixture->client, noise, 1000, MSG_DONTWAIT), 1000);
    for (int i = 0; i < 50; i++)
        turn(fixture);
    assert_false(fixture->asked); /* there is no next request on this connection */
    assert_int_equal(fixture->ended, 0);
    for (int i = 0; i < TURNS_MAX && fixture->ended == 0; i++) {
        send(fixture->client, noise, PIECE_BYTES, MSG_DONTWAIT | MSG_NOSIGNAL);
        turn(fixture);
    }
    assert_int_equal(fixture->ended, 1);
    free(noise);
}

static void test_open_stream_at_the_end(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, get); /* teardown() looks */
    assert_non_null(fixture->stream);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pieces_are_chunks),
        TEST(test_http_1_0_has_no_chunks),
        TEST(test_head_has_no_pieces),
        TEST(test_client_goes),
        TEST(test_client_that_resets_while_sent_to),
        TEST(test_end_after_the_client_has_gone),
        TEST(test_slow_client_skips_whole_pieces),
        TEST(test_client_that_takes_nothing_is_cut),
        TEST(test_end_drops_what_is_on_its_way),
        TEST(test_heartbeat),
        TEST(test_drain_ends_streams),
        TEST(test_drain_does_not_wait_for_the_slow),
        TEST(test_what_a_client_says_meanwhile_is_dropped),
        TEST(test_open_stream_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
