/* SPDX-License-Identifier: MIT */
/* traction doctor: the spool's folder and disk, and the libraries. */
#include "doctor_priv.h"

#include "traction/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOURS_NOTE = 6, LIBPQ_LEAST = 150019 };

#define GIB (1024.0 * 1024 * 1024)

static uint64_t size_of_files(const char *path)
{
    uint64_t total = 0;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return 0;
    struct stat status;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode))
            total += (uint64_t)status.st_size;
    closedir(folder);
    return total;
}

static void report_space(struct tr_doctor *doctor, const struct tr_spool_options *spool,
                         uint64_t free_bytes, uint64_t total_bytes)
{
    double reserve = spool->free_fraction * (double)total_bytes;
    if (reserve < (double)spool->free_bytes)
        reserve = (double)spool->free_bytes;
    double room = (double)free_bytes - reserve;
    if (room > (double)spool->limit_bytes)
        room = (double)spool->limit_bytes;
    if (room <= 0) {
        tr_doctor_find(doctor, TR_FINDING_BAD, "disk",
                       "Make room; events are refused with status 503 until then.",
                       "%.1f GiB free on the spool's disk, %.1f GiB have to stay free",
                       (double)free_bytes / GIB, reserve / GIB);
        return;
    }
    if (doctor->bytes_per_second <= 0) {
        tr_doctor_find(doctor, TR_FINDING_GOOD, "disk", "", "room for %.1f GiB of events",
                       room / GIB);
        return;
    }
    double hours = room / doctor->bytes_per_second / 3600;
    bool few = hours < HOURS_NOTE;
    tr_doctor_find(doctor, few ? TR_FINDING_NOTE : TR_FINDING_GOOD, "disk",
                   few ? "Make room, or raise spool.limit." : "",
                   "room for %.1f GiB of events: %.0f hours without PostgreSQL at the rate of the "
                   "last hour",
                   room / GIB, hours);
}

void tr_doctor_spool(struct tr_doctor *doctor, const struct tr_config *config)
{
    const char *path = config->spool.directory;
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    struct tr_error error = TR_ERROR_INIT;
    if (access(path, F_OK) < 0) {
        tr_doctor_find(doctor, TR_FINDING_NOTE, "spool", "The first start of the server makes it.",
                       "%s does not exist here", path);
        return;
    }
    if (access(path, R_OK | W_OK | X_OK) < 0) {
        tr_doctor_find(doctor, TR_FINDING_BAD, "spool", "Give it to the user that runs traction.",
                       "%s: %s", path, strerror(errno));
        return;
    }
    tr_doctor_find(doctor, TR_FINDING_GOOD, "spool", "", "%s holds %.2f GiB", path,
                   (double)size_of_files(path) / GIB);
    if (tr_file_free_space(path, &free_bytes, &total_bytes, &error) < 0)
        tr_doctor_find(doctor, TR_FINDING_BAD, "disk", error.hint, "%s", error.message);
    else
        report_space(doctor, &config->spool, free_bytes, total_bytes);
}

/* Debian mends old versions in place, so the number alone does not tell. False: not Debian. */
static bool debian_version(const char *package, char *out, size_t size)
{
    char command[128];
    snprintf(command, sizeof command, "dpkg-query -W -f '${Version}' %s 2>/dev/null", package);
    FILE *pipe = popen(command, "re");
    if (pipe == NULL)
        return false;
    bool found = fgets(out, (int)size, pipe) != NULL;
    return pclose(pipe) == 0 && found;
}

void tr_doctor_libraries(struct tr_doctor *doctor)
{
    int pq = tr_pg_library_version();
    bool old_pq = pq < LIBPQ_LEAST && pq / 10000 == 15;
    char debian[64] = "";
    bool old_event = event_get_version_number() < 0x02010c00;
    /* The last one without Debian's security update of 2026. */
    if (debian_version("libevent-core-2.1-7", debian, sizeof debian))
        old_event = old_event || strcmp(debian, "2.1.12-stable-8") == 0;
    tr_doctor_find(doctor, old_event ? TR_FINDING_BAD : TR_FINDING_GOOD, "libevent",
                   old_event ? "Run: apt-get upgrade" : "", "%s",
                   debian[0] != '\0' ? debian : event_get_version());
    tr_doctor_find(doctor, old_pq ? TR_FINDING_BAD : TR_FINDING_GOOD, "libpq",
                   old_pq ? "Run: apt-get upgrade" : "", "%d.%d", pq / 10000, pq % 10000);
}
