/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL's processes: starting one with fewer rights, waiting, and ending those that a killed
 * parent left behind.
 *
 * A PostgreSQL process of a data folder is one named "postgres" whose working directory is that
 * folder. That is exact where postmaster.pid is not: the pid there may be stale or taken by
 * another process, and backends that outlive their postmaster are not in it at all.
 */
#include "cluster_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long an orphan gets for each way of asking. */
enum { FAST_MS = 20000, IMMEDIATE_MS = 5000, KILL_MS = 5000, ORPHANS_MAX = 1024 };

/* Between fork and exec: only calls that are safe there, nothing is allocated. */
static void become(const struct tr_identity *who, const char *const *argv, const int *keep,
                   int output, pid_t parent)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC",
                                              "HOME=/", NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    int null = open("/dev/null", O_RDONLY);
    if (setsid() < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 || chdir("/") < 0)
        _exit(126);
    for (; *keep >= 0; keep++)
        if (fcntl(*keep, F_SETFD, 0) < 0)
            _exit(126);
    if (who->drop && (setgroups(1, &who->gid) < 0 || setgid(who->gid) < 0 || setuid(who->uid) < 0))
        _exit(126);
    /* A fast shutdown when the parent dies. Later than setuid(), which clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGINT) < 0 || getppid() != parent)
        _exit(126);
    execve(argv[0], (char *const *)argv, (char *const *)environment);
    _exit(127);
}

int tr_process_spawn(const struct tr_identity *who, const char *const *argv, const int *keep,
                     int output, pid_t *pid_out, struct tr_error *error)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return tr_error_set(error, -errno, "could not start %s: %s", argv[0], strerror(errno));
    if (pid == 0)
        become(who, argv, keep, output, parent);
    *pid_out = pid;
    return 0;
}

bool tr_process_wait_gone(pid_t pid, int timeout_ms)
{
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return errno == ESRCH;
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int count;
    do
        count = poll(&waiting, 1, timeout_ms);
    while (count < 0 && errno == EINTR);
    close(fd);
    return count > 0;
}

static bool is_named_postgres(int proc, pid_t pid)
{
    char path[64];
    char name[32] = "";
    snprintf(path, sizeof path, "%d/comm", (int)pid);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, name, sizeof name - 1);
    close(fd);
    return size > 0 && strcmp(name, "postgres\n") == 0;
}

static bool works_in(int proc, pid_t pid, const struct stat *folder)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "%d/cwd", (int)pid);
    return fstatat(proc, path, &status, 0) == 0 && status.st_dev == folder->st_dev &&
           status.st_ino == folder->st_ino;
}

static size_t list_processes(const struct stat *folder, pid_t *pids, size_t max)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return 0;
    for (struct dirent *entry; count < max && (entry = readdir(proc)) != NULL;) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && works_in(dirfd(proc), pid, folder) && is_named_postgres(dirfd(proc), pid))
            pids[count++] = pid;
    }
    closedir(proc);
    return count;
}

static pid_t postmaster_pid(int data_fd)
{
    char text[32] = "";
    int fd = openat(data_fd, "postmaster.pid", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return size > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* A running postmaster takes its children with it, and its shared memory. */
static void end_postmaster(int data_fd, const pid_t *pids, size_t count)
{
    pid_t postmaster = postmaster_pid(data_fd);
    for (size_t i = 0; i < count; i++) {
        if (pids[i] != postmaster)
            continue;
        kill(postmaster, SIGCONT);
        kill(postmaster, SIGINT);
        if (tr_process_wait_gone(postmaster, FAST_MS))
            return;
        kill(postmaster, SIGQUIT);
        tr_process_wait_gone(postmaster, IMMEDIATE_MS);
    }
}

int tr_process_end_orphans(int data_fd, struct tr_error *error)
{
    struct stat folder;
    if (fstat(data_fd, &folder) < 0)
        return tr_error_set(error, -errno, "could not look at the data folder: %s",
                            strerror(errno));
    pid_t pids[ORPHANS_MAX];
    size_t count = list_processes(&folder, pids, ORPHANS_MAX);
    end_postmaster(data_fd, pids, count);

    /* What is left has no postmaster. A backend may be anywhere in its work: nothing it has not
     * committed counts, and recovery follows. */
    count = list_processes(&folder, pids, ORPHANS_MAX);
    for (size_t i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    for (size_t i = 0; i < count; i++)
        if (!tr_process_wait_gone(pids[i], KILL_MS))
            return tr_error_set(error, -EBUSY, "process %d of an earlier PostgreSQL does not end",
                                (int)pids[i]);
    return 0;
}
