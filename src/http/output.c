/* SPDX-License-Identifier: MIT */
/*
 * Answers on their way out: one send() if the client takes it all, which is the rule; else the rest
 * is kept, with an event of its own, until the client has taken it or the deadline comes.
 */
#include "http_priv.h"
#include "traction/base/alloc.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Bytes taken, 0 when there is no room, -1 when the client is gone. */
static ssize_t send_some(struct tr_http_connection *connection, struct iovec *parts, int count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    int fd = event_get_fd(&connection->event);
    for (;;) {
        ssize_t sent;
        if (count == 1)
            sent = send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
        else
            sent = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent >= 0)
            return sent;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 0;
        if (errno != EINTR)
            return -1;
    }
}

void tr_http_output_drop(struct tr_http_connection *connection)
{
    if (connection->output == NULL)
        return;
    event_del(&connection->output->event);
    free(connection->output);
    connection->output = NULL;
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct tr_http_connection *connection = context;
    struct tr_http_output *output = connection->output;
    struct iovec rest = {output->data + output->sent, output->size - output->sent};
    ssize_t sent = send_some(connection, &rest, 1);
    if (sent < 0) {
        tr_http_connection_close(connection);
        return;
    }
    output->sent += (size_t)sent;
    connection->phase_bytes += (uint64_t)sent;
    if (output->sent == output->size) {
        tr_http_output_drop(connection);
        tr_http_connection_answered(connection);
    } else if (sent > 0) {
        tr_http_connection_move(connection, TR_HTTP_STATE_WRITING,
                                connection->worker->server->options.write_timeout_ms);
    }
}

static void keep_rest(struct tr_http_connection *connection, struct tr_slice head,
                      struct tr_slice body, size_t sent)
{
    size_t size = head.size + body.size - sent;
    struct tr_http_output *output = tr_malloc(sizeof *output + size);
    output->size = size;
    output->sent = 0;
    size_t head_left = sent < head.size ? head.size - sent : 0;
    if (head_left > 0)
        memcpy(output->data, head.data + sent, head_left);
    size_t body_sent = sent > head.size ? sent - head.size : 0;
    if (body.size > body_sent)
        memcpy(output->data + head_left, body.data + body_sent, body.size - body_sent);
    event_assign(&output->event, connection->worker->base, event_get_fd(&connection->event),
                 EV_WRITE | EV_PERSIST, on_writable, connection);
    event_add(&output->event, NULL);
    connection->output = output;
}

int tr_http_output_send(struct tr_http_connection *connection, struct tr_slice head,
                        struct tr_slice body)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)head.data, head.size},
                             {(void *)(uintptr_t)body.data, body.size}};
    ssize_t sent = send_some(connection, parts, body.size > 0 ? 2 : 1);
    if (sent < 0)
        return -1;
    if ((size_t)sent < head.size + body.size)
        keep_rest(connection, head, body, (size_t)sent);
    return 0;
}
