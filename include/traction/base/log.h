/* SPDX-License-Identifier: MIT */
/*
 * One line per fact on stderr: time, level, text. Any thread. Only edges log: a command, a request
 * handler, a thread's top function. Control bytes in the text are escaped.
 */
#pragma once

enum tr_log_level { TR_LOG_ERROR, TR_LOG_WARNING, TR_LOG_INFO, TR_LOG_DEBUG };

void tr_log(enum tr_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Any thread, at any time. Default TR_LOG_INFO. */
void tr_log_set_level(enum tr_log_level level);
/* "error", "warning", "info", "debug"; -1 for anything else. */
int tr_log_level_parse(const char *name);
