/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <stdlib.h>

/* Running out of memory aborts in the allocators; `table` is in scope wherever uthash asks. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(size) allocate(table, size)
#define uthash_free(pointer, size) release(table, pointer)

static void *allocate(const struct table *table, size_t size)
{
    return table->arena != NULL ? tr_arena_alloc(table->arena, size) : tr_malloc(size);
}

static void release(const struct table *table, void *pointer)
{
    if (table->arena == NULL)
        free(pointer);
}

void *tr_table_find(const struct table *table, const void *key, size_t size)
{
    struct table_entry *found = NULL;
    HASH_FIND(hh, table->first, key, size, found);
    return found;
}

void tr_table_add(struct table *table, struct table_entry *entry, const void *key, size_t size)
{
    HASH_ADD_KEYPTR(hh, table->first, key, size, entry);
}

size_t tr_table_count(const struct table *table)
{
    return HASH_COUNT(table->first);
}

void tr_table_clear(struct table *table)
{
    if (table->arena == NULL)
        HASH_CLEAR(hh, table->first);
    table->first = NULL;
}
