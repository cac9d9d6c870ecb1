/* SPDX-License-Identifier: MIT */
/* What the files of this folder share: who PostgreSQL runs as, its processes, its programs. */
#pragma once

#include "traction/base/alloc.h"
#include "traction/base/buf.h"
#include "traction/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Who PostgreSQL's processes run as. drop is false when that is who we are already. */
struct tr_identity {
    bool drop;
    uid_t uid;
    gid_t gid;
};
int tr_identity_find(const char *run_as, struct tr_identity *who_out, struct tr_error *error);
/* Makes a folder of this identity's, mode 0700, unless it is there, and opens it. */
int tr_identity_open_directory(const struct tr_identity *who, const char *path, int *fd_out,
                               struct tr_error *error);

/* Programs ------------------------------------------------------------------------------------ */

/* The folder of initdb and postgres; version is the major version that the data needs, NULL: the
 * newest there is. The caller frees. */
int tr_programs_find(const char *version, char **directory_out, struct tr_error *error);

/* Processes ----------------------------------------------------------------------------------- */

/* Starts a program as this identity, in a session of its own, with its output appended to output.
 * The descriptors in keep (ended by -1) stay open in it under their numbers. */
int tr_process_spawn(const struct tr_identity *who, const char *const *argv, const int *keep,
                     int output, pid_t *pid_out, struct tr_error *error);
/* Waits for the end of any process; false when it is still there after timeout_ms. */
bool tr_process_wait_gone(pid_t pid, int timeout_ms);
/* Ends every PostgreSQL process that works in the data folder: those of a killed parent, and those
 * of a killed postmaster. None is left when this returns 0. */
int tr_process_end_orphans(int data_fd, struct tr_error *error);

/* Settings ------------------------------------------------------------------------------------ */

struct tr_machine {
    uint64_t memory_bytes;
    uint64_t disk_bytes; /* free */
    int version;         /* PostgreSQL's major one */
};
/* The command line of the postmaster: settings fit for this machine, then the caller's own, which
 * win. Ended by NULL; free with tr_settings_free(). */
const char **tr_settings_new(const char *program, const char *data, const char *sockets,
                             const struct tr_machine *machine, const char *const *extra);
void tr_settings_free(const char **argv);
uint64_t tr_settings_memory(void);
