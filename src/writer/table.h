/* SPDX-License-Identifier: MIT */
/* A hash table of entries by their bytes: uthash behind functions, because its macros unfold to
 * hundreds of branches wherever they stand. */
#pragma once

#include "traction/base/arena.h"

#include <uthash.h>

/* The first member of whatever is kept; the key's bytes live as long as the entry. */
struct table_entry {
    UT_hash_handle hh;
};

struct table {
    struct table_entry *first; /* in the order they were added: entry->hh.next */
    struct tr_arena *arena;    /* of the table's own memory; NULL: the heap */
};

void *tr_table_find(const struct table *table, const void *key, size_t size);
/* The key must not be in the table. */
void tr_table_add(struct table *table, struct table_entry *entry, const void *key, size_t size);
size_t tr_table_count(const struct table *table);
/* Forgets the entries, which stay the caller's. */
void tr_table_clear(struct table *table);
