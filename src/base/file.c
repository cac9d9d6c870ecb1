/* SPDX-License-Identifier: MIT */
#include "traction/base/file.h"

#include "traction/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int fail(struct tr_error *error, const char *doing, const char *name)
{
    int code = -errno;
    return tr_error_set(error, code, "could not %s %s: %s", doing, name, strerror(-code));
}

int tr_file_write(int fd, const void *data, size_t size, uint64_t offset, const char *name,
                  struct tr_error *error)
{
    const char *from = data;
    while (size > 0) {
        ssize_t wrote = pwrite(fd, from, size, (off_t)offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote == 0)
            errno = ENOSPC;
        if (wrote <= 0)
            return fail(error, "write", name);
        from += wrote;
        offset += (uint64_t)wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

int tr_file_read(int fd, void *data, size_t size, uint64_t offset, size_t *got_out,
                 const char *name, struct tr_error *error)
{
    char *to = data;
    size_t got = 0;
    while (got < size) {
        ssize_t count = pread(fd, to + got, size - got, (off_t)(offset + got));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail(error, "read", name);
        if (count == 0)
            break;
        got += (size_t)count;
    }
    *got_out = got;
    return 0;
}

int tr_file_sync_directory(const char *path, struct tr_error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(error, "open folder", path);
    int result = fsync(fd) < 0 ? fail(error, "flush folder", path) : 0;
    close(fd);
    return result;
}

int tr_file_read_all(const char *path, size_t max, char **data_out, size_t *size_out,
                     struct tr_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(error, "open", path);
    struct stat status;
    if (fstat(fd, &status) < 0) {
        int result = fail(error, "look at", path);
        close(fd);
        return result;
    }
    if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size > max) {
        close(fd);
        return tr_error_set(error, -EFBIG, "%s is not a file of at most %zu bytes", path, max);
    }
    TR_CLEANUP(tr_freep) char *data = tr_malloc((size_t)status.st_size + 1);
    size_t got = 0;
    int result = tr_file_read(fd, data, (size_t)status.st_size, 0, &got, path, error);
    close(fd);
    if (result < 0)
        return result;
    data[got] = '\0';
    *data_out = TR_TAKE(data);
    *size_out = got;
    return 0;
}

static int write_and_sync(int fd, const void *data, size_t size, const char *name,
                          struct tr_error *error)
{
    int result = tr_file_write(fd, data, size, 0, name, error);
    if (result == 0 && fsync(fd) < 0)
        result = fail(error, "flush", name);
    return result;
}

int tr_file_replace(const char *path, const void *data, size_t size, mode_t mode,
                    struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *temporary = tr_printf("%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return fail(error, "create", temporary);
    int result = fchmod(fd, mode) < 0 ? fail(error, "set the mode of", temporary) : 0;
    if (result == 0)
        result = write_and_sync(fd, data, size, temporary, error);
    if (close(fd) < 0 && result == 0)
        result = fail(error, "close", temporary);
    if (result == 0 && rename(temporary, path) < 0)
        result = fail(error, "rename to", path);
    if (result < 0) {
        unlink(temporary);
        return result;
    }
    TR_CLEANUP(tr_freep) char *copy = tr_strdup(path);
    return tr_file_sync_directory(dirname(copy), error);
}

int tr_file_make_directory(const char *path, mode_t mode, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *copy = tr_strdup(path);
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            return fail(error, "create folder", copy);
        *slash = '/';
    }
    if (mkdir(copy, mode) < 0 && errno != EEXIST)
        return fail(error, "create folder", copy);
    return 0;
}

int tr_file_lock(const char *path, int *fd_out, struct tr_error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(error, "open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int result = errno == EWOULDBLOCK ? TR_FILE_LOCKED : fail(error, "lock", path);
        close(fd);
        return result;
    }
    *fd_out = fd;
    return 0;
}

int tr_file_free_space(const char *path, uint64_t *free_out, uint64_t *total_out,
                       struct tr_error *error)
{
    struct statvfs status;
    if (statvfs(path, &status) < 0)
        return fail(error, "ask for the free space of", path);
    *free_out = (uint64_t)status.f_bavail * status.f_frsize;
    *total_out = (uint64_t)status.f_blocks * status.f_frsize;
    return 0;
}
