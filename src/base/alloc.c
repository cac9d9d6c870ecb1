/* SPDX-License-Identifier: MIT */
#include "traction/base/alloc.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *pointer)
{
    if (pointer == NULL)
        abort();
    return pointer;
}

void *tr_malloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *tr_calloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *tr_realloc(void *pointer, size_t size)
{
    return checked(realloc(pointer, size ? size : 1));
}

char *tr_strdup(const char *text)
{
    return checked(strdup(text));
}

char *tr_strndup(const char *text, size_t size)
{
    return checked(strndup(text, size));
}

char *tr_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return checked(length < 0 ? NULL : text);
}

void tr_alloc_install(void)
{
    event_set_mem_functions(tr_malloc, tr_realloc, free);
    json_set_alloc_funcs(tr_malloc, free);
}

void tr_freep(void *pointer_to_pointer)
{
    void **pointer = pointer_to_pointer;
    free(*pointer);
}
