/* SPDX-License-Identifier: MIT */
#include "traction/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tr_error_set(struct tr_error *error, int code, const char *format, ...)
{
    if (error == NULL)
        return code;
    error->code = code;
    error->hint[0] = '\0';
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return code;
}

int tr_error_hint(struct tr_error *error, const char *format, ...)
{
    if (error == NULL)
        return -EIO; /* it failed, whoever cares to know why */
    va_list args;
    va_start(args, format);
    vsnprintf(error->hint, sizeof error->hint, format, args);
    va_end(args);
    return error->code;
}

int tr_error_prefix(struct tr_error *error, const char *format, ...)
{
    if (error == NULL)
        return -EIO; /* it failed, whoever cares to know why */
    char context[sizeof error->message];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    char old[sizeof error->message];
    memcpy(old, error->message, sizeof old);
    snprintf(error->message, sizeof error->message, "%.200s: %.300s", context, old);
    return error->code;
}
