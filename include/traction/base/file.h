/* SPDX-License-Identifier: MIT */
/* Files that must survive a power cut. Any thread. Errors name the file. */
#pragma once

#include "traction/base/error.h"
#include "traction/base/slice.h"

#include <stdint.h>
#include <sys/types.h>

/* Writes everything or fails; short writes and EINTR are continued. */
int tr_file_write(int fd, const void *data, size_t size, uint64_t offset, const char *name,
                  struct tr_error *error);
/* Reads up to size bytes; *got_out is smaller only at the end of the file. */
int tr_file_read(int fd, void *data, size_t size, uint64_t offset, size_t *got_out,
                 const char *name, struct tr_error *error);
/* fsync of a directory, without which a new name in it may be gone after a power cut. */
int tr_file_sync_directory(const char *path, struct tr_error *error);
/* Whole file into fresh memory, terminated. Refuses more than max bytes. The caller frees. */
int tr_file_read_all(const char *path, size_t max, char **data_out, size_t *size_out,
                     struct tr_error *error);
/* Replaces the file atomically and durably: temporary file, fsync, rename, fsync of the folder. */
int tr_file_replace(const char *path, const void *data, size_t size, mode_t mode,
                    struct tr_error *error);
/* mkdir -p; existing folders are fine. */
int tr_file_make_directory(const char *path, mode_t mode, struct tr_error *error);
/* Takes an exclusive lock on the file, made if absent; held until the descriptor is closed.
 * Outcome TR_FILE_LOCKED when another process holds it. */
enum { TR_FILE_LOCKED = 1 };
int tr_file_lock(const char *path, int *fd_out, struct tr_error *error);
/* Bytes an unprivileged process may still write on the file system of path, and its size. */
int tr_file_free_space(const char *path, uint64_t *free_out, uint64_t *total_out,
                       struct tr_error *error);
