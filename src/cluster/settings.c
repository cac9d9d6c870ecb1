/* SPDX-License-Identifier: MIT */
/* PostgreSQL's settings, fit for one machine that it shares with the program that feeds it. */
#include "cluster_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 128, SYNCFS_SINCE = 14 };
#define MIB (1024ULL * 1024)

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static uint64_t limit_in(const char *path)
{
    char text[64] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return UINT64_MAX;
    char *line = fgets(text, sizeof text, file);
    fclose(file);
    uint64_t bytes = line != NULL ? strtoull(text, NULL, 10) : 0;
    return bytes > 0 ? bytes : UINT64_MAX; /* "max" is no limit */
}

/* What the machine has, or the container may use. */
uint64_t tr_settings_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t memory =
        pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 1024 * MIB;
    const char *const limits[] = {"/sys/fs/cgroup/memory.max",
                                  "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint64_t limit = limit_in(limits[i]);
        memory = limit < memory ? limit : memory;
    }
    return memory;
}

struct arguments {
    const char *list[ARGUMENTS_MAX];
    size_t count;
};

static void add(struct arguments *arguments, char *text)
{
    if (arguments->count == ARGUMENTS_MAX - 1)
        abort(); /* settings come from code, never from outside */
    arguments->list[arguments->count++] = text;
}

static void set(struct arguments *arguments, const char *setting)
{
    add(arguments, tr_strdup("-c"));
    add(arguments, tr_strdup(setting));
}

static void set_size(struct arguments *arguments, const char *name, uint64_t bytes)
{
    add(arguments, tr_strdup("-c"));
    add(arguments, tr_printf("%s=%lluMB", name, (unsigned long long)(bytes / MIB)));
}

static const char *const fixed[] = {
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "port=5432",
    "cluster_name=traction",
    "max_connections=50",
    /* Durability as PostgreSQL means it. */
    "fsync=on",
    "synchronous_commit=on",
    /* What was written since the last checkpoint is what a start after a crash has to repeat. Yet
     * each checkpoint makes the next write of a page a full page of WAL. */
    "checkpoint_timeout=5min",
    "wal_compression=off",
    /* Rollup rows are updated many times a second; their dead versions have to go soon. */
    "autovacuum_naptime=15s",
    "autovacuum_vacuum_scale_factor=0.05",
    "autovacuum_max_workers=2",
    /* Questions take milliseconds; compiling them takes longer. */
    "jit=off",
    "random_page_cost=1.1",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "log_destination=stderr",
    "log_checkpoints=off",
    "log_min_messages=warning",
    "log_line_prefix=%m [%p] ",
};

const char **tr_settings_new(const char *program, const char *data, const char *sockets,
                             const struct tr_machine *machine, const char *const *extra)
{
    uint64_t memory_bytes = machine->memory_bytes;
    uint64_t disk_bytes = machine->disk_bytes;
    struct arguments arguments = {.count = 0};
    add(&arguments, tr_strdup(program));
    add(&arguments, tr_strdup("-D"));
    add(&arguments, tr_strdup(data));
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        set(&arguments, fixed[i]);
    add(&arguments, tr_strdup("-c"));
    add(&arguments, tr_printf("unix_socket_directories=%s", sockets));
    set_size(&arguments, "shared_buffers", clamp(memory_bytes / 4, 32 * MIB, 2048 * MIB));
    set_size(&arguments, "effective_cache_size", clamp(memory_bytes / 2, 64 * MIB, 1ULL << 40));
    set_size(&arguments, "work_mem", clamp(memory_bytes / 512, 4 * MIB, 32 * MIB));
    set_size(&arguments, "maintenance_work_mem", clamp(memory_bytes / 16, 64 * MIB, 512 * MIB));
    set_size(&arguments, "max_wal_size", clamp(disk_bytes / 10, 256 * MIB, 1024 * MIB));
    set_size(&arguments, "min_wal_size", clamp(disk_bytes / 40, 80 * MIB, 1024 * MIB));
    /* After a crash PostgreSQL flushes its files one by one, a thousand of them, or all at once. */
    if (machine->version >= SYNCFS_SINCE)
        set(&arguments, "recovery_init_sync_method=syncfs");
    for (size_t i = 0; extra != NULL && extra[i] != NULL; i++)
        set(&arguments, extra[i]);
    const char **argv = tr_calloc(arguments.count + 1, sizeof *argv);
    memcpy(argv, arguments.list, arguments.count * sizeof *argv);
    return argv;
}

void tr_settings_free(const char **argv)
{
    for (size_t i = 0; argv != NULL && argv[i] != NULL; i++)
        free((char *)argv[i]);
    free(argv);
}
