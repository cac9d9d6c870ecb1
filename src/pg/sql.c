/* SPDX-License-Identifier: MIT */
/* The embedded SQL by name, and fragments of it. */
#include "pg_priv.h"
#include "traction/embed.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_name(const void *key, const void *entry)
{
    return strcmp(key, ((const struct tr_embedded *)entry)->name);
}

const char *tr_pg_sql(const char *name)
{
    char path[128];
    int length = snprintf(path, sizeof path, "%s.sql", name);
    if (length < 0 || (size_t)length >= sizeof path)
        abort();
    const struct tr_embedded *found =
        bsearch(path, tr_sql_files, tr_sql_files_count, sizeof *tr_sql_files, compare_name);
    if (found == NULL)
        abort();
    return found->text;
}

/* Cut out once and kept for ever: there are as many as the sources have. */
struct fragment {
    struct fragment *next;
    const char *file; /* the embedded text: its address is its identity */
    char *name;
    char *text;
};

static struct fragment *fragments;
static pthread_mutex_t fragments_lock = PTHREAD_MUTEX_INITIALIZER;

static const char marker[] = "-- fragment: ";

/* The line after the marker of this name, or NULL. */
static const char *find_start(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(text, marker); at != NULL; at = strstr(at, marker)) {
        at += sizeof marker - 1;
        if (strncmp(at, name, length) == 0 && at[length] == '\n')
            return at + length + 1;
    }
    return NULL;
}

static const char *find_cached(const char *text, const char *name)
{
    for (struct fragment *fragment = fragments; fragment != NULL; fragment = fragment->next)
        if (fragment->file == text && strcmp(fragment->name, name) == 0)
            return fragment->text;
    return NULL;
}

const char *tr_pg_sql_fragment(const char *file, const char *name)
{
    const char *text = tr_pg_sql(file);
    pthread_mutex_lock(&fragments_lock);
    const char *found = find_cached(text, name);
    const char *start = found == NULL ? find_start(text, name) : NULL;
    if (start != NULL) {
        const char *end = strstr(start, marker);
        struct fragment *fragment = tr_malloc(sizeof *fragment);
        *fragment = (struct fragment){
            .next = fragments,
            .file = text,
            .name = tr_strdup(name),
            .text = tr_strndup(start, end != NULL ? (size_t)(end - start) : strlen(start)),
        };
        fragments = fragment;
        found = fragment->text;
    }
    pthread_mutex_unlock(&fragments_lock);
    return found;
}
