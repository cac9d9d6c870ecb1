/* SPDX-License-Identifier: MIT */
/*
 * Countries of addresses. The library maps its file into memory, and reading a mapped file that
 * somebody cuts short ends the process; hence it is given a copy that has no name.
 */
#include "traction/enrich.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 };
static const off_t size_max = (off_t)512 << 20;

struct tr_geo {
    char *path;
    struct stat seen;      /* of the file that was looked at last; the refreshing thread's own */
    pthread_rwlock_t lock; /* of what follows */
    bool open;
    MMDB_s database;
};

struct tr_geo *tr_geo_new(const char *path)
{
    struct tr_geo *geo = tr_calloc(1, sizeof *geo);
    geo->path = tr_strdup(path);
    geo->seen.st_size = -1;
    pthread_rwlock_init(&geo->lock, NULL);
    return geo;
}

void tr_geo_free(struct tr_geo *geo)
{
    if (geo == NULL)
        return;
    if (geo->open)
        MMDB_close(&geo->database);
    pthread_rwlock_destroy(&geo->lock);
    free(geo->path);
    free(geo);
}

/* Reading the file ---------------------------------------------------------------------------- */

static int copy_bytes(int to, int from, off_t size, const char *path, struct tr_error *error)
{
    for (off_t left = size; left > 0;) {
        ssize_t sent = sendfile(to, from, NULL, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES);
        if (sent <= 0)
            return tr_error_set(error, -EIO, "could not read %s: %s", path,
                                sent < 0 ? strerror(errno) : "it has become shorter");
        left -= sent;
    }
    return 0;
}

/* A file without a name; the caller closes it. */
static int copy_file(const char *path, off_t size, int *copy_out, struct tr_error *error)
{
    if (size > size_max)
        return tr_error_set(error, -EFBIG, "%s is larger than 512 MiB", path);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = memfd_create("geoip", MFD_CLOEXEC);
    int result = from < 0 || to < 0
                     ? tr_error_set(error, -errno, "could not open %s: %s", path, strerror(errno))
                     : copy_bytes(to, from, size, path, error);
    if (from >= 0)
        close(from);
    if (result == 0)
        *copy_out = to;
    else if (to >= 0)
        close(to);
    return result;
}

static int open_database(const char *path, off_t size, MMDB_s *database_out, struct tr_error *error)
{
    int copy = -1;
    int result = copy_file(path, size, &copy, error);
    if (result < 0)
        return result;
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", copy);
    int status = MMDB_open(name, MMDB_MODE_MMAP, database_out);
    close(copy);
    if (status == MMDB_SUCCESS)
        return 0;
    tr_error_set(error, -EBADMSG, "%s: %s", path, MMDB_strerror(status));
    return tr_error_hint(error, "Expected a database of countries in MaxMind's format (.mmdb).");
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void swap(struct tr_geo *geo, const MMDB_s *database)
{
    pthread_rwlock_wrlock(&geo->lock);
    MMDB_s old = geo->database;
    bool was_open = geo->open;
    geo->database = *database;
    geo->open = true;
    pthread_rwlock_unlock(&geo->lock);
    if (was_open)
        MMDB_close(&old);
}

int tr_geo_refresh(struct tr_geo *geo, struct tr_error *error)
{
    struct stat now = {.st_size = 0};
    int failed = stat(geo->path, &now) < 0 ? errno : 0;
    if (is_same(&now, &geo->seen))
        return 0;
    geo->seen = now;
    if (failed != 0)
        return tr_error_set(error, -failed, "could not read %s: %s", geo->path, strerror(failed));
    MMDB_s database;
    int result = open_database(geo->path, now.st_size, &database, error);
    if (result < 0)
        return result;
    swap(geo, &database);
    return TR_GEO_READ;
}

int64_t tr_geo_built_s(struct tr_geo *geo)
{
    pthread_rwlock_rdlock(&geo->lock);
    int64_t built_s = geo->open ? (int64_t)geo->database.metadata.build_epoch : 0;
    pthread_rwlock_unlock(&geo->lock);
    return built_s;
}

/* Asking -------------------------------------------------------------------------------------- */

static bool to_sockaddr(struct tr_slice address, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    if (address.size == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;
        v4->sin_family = AF_INET;
        memcpy(&v4->sin_addr, address.data, 4);
    } else if (address.size == 16) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
        v6->sin6_family = AF_INET6;
        memcpy(&v6->sin6_addr, address.data, 16);
    }
    return out->ss_family != AF_UNSPEC;
}

static bool read_code(MMDB_entry_s *entry, const char *const *path, char country_out[3])
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
        data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
        return false;
    for (int i = 0; i < 2; i++) {
        char c = data.utf8_string[i];
        country_out[i] = (char)(c >= 'a' && c <= 'z' ? c & ~0x20 : c);
        if (country_out[i] < 'A' || country_out[i] > 'Z')
            return false;
    }
    country_out[2] = '\0';
    return true;
}

/* Where the publishers of such databases put it. */
static bool read_country(MMDB_entry_s *entry, char country_out[3])
{
    static const char *const nested[] = {"country", "iso_code", NULL};
    static const char *const code[] = {"country_code", NULL};
    static const char *const plain[] = {"country", NULL};
    return read_code(entry, nested, country_out) || read_code(entry, code, country_out) ||
           read_code(entry, plain, country_out);
}

bool tr_geo_country(struct tr_geo *geo, struct tr_slice address, char country_out[3])
{
    struct sockaddr_storage asked;
    if (!to_sockaddr(address, &asked))
        return false;
    bool found = false;
    pthread_rwlock_rdlock(&geo->lock);
    if (geo->open) {
        int problem = 0;
        MMDB_lookup_result_s result =
            MMDB_lookup_sockaddr(&geo->database, (struct sockaddr *)&asked, &problem);
        found = problem == MMDB_SUCCESS && result.found_entry &&
                read_country(&result.entry, country_out);
    }
    pthread_rwlock_unlock(&geo->lock);
    return found;
}
