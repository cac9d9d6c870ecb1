/* SPDX-License-Identifier: MIT */
#include "traction/base/log.h"

#include "traction/base/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static _Atomic int current_level = TR_LOG_INFO;

void tr_log_set_level(enum tr_log_level level)
{
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

int tr_log_level_parse(const char *name)
{
    for (int i = 0; i <= TR_LOG_DEBUG; i++)
        if (strcmp(name, level_names[i]) == 0)
            return i;
    return -1;
}

void tr_log(enum tr_log_level level, const char *format, ...)
{
    if ((int)level > atomic_load_explicit(&current_level, memory_order_relaxed))
        return;
    int64_t now_us = tr_clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char line[LINE_MAX_BYTES];
    size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
    used += (size_t)snprintf(line + used, sizeof line - used, ".%03dZ %s ",
                             (int)(now_us / 1000 % 1000), level_names[level]);
    va_list args;
    va_start(args, format);
    int wrote = vsnprintf(line + used, sizeof line - used - 1, format, args);
    va_end(args);
    size_t end = used + (wrote > 0 ? (size_t)wrote : 0);
    if (end > sizeof line - 2)
        end = sizeof line - 2;
    for (size_t i = used; i < end; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[end] = '\n';
    /* One write, so that lines of several threads do not mix; nothing to do if it fails. */
    if (write(STDERR_FILENO, line, end + 1) < 0)
        return;
}
