/* SPDX-License-Identifier: MIT */
/*
 * A list of blocks, newest first; the newest is carved from the front. Blocks double from 4 KiB to
 * 64 KiB; a request larger than that gets a block of its own.
 */
#include "traction/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_FIRST = 4096, BLOCK_LARGEST = 65536, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t size; /* of data */
    size_t used;
    _Alignas(ALIGNMENT) char data[];
};

struct tr_arena {
    struct block *blocks;
    size_t max_bytes;
    size_t used;
};

struct tr_arena *tr_arena_new(size_t max_bytes)
{
    struct tr_arena *arena = tr_calloc(1, sizeof *arena);
    arena->max_bytes = max_bytes;
    return arena;
}

static void free_blocks(struct block *block)
{
    while (block != NULL) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

void tr_arena_free(struct tr_arena *arena)
{
    if (arena == NULL)
        return;
    free_blocks(arena->blocks);
    free(arena);
}

static struct block *add_block(struct tr_arena *arena, size_t size)
{
    size_t wanted = arena->blocks != NULL ? arena->blocks->size * 2 : BLOCK_FIRST;
    if (wanted > BLOCK_LARGEST)
        wanted = BLOCK_LARGEST;
    if (wanted < size)
        wanted = size;
    struct block *block = tr_malloc(sizeof *block + wanted);
    block->size = wanted;
    block->used = 0;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *tr_arena_alloc(struct tr_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT)
        abort();
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (size > arena->max_bytes - arena->used)
        abort();
    arena->used += size;
    struct block *block = arena->blocks;
    if (block == NULL || block->size - block->used < size)
        block = add_block(arena, size);
    void *pointer = block->data + block->used;
    block->used += size;
    return pointer;
}

void *tr_arena_calloc(struct tr_arena *arena, size_t size)
{
    return memset(tr_arena_alloc(arena, size), 0, size);
}

char *tr_arena_strndup(struct tr_arena *arena, const char *data, size_t size)
{
    char *text = tr_arena_alloc(arena, size + 1);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

struct tr_slice tr_arena_dup(struct tr_arena *arena, struct tr_slice slice)
{
    if (slice.data == NULL)
        return slice;
    return tr_slice(tr_arena_strndup(arena, slice.data, slice.size), slice.size);
}

char *tr_arena_printf(struct tr_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        abort();
    char *copy = tr_arena_strndup(arena, text, (size_t)length);
    free(text);
    return copy;
}

size_t tr_arena_used(const struct tr_arena *arena)
{
    return arena->used;
}

void tr_arena_reset(struct tr_arena *arena)
{
    arena->used = 0;
    struct block *keep = arena->blocks;
    if (keep == NULL)
        return;
    free_blocks(keep->next);
    keep->next = NULL;
    keep->used = 0;
    if (keep->size > BLOCK_LARGEST) {
        free(keep);
        arena->blocks = NULL;
    }
}
