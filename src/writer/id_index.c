/* SPDX-License-Identifier: MIT */
/*
 * The ids of the dedupe window. Digests are uniform, so their bytes serve as hashes:
 *
 *   active       an open-addressing table of at most GENERATION_IDS digests; all zero is "empty"
 *                (an id whose digest is all zero would be 2^128 tries away)
 *   generations  older ones: the digests sorted in a file that was unlinked when it was made, and a
 *                split-block Bloom filter (Putze, Sanders, Singler 2009; 256-bit blocks, one bit in
 *                each of eight words) of FILTER_BITS_PER_ID bits an id. A lookup touches the file
 *                only when the filter says maybe, and then reads about one page of it.
 *
 * So memory is GENERATION_IDS × 32 bytes, and 1.5 bytes for each older id.
 */
#include "writer_priv.h"

#include "traction/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DIGEST_BYTES = 16,
    GENERATION_IDS = 1 << 19,
    TABLE_SLOTS_FIRST = 1 << 12,
    FILTER_BITS_PER_ID = 12,
    FILTER_BLOCK_WORDS = 8,
    PAGE_IDS = 256,
};

struct generation {
    struct generation *next; /* older */
    int fd;
    size_t count;
    int64_t received_to_us;
    uint32_t *filter;
    size_t filter_blocks;
};

struct id_index {
    char *directory;
    uint8_t (*table)[DIGEST_BYTES];
    size_t slots; /* a power of two */
    size_t count;
    size_t limit; /* of count, before the table is sealed */
    int64_t received_to_us;
    struct generation *generations;
};

static uint64_t head_of(const uint8_t *digest)
{
    uint64_t head = 0;
    for (int i = 0; i < 8; i++)
        head = head << 8 | digest[i];
    return head;
}

static uint64_t tail_of(const uint8_t *digest)
{
    uint64_t tail;
    memcpy(&tail, digest + 8, sizeof tail);
    return tail;
}

struct id_index *tr_id_index_new(const char *directory)
{
    struct id_index *index = tr_calloc(1, sizeof *index);
    index->directory = tr_strdup(directory);
    tr_id_index_clear(index);
    return index;
}

static void free_generation(struct generation *generation)
{
    close(generation->fd);
    free(generation->filter);
    free(generation);
}

void tr_id_index_clear(struct id_index *index)
{
    tr_id_index_expire(index, INT64_MAX);
    free(index->table);
    index->slots = TABLE_SLOTS_FIRST;
    index->table = tr_calloc(index->slots, DIGEST_BYTES);
    index->count = 0;
    index->limit = GENERATION_IDS;
    index->received_to_us = INT64_MIN;
}

void tr_id_index_free(struct id_index *index)
{
    if (index == NULL)
        return;
    tr_id_index_expire(index, INT64_MAX);
    free(index->table);
    free(index->directory);
    free(index);
}

void tr_id_index_expire(struct id_index *index, int64_t before_us)
{
    struct generation **link = &index->generations;
    while (*link != NULL) {
        struct generation *generation = *link;
        if (generation->received_to_us < before_us) {
            *link = generation->next;
            free_generation(generation);
        } else {
            link = &generation->next;
        }
    }
}

/* The slot of the digest, or the empty one where it belongs. */
static uint8_t *find_slot(uint8_t (*table)[DIGEST_BYTES], size_t slots, const uint8_t *digest)
{
    static const uint8_t empty[DIGEST_BYTES];
    size_t slot = tail_of(digest) & (slots - 1);
    while (memcmp(table[slot], digest, DIGEST_BYTES) != 0 &&
           memcmp(table[slot], empty, DIGEST_BYTES) != 0)
        slot = (slot + 1) & (slots - 1);
    return table[slot];
}

static bool is_empty(const uint8_t *slot)
{
    static const uint8_t empty[DIGEST_BYTES];
    return memcmp(slot, empty, DIGEST_BYTES) == 0;
}

static void grow(struct id_index *index)
{
    size_t slots = index->slots * 2;
    uint8_t(*table)[DIGEST_BYTES] = tr_calloc(slots, DIGEST_BYTES);
    for (size_t i = 0; i < index->slots; i++)
        if (!is_empty(index->table[i]))
            memcpy(find_slot(table, slots, index->table[i]), index->table[i], DIGEST_BYTES);
    free(index->table);
    index->table = table;
    index->slots = slots;
}

/* The filter
 * ------------------------------------------------------------------------------------------ */

/* Odd constants of the split-block filter as Apache Parquet specifies it. */
static const uint32_t salts[FILTER_BLOCK_WORDS] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                                   0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

static uint32_t *filter_block(const struct generation *generation, uint64_t hash)
{
    uint64_t block = (hash >> 32) * generation->filter_blocks >> 32;
    return generation->filter + block * FILTER_BLOCK_WORDS;
}

static void filter_add(struct generation *generation, uint64_t hash)
{
    uint32_t *words = filter_block(generation, hash);
    for (int i = 0; i < FILTER_BLOCK_WORDS; i++)
        words[i] |= UINT32_C(1) << ((uint32_t)hash * salts[i] >> 27);
}

static bool filter_maybe(const struct generation *generation, uint64_t hash)
{
    const uint32_t *words = filter_block(generation, hash);
    uint32_t missing = 0;
    for (int i = 0; i < FILTER_BLOCK_WORDS; i++)
        missing |= ~words[i] & UINT32_C(1) << ((uint32_t)hash * salts[i] >> 27);
    return missing == 0;
}

/* Generations
 * ------------------------------------------------------------------------------------------ */

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, DIGEST_BYTES);
}

/* Moves the digests to the front of the table, sorted. */
static void sort_table(struct id_index *index)
{
    size_t count = 0;
    for (size_t i = 0; i < index->slots; i++)
        if (!is_empty(index->table[i]))
            memmove(index->table[count++], index->table[i], DIGEST_BYTES);
    qsort(index->table, count, DIGEST_BYTES, compare_digests);
}

static int open_unnamed(const char *directory, struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *path = tr_printf("%s/ids-XXXXXX", directory);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return tr_error_set(error, -errno, "could not create a file in %s: %s", directory,
                            strerror(errno));
    unlink(path);
    return fd;
}

static void seal(struct id_index *index, int fd)
{
    sort_table(index);
    if (tr_file_write(fd, index->table, index->count * DIGEST_BYTES, 0, "the known ids", NULL) < 0)
        abort(); /* the space was reserved; forgetting ids would count events twice */
    struct generation *generation = tr_calloc(1, sizeof *generation);
    *generation = (struct generation){
        .next = index->generations,
        .fd = fd,
        .count = index->count,
        .received_to_us = index->received_to_us,
        .filter_blocks = index->count * FILTER_BITS_PER_ID / ((size_t)32 * FILTER_BLOCK_WORDS) + 1,
    };
    generation->filter =
        tr_calloc(generation->filter_blocks * FILTER_BLOCK_WORDS, sizeof(uint32_t));
    for (size_t i = 0; i < index->count; i++)
        filter_add(generation, tail_of(index->table[i]));
    index->generations = generation;
    memset(index->table, 0, index->slots * DIGEST_BYTES);
    index->count = 0;
    index->received_to_us = INT64_MIN;
    index->limit = GENERATION_IDS;
}

/* Without room on the disk the table goes on growing, and the next limit tries again. */
static void seal_or_grow(struct id_index *index)
{
    int fd = open_unnamed(index->directory, NULL);
    if (fd < 0 || posix_fallocate(fd, 0, (off_t)(index->count * DIGEST_BYTES)) != 0) {
        if (fd >= 0)
            close(fd);
        index->limit += GENERATION_IDS;
        return;
    }
    seal(index, fd);
}

void tr_id_index_add(struct id_index *index, const uint8_t *digests, size_t count,
                     int64_t received_to_us)
{
    for (size_t i = 0; i < count; i++) {
        if (index->count >= index->limit)
            seal_or_grow(index);
        if (index->count * 2 >= index->slots)
            grow(index);
        uint8_t *slot = find_slot(index->table, index->slots, digests + i * DIGEST_BYTES);
        index->count += is_empty(slot);
        memcpy(slot, digests + i * DIGEST_BYTES, DIGEST_BYTES);
        if (received_to_us > index->received_to_us)
            index->received_to_us = received_to_us;
    }
}

/* Interpolation search: digests are uniform, so the first guess is off by about sqrt(count). */
static int find_in_file(const struct generation *generation, const uint8_t *digest,
                        struct tr_error *error)
{
    uint8_t page[PAGE_IDS][DIGEST_BYTES];
    size_t low = 0;
    size_t high = generation->count; /* the digest can only be in [low, high) */
    size_t guess = (size_t)((double)head_of(digest) / 18446744073709551616.0 * (double)high);
    while (low < high) {
        size_t first = guess > PAGE_IDS / 2 ? guess - PAGE_IDS / 2 : 0;
        if (first < low)
            first = low;
        if (first >= high)
            first = high - 1;
        size_t ids = high - first < PAGE_IDS ? high - first : PAGE_IDS;
        size_t got = 0;
        int result = tr_file_read(generation->fd, page, ids * DIGEST_BYTES, first * DIGEST_BYTES,
                                  &got, "the known ids", error);
        if (result < 0)
            return result;
        if (got != ids * DIGEST_BYTES)
            return tr_error_set(error, -EIO, "the file of known ids is too short");
        if (memcmp(digest, page[0], DIGEST_BYTES) < 0) {
            high = first;
            guess = first > PAGE_IDS / 2 ? first - PAGE_IDS / 2 : 0;
        } else if (memcmp(digest, page[ids - 1], DIGEST_BYTES) > 0) {
            low = first + ids;
            guess = low + PAGE_IDS / 2;
        } else {
            return bsearch(digest, page, ids, DIGEST_BYTES, compare_digests) != NULL;
        }
    }
    return 0;
}

int tr_id_index_contains(struct id_index *index, const uint8_t digest[16], struct tr_error *error)
{
    if (!is_empty(find_slot(index->table, index->slots, digest)))
        return 1;
    for (struct generation *generation = index->generations; generation != NULL;
         generation = generation->next) {
        if (!filter_maybe(generation, tail_of(digest)))
            continue;
        int found = find_in_file(generation, digest, error);
        if (found != 0)
            return found;
    }
    return 0;
}
