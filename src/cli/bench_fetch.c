/* SPDX-License-Identifier: MIT */
/* Blocking conversations: one GET for the ledger, and connections that are held idle. */
#include "bench_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BODY_MAX = 1024 * 1024, REQUEST_MAX = 1024, TIMEOUT_S = 10 };

static int connect_blocking(const struct bench_run *run, int *fd_out, struct tr_error *error)
{
    int fd = socket(run->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return tr_error_set(error, -errno, "could not make a socket: %s", strerror(errno));
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (const struct sockaddr *)&run->address, run->address_size) != 0) {
        int code = -errno;
        close(fd);
        return tr_error_set(error, code, "could not connect: %s", strerror(-code));
    }
    *fd_out = fd;
    return 0;
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int send_all(int fd, const char *data, size_t size, struct tr_error *error)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t wrote = send(fd, data + sent, size - sent, MSG_NOSIGNAL);
        if (wrote < 0 && errno != EINTR)
            return tr_error_set(error, -errno, "could not send: %s", strerror(errno));
        sent += wrote > 0 ? (size_t)wrote : 0;
    }
    return 0;
}

static int receive_all(int fd, struct tr_buf *into, struct tr_error *error)
{
    for (;;) {
        char *room = tr_buf_reserve(into, 16384);
        if (room == NULL)
            return tr_error_set(error, -E2BIG, "the answer has more than %d bytes", BODY_MAX);
        ssize_t got = recv(fd, room, 16384, 0);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return tr_error_set(error, -errno, "could not receive: %s", strerror(errno));
        into->size += got > 0 ? (size_t)got : 0;
    }
}

int bench_fetch_json(const struct bench_run *run, const char *host, const char *path,
                     const char *key, json_t **json_out, struct tr_error *error)
{
    TR_CLEANUP(close_fd) int fd = -1;
    int result = connect_blocking(run, &fd, error);
    if (result < 0)
        return result;
    char request[REQUEST_MAX];
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                        "Accept: application/json\r\nConnection: close\r\n\r\n",
                        path, host, key);
    if (size < 0 || (size_t)size >= sizeof request)
        return tr_error_set(error, -EINVAL, "the URL or the key is too long");
    result = send_all(fd, request, (size_t)size, error);
    if (result < 0)
        return result;
    TR_CLEANUP(tr_buf_fini) struct tr_buf answer;
    tr_buf_init(&answer, BODY_MAX);
    result = receive_all(fd, &answer, error);
    if (result < 0)
        return result;
    const char *end = memmem(answer.data, answer.size, "\r\n\r\n", 4);
    if (end == NULL || answer.size < 12 || memcmp(answer.data + 8, " 200", 4) != 0)
        return tr_error_set(error, -EPROTO, "GET %s was answered: %.*s", path,
                            (int)(answer.size < 12 ? answer.size : 12), answer.data);
    size_t head = (size_t)(end + 4 - answer.data);
    json_t *json = json_loadb(answer.data + head, answer.size - head, 0, NULL);
    if (json == NULL)
        return tr_error_set(error, -EBADMSG, "GET %s: the answer is not JSON", path);
    *json_out = json;
    return 0;
}

/* Idle connections -----------------------------------------------------------------------------*/

static int raise_file_limit(int files, struct tr_error *error)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= (rlim_t)files)
        return 0;
    limit.rlim_cur = (rlim_t)files;
    if (limit.rlim_max < limit.rlim_cur)
        limit.rlim_max = limit.rlim_cur;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return 0;
    tr_error_set(error, -errno, "%d open files are not allowed", files);
    return tr_error_hint(error, "Raise the limit with ulimit -n.");
}

/* A connection is idle only once it has had an answer; before, it is a slow client. */
static int open_idle(const struct bench_run *run, int *fd_out, struct tr_error *error)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int fd = -1;
    int result = connect_blocking(run, &fd, error);
    if (result == 0)
        result = send_all(fd, request, sizeof request - 1, error);
    char answer[4096];
    if (result == 0 && recv(fd, answer, sizeof answer, 0) <= 0)
        result = tr_error_set(error, -ECONNRESET, "an idle connection got no first answer");
    if (result < 0)
        close_fd(&fd);
    else
        *fd_out = fd;
    return result;
}

/* Looks which connections have ended; with thousands of them once a second is often enough. */
static void hold(const struct bench_run *run, struct pollfd *idle, int count, uint64_t *closed_out)
{
    int64_t until_us = tr_clock_mono_us() + run->options->duration_us;
    while (!*run->interrupted && tr_clock_mono_us() < until_us) {
        int ready = poll(idle, (nfds_t)count, 200);
        for (int i = 0; ready > 0 && i < count; i++) {
            if (idle[i].revents == 0)
                continue;
            (*closed_out)++;
            close(idle[i].fd);
            idle[i].fd = -1;
        }
    }
}

int bench_idle(const struct bench_run *run, uint64_t *closed_out, struct tr_error *error)
{
    int count = run->options->idle;
    int result = raise_file_limit(count + 64, error);
    if (result < 0)
        return result;
    TR_CLEANUP(tr_freep) struct pollfd *idle = tr_calloc((size_t)count, sizeof *idle);
    int opened = 0;
    while (opened < count && result == 0 && !*run->interrupted) {
        result = open_idle(run, &idle[opened].fd, error);
        idle[opened].events = POLLIN | POLLRDHUP;
        opened += result == 0;
    }
    if (result == 0) {
        printf("holding %d idle connections\n", opened);
        fflush(stdout);
        hold(run, idle, opened, closed_out);
    }
    for (int i = 0; i < opened; i++)
        close_fd(&idle[i].fd);
    return result < 0 ? tr_error_prefix(error, "after %d idle connections", opened) : 0;
}
