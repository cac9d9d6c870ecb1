/* SPDX-License-Identifier: MIT */
/* Segment files: making, finding and mending them. README.md here has the format. */
#include "spool_priv.h"

#include "traction/base/alloc.h"
#include "traction/base/file.h"
#include "traction/base/hash.h"
#include "traction/base/log.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 16 bytes, then the spool's uuid, the start position (little-endian), 20 spare, CRC-32C of all. */
static const char header_magic[16] = "traction spool 1";
enum { AT_UUID = 16, AT_START = 32, AT_CRC = 60, ALLOCATE_LEAST_BYTES = 1 << 20 };

char *tr_segment_path(const struct tr_spool *spool, const struct segment *segment)
{
    return tr_printf("%s/%s", spool->directory, segment->name);
}

static void make_header(const struct tr_spool *spool, uint64_t start,
                        char header[SEGMENT_HEADER_BYTES])
{
    memset(header, 0, SEGMENT_HEADER_BYTES);
    memcpy(header, header_magic, sizeof header_magic);
    memcpy(header + AT_UUID, spool->uuid, 16);
    uint64_t start_le = htole64(start);
    memcpy(header + AT_START, &start_le, 8);
    uint32_t crc = htole32(tr_crc32c(0, header, AT_CRC));
    memcpy(header + AT_CRC, &crc, 4);
}

static struct segment *new_segment(uint64_t start)
{
    struct segment *segment = tr_calloc(1, sizeof *segment);
    segment->start = start;
    segment->end = start;
    snprintf(segment->name, sizeof segment->name, "%020" PRIu64 ".segment", start);
    return segment;
}

/* Reserves the space of a whole segment, so that a full disk shows here and not in the middle of a
 * group; less when the disk has less. A file system that can't reserve is taken as it is. */
static int reserve(int fd, uint64_t size, const char *name, struct tr_error *error)
{
    while (fallocate(fd, 0, 0, (off_t)size) < 0) {
        if (errno == EOPNOTSUPP || errno == ENOSYS)
            return 0;
        if (errno == EINTR)
            continue;
        if (errno != ENOSPC || size / 2 < ALLOCATE_LEAST_BYTES) {
            int code = -errno;
            return tr_error_set(error, code, "could not reserve %" PRIu64 " bytes for %s: %s", size,
                                name, strerror(-code));
        }
        size /= 2;
    }
    return 0;
}

static int prepare_file(struct tr_spool *spool, int fd, uint64_t start, const char *path,
                        struct tr_error *error)
{
    char header[SEGMENT_HEADER_BYTES];
    make_header(spool, start, header);
    int result = reserve(fd, spool->options.segment_bytes, path, error);
    if (result == 0)
        result = tr_file_write(fd, header, sizeof header, 0, path, error);
    if (result == 0 && fsync(fd) < 0) {
        int code = -errno;
        result = tr_error_set(error, code, "could not flush %s: %s", path, strerror(-code));
    }
    if (result == 0)
        result = tr_file_sync_directory(spool->directory, error);
    return result;
}

int tr_segment_create(struct tr_spool *spool, uint64_t start, struct segment **segment_out,
                      int *fd_out, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) struct segment *segment = new_segment(start);
    TR_CLEANUP(tr_freep) char *path = tr_segment_path(spool, segment);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        int code = -errno;
        return tr_error_set(error, code, "could not create %s: %s", path, strerror(-code));
    }
    int result = prepare_file(spool, fd, start, path, error);
    if (result < 0) {
        close(fd);
        unlink(path);
        return result;
    }
    *segment_out = TR_TAKE(segment);
    *fd_out = fd;
    return 0;
}

/* Recovery --------------------------------------------------------------------------------------
 */

/* Whether the file begins as a segment of this spool that starts where its name says. */
static bool header_good(const struct tr_spool *spool, int fd, uint64_t start)
{
    char expected[SEGMENT_HEADER_BYTES];
    char found[SEGMENT_HEADER_BYTES];
    size_t got = 0;
    make_header(spool, start, expected);
    return tr_file_read(fd, found, sizeof found, 0, &got, "", NULL) == 0 && got == sizeof found &&
           memcmp(expected, found, sizeof found) == 0;
}

/* The end of the last valid frame. Damage before it is the reader's business. */
static int find_end(struct segment *segment, int fd, uint64_t size, struct tr_error *error)
{
    struct scan scan;
    tr_scan_init(&scan, fd, segment->name, segment->start, segment->start, segment->start + size);
    struct frame frame;
    struct tr_slice payload;
    int result = SCAN_FRAME;
    while (result == SCAN_FRAME)
        result = tr_scan_next(&scan, &frame, &payload, error);
    segment->end = scan.position;
    tr_scan_fini(&scan);
    return result;
}

/* Preallocated zeros behind the last frame are not worth a word. */
static bool only_zeros(int fd, uint64_t from, uint64_t to)
{
    char chunk[65536];
    while (from < to) {
        size_t got = 0;
        size_t size = to - from < sizeof chunk ? (size_t)(to - from) : sizeof chunk;
        if (tr_file_read(fd, chunk, size, from, &got, "", NULL) < 0 || got == 0)
            return false;
        for (size_t i = 0; i < got; i++)
            if (chunk[i] != 0)
                return false;
        from += got;
    }
    return true;
}

static int cut_tail(struct segment *segment, int fd, uint64_t size, struct tr_error *error)
{
    uint64_t keep = SEGMENT_HEADER_BYTES + segment->end - segment->start;
    if (size > keep && !only_zeros(fd, keep, size))
        tr_log(TR_LOG_WARNING,
               "spool: %s ends with a write that was never acknowledged; cut at byte %" PRIu64,
               segment->name, keep);
    if (ftruncate(fd, (off_t)keep) < 0 || fsync(fd) < 0) {
        int code = -errno;
        return tr_error_set(error, code, "could not cut %s: %s", segment->name, strerror(-code));
    }
    return 0;
}

/* Only the last segment can have a tail; those before were cut when they were sealed. */
static int recover_segment(struct tr_spool *spool, struct segment *segment, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *path = tr_segment_path(spool, segment);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        int code = -errno;
        if (fd >= 0)
            close(fd);
        return tr_error_set(error, code, "could not open %s: %s", path, strerror(-code));
    }
    uint64_t size = (uint64_t)status.st_size;
    if (!header_good(spool, fd, segment->start)) {
        tr_log(TR_LOG_WARNING, "spool: %s has no valid header; its frames are looked for",
               segment->name);
    }
    uint64_t bytes = size > SEGMENT_HEADER_BYTES ? size - SEGMENT_HEADER_BYTES : 0;
    int result = 0;
    if (segment->next == NULL) {
        result = find_end(segment, fd, bytes, error);
        if (result == 0)
            result = cut_tail(segment, fd, size, error);
    } else {
        segment->end = segment->start + bytes;
    }
    segment->sealed = true;
    segment->sealed_at = status.st_mtime;
    close(fd);
    return result;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(const struct tr_spool *spool, char ***names_out, size_t *count_out,
                      struct tr_error *error)
{
    DIR *directory = opendir(spool->directory);
    if (directory == NULL) {
        int code = -errno;
        return tr_error_set(error, code, "could not list %s: %s", spool->directory,
                            strerror(-code));
    }
    char **names = NULL;
    size_t count = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".segment") != 0 || dot - entry->d_name != 20)
            continue;
        names = tr_realloc(names, (count + 1) * sizeof *names);
        names[count++] = tr_strdup(entry->d_name);
    }
    closedir(directory);
    if (count > 0)
        qsort(names, count, sizeof *names, compare_names);
    *names_out = names;
    *count_out = count;
    return 0;
}

/* What a segment lacks towards the next one was lost after it was sealed. */
static void check_gaps(struct tr_spool *spool)
{
    for (struct segment *segment = spool->segments; segment != NULL; segment = segment->next) {
        if (segment->next == NULL || segment->end == segment->next->start)
            continue;
        tr_log(TR_LOG_WARNING, "spool: %s ends at %" PRIu64 ", the next begins at %" PRIu64,
               segment->name, segment->end, segment->next->start);
        if (segment->end > segment->next->start)
            segment->end = segment->next->start;
    }
}

int tr_segments_recover(struct tr_spool *spool, struct tr_error *error)
{
    char **names = NULL;
    size_t count = 0;
    int result = list_names(spool, &names, &count, error);
    struct segment **link = &spool->segments;
    for (size_t i = 0; i < count; i++) {
        *link = new_segment(strtoull(names[i], NULL, 10));
        link = &(*link)->next;
        free(names[i]);
    }
    free(names);
    for (struct segment *segment = spool->segments; segment != NULL && result == 0;
         segment = segment->next) {
        result = recover_segment(spool, segment, error);
        spool->next_position = segment->end;
    }
    if (result == 0)
        check_gaps(spool);
    spool->durable_position = spool->next_position;
    return result;
}
