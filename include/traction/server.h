/* SPDX-License-Identifier: MIT */
/*
 * The server put together: spool, keys, writer, workers, queries. The only place that knows the
 * whole. src/server/server.c says in which order things start and end.
 */
#pragma once

#include "traction/base/error.h"
#include "traction/config.h"

#include <stdbool.h>

struct tr_server;

/* Once per process, before anything else: descriptors, signals that must not kill, allocators. */
void tr_server_prepare_process(void);

/* Everything runs when this returns 0, and requests are answered; SIGINT and SIGTERM are caught
 * from here on and take effect in tr_server_run(). config is borrowed until tr_server_free(). */
int tr_server_start(struct tr_server **server_out, const struct tr_config *config,
                    struct tr_error *error);
/* The port that was bound. */
int tr_server_port(const struct tr_server *server);

/* On the main thread, until SIGINT or SIGTERM: then what has been begun is answered and landed as
 * far as the drain timeout allows, and 0 is returned; a second signal ends the process by that
 * signal. Calls supervise (may be NULL) a few times a second; when it returns false, the server
 * drains too. Once this has returned the process has ten seconds to end; then SIGALRM ends it.
 * -EIO: the spool cannot be written any more; the process must end, and a new one will recover. */
int tr_server_run(struct tr_server *server, bool (*supervise)(void *context), void *context,
                  struct tr_error *error);
void tr_server_free(struct tr_server *server);
