/* SPDX-License-Identifier: MIT */
/* PostgreSQL refuses to run as root: who it runs as instead, and the folders that are theirs. */
#include "cluster_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int tr_identity_find(const char *run_as, struct tr_identity *who_out, struct tr_error *error)
{
    if (geteuid() != 0) {
        *who_out = (struct tr_identity){.drop = false, .uid = geteuid(), .gid = getegid()};
        return 0;
    }
    const char *names[] = {run_as, run_as == NULL ? "postgres" : NULL,
                           run_as == NULL ? "nobody" : NULL};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct passwd *user = names[i] != NULL ? getpwnam(names[i]) : NULL;
        if (user == NULL || user->pw_uid == 0)
            continue;
        *who_out = (struct tr_identity){.drop = true, .uid = user->pw_uid, .gid = user->pw_gid};
        return 0;
    }
    tr_error_set(error, -ENOENT, "PostgreSQL does not run as root and there is no user %s",
                 run_as != NULL ? run_as : "postgres or nobody");
    return tr_error_hint(error, "Run: adduser --system postgres");
}

/* What root made and did not yet give away, because it was killed in between, is given away now. */
static int give_to(const struct tr_identity *who, int fd, const char *path, struct tr_error *error)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return tr_error_set(error, -errno, "could not look at %s: %s", path, strerror(errno));
    if (status.st_uid == who->uid)
        return 0;
    if (who->drop && status.st_uid == 0 && fchown(fd, who->uid, who->gid) == 0)
        return 0;
    tr_error_set(error, -EPERM, "%s belongs to user id %d, not to the one PostgreSQL runs as, %d",
                 path, (int)status.st_uid, (int)who->uid);
    return tr_error_hint(error, "Run as the user who made the folder, or use another folder.");
}

int tr_identity_open_directory(const struct tr_identity *who, const char *path, int *fd_out,
                               struct tr_error *error)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return tr_error_set(error, -errno, "could not create folder %s: %s", path, strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return tr_error_set(error, -errno, "could not open folder %s: %s", path, strerror(errno));
    int result = give_to(who, fd, path, error);
    if (result < 0)
        close(fd);
    else
        *fd_out = fd;
    return result;
}
