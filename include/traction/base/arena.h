/* SPDX-License-Identifier: MIT */
/*
 * An arena owns many small allocations that die together: one per request, one per batch. It is
 * born with its maximum; asking beyond that aborts, so size it for the largest legal input.
 * One thread at a time.
 */
#pragma once

#include "traction/base/alloc.h"
#include "traction/base/slice.h"

struct tr_arena;

/* max_bytes bounds the sum of everything handed out. Nothing is allocated until the first use. */
struct tr_arena *tr_arena_new(size_t max_bytes);
void tr_arena_free(struct tr_arena *arena);
TR_DEFINE_CLEANUP(struct tr_arena, tr_arena_free)

/* 16-byte aligned, not zeroed; valid until tr_arena_reset() or tr_arena_free(). */
void *tr_arena_alloc(struct tr_arena *arena, size_t size) __attribute__((returns_nonnull));
void *tr_arena_calloc(struct tr_arena *arena, size_t size) __attribute__((returns_nonnull));
/* A terminated copy. */
char *tr_arena_strndup(struct tr_arena *arena, const char *data, size_t size);
struct tr_slice tr_arena_dup(struct tr_arena *arena, struct tr_slice slice);
char *tr_arena_printf(struct tr_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far. */
size_t tr_arena_used(const struct tr_arena *arena);

/* Forgets everything, keeping at most one block of 64 KiB for the next user. */
void tr_arena_reset(struct tr_arena *arena);
