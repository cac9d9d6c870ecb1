/* SPDX-License-Identifier: MIT */
/*
 * Ending a wait from another thread. The interrupt holds a descriptor of its own for the socket, so
 * that it never touches a number that libpq has closed and somebody else got; shutting the socket
 * down through it wakes whoever waits for it, and is all that two threads do at the same time.
 */
#include "pg_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tr_pg_interrupt {
    pthread_mutex_t lock;
    bool raised; /* guarded by lock */
    int fd;      /* guarded by lock; -1: no connection */
};

struct tr_pg_interrupt *tr_pg_interrupt_new(void)
{
    struct tr_pg_interrupt *interrupt = tr_calloc(1, sizeof *interrupt);
    pthread_mutex_init(&interrupt->lock, NULL);
    interrupt->fd = -1;
    return interrupt;
}

void tr_pg_interrupt_free(struct tr_pg_interrupt *interrupt)
{
    if (interrupt == NULL)
        return;
    tr_pg_interrupt_detach(interrupt);
    pthread_mutex_destroy(&interrupt->lock);
    free(interrupt);
}

void tr_pg_interrupt_raise(struct tr_pg_interrupt *interrupt)
{
    pthread_mutex_lock(&interrupt->lock);
    interrupt->raised = true;
    if (interrupt->fd >= 0)
        shutdown(interrupt->fd, SHUT_RDWR); /* fails only if the connection is lost already */
    pthread_mutex_unlock(&interrupt->lock);
}

bool tr_pg_interrupt_is_raised(struct tr_pg_interrupt *interrupt)
{
    pthread_mutex_lock(&interrupt->lock);
    bool raised = interrupt->raised;
    pthread_mutex_unlock(&interrupt->lock);
    return raised;
}

int tr_pg_interrupt_attach(struct tr_pg_interrupt *interrupt, int socket, struct tr_error *error)
{
    int result = 0;
    pthread_mutex_lock(&interrupt->lock);
    if (interrupt->raised) {
        result = tr_error_set(error, -ECANCELED, "the connection is not wanted any more");
    } else {
        interrupt->fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
        if (interrupt->fd < 0)
            result =
                tr_error_set(error, -errno, "could not keep a descriptor of the connection: %s",
                             strerror(errno));
    }
    pthread_mutex_unlock(&interrupt->lock);
    return result;
}

void tr_pg_interrupt_detach(struct tr_pg_interrupt *interrupt)
{
    pthread_mutex_lock(&interrupt->lock);
    if (interrupt->fd >= 0)
        close(interrupt->fd);
    interrupt->fd = -1;
    pthread_mutex_unlock(&interrupt->lock);
}
