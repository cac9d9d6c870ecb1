/* SPDX-License-Identifier: MIT */
/*
 * A private PostgreSQL for `traction up` and for tests: made with initdb below a folder, started on
 * a unix socket in it, no TCP, and stopped. Run by root it drops to an unprivileged user, because
 * PostgreSQL refuses to run as root. src/cluster/README.md says who owns the process, and for how
 * long.
 */
#pragma once

#include "traction/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct tr_cluster;

struct tr_cluster_options {
    const char *directory;       /* absolute; made if absent */
    const char *run_as;          /* user to drop to when root; NULL: postgres, else nobody */
    const char *const *settings; /* extra "name=value" lines, NULL-terminated; may be NULL */
};

/* initdb if there is no data yet. An orphaned PostgreSQL of this folder, left behind by a killed
 * parent, is stopped (or waited for) first. Returns when it accepts connections. */
int tr_cluster_start(struct tr_cluster **cluster_out, const struct tr_cluster_options *options,
                     struct tr_error *error);
/* libpq URL of the database "traction" for the superuser role that owns it. */
const char *tr_cluster_url(const struct tr_cluster *cluster);
pid_t tr_cluster_pid(const struct tr_cluster *cluster);
/* True once the postmaster has ended by itself. */
bool tr_cluster_has_exited(struct tr_cluster *cluster);
/* Starts it again after it ended by itself, and does not wait: recovery may take minutes. If it
 * ends again, tr_cluster_has_exited() says so. */
int tr_cluster_restart(struct tr_cluster *cluster, struct tr_error *error);
/* Whether it accepts connections. */
bool tr_cluster_is_ready(struct tr_cluster *cluster);
/* Fast shutdown, immediate after six seconds, killed after one more; frees. */
void tr_cluster_stop(struct tr_cluster *cluster);
