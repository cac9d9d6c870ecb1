/* SPDX-License-Identifier: MIT */
/*
 * Memory. Running out of it aborts: clients cannot cause it, because every buffer, queue, table
 * and batch has a maximum, and an abort is a crash, which the spool survives. So none of these
 * returns NULL. tr_alloc_install() makes libevent and jansson follow the same rule.
 */
#pragma once

#include <stddef.h>

void *tr_malloc(size_t size) __attribute__((malloc, returns_nonnull));
void *tr_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *tr_realloc(void *pointer, size_t size) __attribute__((returns_nonnull));
char *tr_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *tr_strndup(const char *text, size_t size) __attribute__((malloc, returns_nonnull));
char *tr_printf(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* Before any thread and any use of libevent or jansson. */
void tr_alloc_install(void);

/* An owning local: TR_CLEANUP(tr_x_freep) struct tr_x *x = NULL; handed over by *out = TR_TAKE(x).
 */
#define TR_CLEANUP(function) __attribute__((cleanup(function)))
#define TR_TAKE(pointer)                           \
    __extension__({                                \
        __typeof__(pointer) tr_taken_ = (pointer); \
        (pointer) = NULL;                          \
        tr_taken_;                                 \
    })

/* Defines tr_x_freep(struct tr_x **), the cleanup function that goes with tr_x_free(). */
#define TR_DEFINE_CLEANUP(type, free_function)          \
    static inline void free_function##p(type **pointer) \
    {                                                   \
        if (*pointer != NULL)                           \
            free_function(*pointer);                    \
    }

/* TR_CLEANUP(tr_freep) for what tr_malloc() and friends made. */
void tr_freep(void *pointer_to_pointer);
