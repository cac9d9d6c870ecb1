/* SPDX-License-Identifier: MIT */
/*
 * The life of a private PostgreSQL. Below its folder:
 *
 *   lock           held by the program that owns the cluster
 *   data/          PostgreSQL's own; made as data.new and renamed when it is whole and flushed
 *   socket/        the unix socket; or
 *   socket-folder  the name of a folder elsewhere, when the path would be too long for a socket
 *   postgres.log   what PostgreSQL says; .1 is the part before
 *
 * data/ and socket/ are handed to PostgreSQL as open descriptors, /proc/self/fd/N: so it reaches
 * them even below folders that its user may not enter, such as /root.
 *
 * States: launched (pid > 0) and ended (pid = 0); only launch() and note_end() change it.
 */
#include "traction/cluster.h"

#include "cluster_priv.h"
#include "traction/base/clock.h"
#include "traction/base/file.h"
#include "traction/pg.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    READY_MS = 600000, /* recovery after a crash may have gigabytes to read */
    READY_POLL_MS = 5,
    STOP_FAST_MS = 6000,
    STOP_IMMEDIATE_MS = 1000,
    LOG_BYTES = 10 << 20,
    TREE_DEPTH_MAX = 16,
};

#define SOCKET_NAME ".s.PGSQL.5432"

struct tr_cluster {
    struct tr_identity who;
    char *directory;
    char *sockets; /* folder of the socket, as clients name it */
    bool sockets_elsewhere;
    char *url;
    const char **argv;
    int lock_fd;
    int data_fd;
    int sockets_fd;
    int log_fd;
    pid_t pid;
};

static char *path_in(const struct tr_cluster *cluster, const char *name)
{
    return tr_printf("%s/%s", cluster->directory, name);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The log ------------------------------------------------------------------------------------- */

static int open_log(struct tr_cluster *cluster, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *path = path_in(cluster, "postgres.log");
    cluster->log_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (cluster->log_fd < 0)
        return tr_error_set(error, -errno, "could not open %s: %s", path, strerror(errno));
    return 0;
}

/* PostgreSQL keeps the file open, so it is emptied in place, which appending permits. */
static void bound_log(struct tr_cluster *cluster)
{
    struct stat status;
    if (fstat(cluster->log_fd, &status) < 0 || status.st_size < LOG_BYTES)
        return;
    TR_CLEANUP(tr_freep) char *path = path_in(cluster, "postgres.log");
    TR_CLEANUP(tr_freep) char *older = path_in(cluster, "postgres.log.1");
    TR_CLEANUP(tr_freep) char *text = NULL;
    size_t size;
    if (tr_file_read_all(path, (size_t)2 * LOG_BYTES, &text, &size, NULL) == 0)
        tr_file_replace(older, text, size, 0640, NULL);
    /* Nothing to do if it fails: the next turn tries again. */
    if (ftruncate(cluster->log_fd, 0) < 0)
        return;
}

/* The last line that says why, for the error message. */
static int fail_with_log(struct tr_cluster *cluster, off_t since, const char *what,
                         struct tr_error *error)
{
    char text[4096];
    struct stat status;
    off_t from = since;
    if (fstat(cluster->log_fd, &status) == 0 && status.st_size - since >= (off_t)sizeof text)
        from = status.st_size - (off_t)sizeof text + 1;
    ssize_t size = pread(cluster->log_fd, text, sizeof text - 1, from);
    text[size > 0 ? size : 0] = '\0';
    static const char *const marks[] = {"PANIC:", "FATAL:", "error:", "ERROR:"};
    const char *line = NULL;
    for (size_t i = 0; line == NULL && i < sizeof marks / sizeof marks[0]; i++)
        if ((line = strstr(text, marks[i])) != NULL)
            line += strlen(marks[i]);
    while (line != NULL && *line == ' ')
        line++;
    tr_error_set(error, -EIO, "%s%s%.*s", what, line != NULL ? ": " : "",
                 line != NULL ? (int)strcspn(line, "\n") : 0, line != NULL ? line : "");
    return tr_error_hint(error, "%s/postgres.log says more.", cluster->directory);
}

static off_t log_size(const struct tr_cluster *cluster)
{
    struct stat status;
    return fstat(cluster->log_fd, &status) == 0 ? status.st_size : 0;
}

/* The data ------------------------------------------------------------------------------------ */

/* Never follows a link: the tree belongs to another user. */
static void remove_tree(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 && depth > 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        close_fd(&fd);
        unlinkat(parent, name, 0);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_tree(dirfd(folder), entry->d_name, depth - 1);
    closedir(folder);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static int run_initdb(struct tr_cluster *cluster, int data_fd, const char *programs,
                      struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *program = tr_printf("%s/initdb", programs);
    TR_CLEANUP(tr_freep) char *data = tr_printf("/proc/self/fd/%d", data_fd);
    /* Texts sort by code point, which is quick and the same on every machine. */
    const char *const argv[] = {program,
                                "-D",
                                data,
                                "--username=traction",
                                "--auth=trust",
                                "--encoding=UTF8",
                                "--locale=C",
                                "--lc-ctype=C.UTF-8",
                                "--no-sync",
                                "--no-instructions",
                                NULL};
    const int keep[] = {data_fd, -1};
    off_t since = log_size(cluster);
    pid_t pid;
    int status;
    int result = tr_process_spawn(&cluster->who, argv, keep, cluster->log_fd, &pid, error);
    if (result < 0)
        return result;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return tr_error_set(error, -errno, "lost sight of initdb: %s", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail_with_log(cluster, since, "could not initialise PostgreSQL's data", error);
    if (syncfs(data_fd) < 0)
        return tr_error_set(error, -errno, "could not flush %s: %s", cluster->directory,
                            strerror(errno));
    return 0;
}

/* Whole or not at all: a kill in between leaves data.new, which the next start removes. */
static int initialise(struct tr_cluster *cluster, const char *programs, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *data = path_in(cluster, "data");
    TR_CLEANUP(tr_freep) char *fresh = path_in(cluster, "data.new");
    remove_tree(AT_FDCWD, fresh, TREE_DEPTH_MAX);
    int fd;
    int result = tr_identity_open_directory(&cluster->who, fresh, &fd, error);
    if (result < 0)
        return result;
    result = run_initdb(cluster, fd, programs, error);
    close(fd);
    if (result == 0 && rename(fresh, data) < 0)
        result = tr_error_set(error, -errno, "could not rename %s: %s", fresh, strerror(errno));
    if (result == 0)
        result = tr_file_sync_directory(cluster->directory, error);
    return result;
}

/* The major version of existing data; NULL when there is none yet. */
static int read_version(const struct tr_cluster *cluster, char **version_out,
                        struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *data = path_in(cluster, "data");
    TR_CLEANUP(tr_freep) char *path = path_in(cluster, "data/PG_VERSION");
    *version_out = NULL;
    if (access(data, F_OK) < 0)
        return 0;
    size_t size;
    if (tr_file_read_all(path, 64, version_out, &size, NULL) < 0) {
        tr_error_set(error, -EINVAL, "%s exists and is not a PostgreSQL data folder", data);
        return tr_error_hint(error, "Move it away, or use another folder.");
    }
    (*version_out)[strcspn(*version_out, "\n")] = '\0';
    return 0;
}

static int major_version(const struct tr_cluster *cluster)
{
    TR_CLEANUP(tr_freep) char *version = NULL;
    bool known = read_version(cluster, &version, NULL) == 0 && version != NULL;
    return known ? (int)strtol(version, NULL, 10) : 0;
}

static int open_data(struct tr_cluster *cluster, char **programs_out, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *version = NULL;
    TR_CLEANUP(tr_freep) char *programs = NULL;
    int result = read_version(cluster, &version, error);
    if (result == 0)
        result = tr_programs_find(version, &programs, error);
    if (result == 0 && version == NULL)
        result = initialise(cluster, programs, error);
    if (result < 0)
        return result;
    TR_CLEANUP(tr_freep) char *data = path_in(cluster, "data");
    result = tr_identity_open_directory(&cluster->who, data, &cluster->data_fd, error);
    if (result == 0)
        *programs_out = TR_TAKE(programs);
    return result;
}

/* The socket ---------------------------------------------------------------------------------- */

/* The folder made by an earlier start, if it is still ours alone. */
static bool reuse_elsewhere(struct tr_cluster *cluster, const char *record)
{
    char *path = NULL;
    size_t size;
    struct stat status;
    if (tr_file_read_all(record, 100, &path, &size, NULL) < 0)
        return false;
    if (path[0] == '/' && lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
        (status.st_mode & 077) == 0 && status.st_uid == cluster->who.uid) {
        cluster->sockets = path;
        return true;
    }
    free(path);
    return false;
}

static int make_elsewhere(struct tr_cluster *cluster, const char *record, struct tr_error *error)
{
    char path[] = "/tmp/traction-XXXXXX";
    if (mkdtemp(path) == NULL)
        return tr_error_set(error, -errno, "could not create a folder in /tmp: %s",
                            strerror(errno));
    cluster->sockets = tr_strdup(path);
    if (cluster->who.drop && chown(path, cluster->who.uid, cluster->who.gid) < 0)
        return tr_error_set(error, -errno, "could not give away %s: %s", path, strerror(errno));
    return tr_file_replace(record, path, strlen(path), 0600, error);
}

static int open_sockets(struct tr_cluster *cluster, struct tr_error *error)
{
    struct sockaddr_un address;
    char *inside = path_in(cluster, "socket");
    if (strlen(inside) + strlen("/" SOCKET_NAME) < sizeof address.sun_path) {
        cluster->sockets = inside;
    } else {
        free(inside);
        TR_CLEANUP(tr_freep) char *record = path_in(cluster, "socket-folder");
        cluster->sockets_elsewhere = true;
        int result = reuse_elsewhere(cluster, record) ? 0 : make_elsewhere(cluster, record, error);
        if (result < 0)
            return result;
    }
    return tr_identity_open_directory(&cluster->who, cluster->sockets, &cluster->sockets_fd, error);
}

static char *make_url(const struct tr_cluster *cluster, const char *database)
{
    struct tr_buf host;
    tr_buf_init(&host, 4096);
    for (const char *c = cluster->sockets; *c != '\0'; c++)
        if (isalnum((unsigned char)*c) || strchr("-._~/", *c) != NULL)
            tr_buf_append_u8(&host, (uint8_t)*c);
        else
            tr_buf_printf(&host, "%%%02X", (unsigned char)*c);
    /* Nothing in it means anything to a shell. */
    char *url =
        tr_printf("postgresql://traction@:5432/%s?host=%.*s", database, (int)host.size, host.data);
    tr_buf_fini(&host);
    return url;
}

/* The process --------------------------------------------------------------------------------- */

static bool note_end(struct tr_cluster *cluster)
{
    int status;
    if (cluster->pid > 0 && waitpid(cluster->pid, &status, WNOHANG) == cluster->pid)
        cluster->pid = 0;
    return cluster->pid == 0;
}

/* The postmaster writes its state as the eighth line of postmaster.pid. */
static bool says_ready(const struct tr_cluster *cluster)
{
    char text[4096];
    int fd = openat(cluster->data_fd, "postmaster.pid", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    text[size > 0 ? size : 0] = '\0';
    if (strtol(text, NULL, 10) != cluster->pid)
        return false;
    const char *line = text;
    for (int i = 1; i < 8 && line != NULL; i++)
        if ((line = strchr(line, '\n')) != NULL)
            line++;
    return line != NULL && strncmp(line, "ready", 5) == 0;
}

static int wait_ready(struct tr_cluster *cluster, off_t since, struct tr_error *error)
{
    int64_t deadline_us = tr_clock_mono_us() + (int64_t)READY_MS * 1000;
    while (!says_ready(cluster)) {
        tr_process_wait_gone(cluster->pid, READY_POLL_MS);
        if (note_end(cluster))
            return fail_with_log(cluster, since, "PostgreSQL did not start", error);
        if (tr_clock_mono_us() > deadline_us)
            return fail_with_log(cluster, since, "PostgreSQL is not ready after ten minutes",
                                 error);
    }
    return 0;
}

/* What a killed postmaster leaves; nobody works in the folder any more. */
static void remove_stale_files(struct tr_cluster *cluster)
{
    unlinkat(cluster->data_fd, "postmaster.pid", 0);
    unlinkat(cluster->sockets_fd, SOCKET_NAME, 0);
    unlinkat(cluster->sockets_fd, SOCKET_NAME ".lock", 0);
}

static int launch(struct tr_cluster *cluster, struct tr_error *error)
{
    int result = tr_process_end_orphans(cluster->data_fd, error);
    if (result < 0)
        return result;
    remove_stale_files(cluster);
    const int keep[] = {cluster->data_fd, cluster->sockets_fd, -1};
    return tr_process_spawn(&cluster->who, cluster->argv, keep, cluster->log_fd, &cluster->pid,
                            error);
}

static void make_command(struct tr_cluster *cluster, const char *programs, const char *const *extra)
{
    TR_CLEANUP(tr_freep) char *program = tr_printf("%s/postgres", programs);
    TR_CLEANUP(tr_freep) char *data = tr_printf("/proc/self/fd/%d", cluster->data_fd);
    TR_CLEANUP(tr_freep) char *sockets = tr_printf("/proc/self/fd/%d", cluster->sockets_fd);
    uint64_t free_bytes = 0;
    uint64_t disk_bytes = 0;
    tr_file_free_space(cluster->directory, &free_bytes, &disk_bytes, NULL);
    const struct tr_machine machine = {tr_settings_memory(), free_bytes, major_version(cluster)};
    cluster->argv = tr_settings_new(program, data, sockets, &machine, extra);
}

static int name_database(struct tr_cluster *cluster, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *url = make_url(cluster, "template1");
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *found = NULL;
    struct tr_pg_options options = {.url = url, .application = "traction cluster"};
    int result = tr_pg_connect(&pg, &options, error);
    if (result == 0)
        result = tr_pg_query(pg, tr_pg_sql("queries/admin/database_exists"), NULL, &found, error);
    if (result == 0 && tr_pg_rows(found) == 0)
        result = tr_pg_execute(pg, tr_pg_sql("queries/admin/name_database"), error);
    return result;
}

static int lock_directory(struct tr_cluster *cluster, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *path = path_in(cluster, "lock");
    int result = tr_file_make_directory(cluster->directory, 0755, error);
    if (result == 0)
        result = tr_file_lock(path, &cluster->lock_fd, error);
    if (result != TR_FILE_LOCKED)
        return result;
    tr_error_set(error, -EBUSY, "the PostgreSQL in %s is in use by another traction",
                 cluster->directory);
    return tr_error_hint(error, "Stop the other one first, or use another folder.");
}

static int start(struct tr_cluster *cluster, const struct tr_cluster_options *options,
                 struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *programs = NULL;
    int result = lock_directory(cluster, error);
    if (result == 0)
        result = tr_identity_find(options->run_as, &cluster->who, error);
    if (result == 0)
        result = open_log(cluster, error);
    if (result == 0)
        result = open_data(cluster, &programs, error);
    if (result == 0)
        result = open_sockets(cluster, error);
    if (result < 0)
        return result;
    cluster->url = make_url(cluster, "traction");
    make_command(cluster, programs, options->settings);
    off_t since = log_size(cluster);
    result = launch(cluster, error);
    if (result == 0)
        result = wait_ready(cluster, since, error);
    return result < 0 ? result : name_database(cluster, error);
}

int tr_cluster_start(struct tr_cluster **cluster_out, const struct tr_cluster_options *options,
                     struct tr_error *error)
{
    struct tr_cluster *cluster = tr_calloc(1, sizeof *cluster);
    cluster->directory = tr_strdup(options->directory);
    cluster->lock_fd = cluster->data_fd = cluster->sockets_fd = cluster->log_fd = -1;
    int result = start(cluster, options, error);
    if (result < 0)
        tr_cluster_stop(cluster);
    else
        *cluster_out = cluster;
    return result;
}

const char *tr_cluster_url(const struct tr_cluster *cluster)
{
    return cluster->url;
}

pid_t tr_cluster_pid(const struct tr_cluster *cluster)
{
    return cluster->pid;
}

bool tr_cluster_has_exited(struct tr_cluster *cluster)
{
    bound_log(cluster);
    return note_end(cluster);
}

int tr_cluster_restart(struct tr_cluster *cluster, struct tr_error *error)
{
    return note_end(cluster) ? launch(cluster, error) : 0;
}

bool tr_cluster_is_ready(struct tr_cluster *cluster)
{
    return !note_end(cluster) && says_ready(cluster);
}

static void stop_process(struct tr_cluster *cluster)
{
    static const struct {
        int signal;
        int wait_ms;
    } steps[] = {{SIGINT, STOP_FAST_MS}, {SIGQUIT, STOP_IMMEDIATE_MS}, {SIGKILL, -1}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && !note_end(cluster); i++) {
        kill(cluster->pid, steps[i].signal);
        kill(cluster->pid, SIGCONT); /* one that was stopped could not act on it */
        tr_process_wait_gone(cluster->pid, steps[i].wait_ms);
    }
    note_end(cluster);
}

void tr_cluster_stop(struct tr_cluster *cluster)
{
    if (cluster == NULL)
        return;
    stop_process(cluster);
    if (cluster->sockets_elsewhere && cluster->sockets != NULL)
        rmdir(cluster->sockets);
    close_fd(&cluster->sockets_fd);
    close_fd(&cluster->data_fd);
    close_fd(&cluster->log_fd);
    close_fd(&cluster->lock_fd);
    tr_settings_free(cluster->argv);
    free(cluster->url);
    free(cluster->sockets);
    free(cluster->directory);
    free(cluster);
}
