/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without a fuzzer: over each file of its corpus, then over mutations of them
 * from a seeded generator, so that it is an ordinary, repeatable test. A crash says which input it
 * was: file and number of the mutation.
 *
 *   fuzz_x CORPUS [MUTATIONS_PER_FILE [SEED]]
 */
#include "traction/base/alloc.h"
#include "traction/base/file.h"

#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, GROWTH_MAX = 4096, MUTATIONS = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char current[4096 + 64]; /* the input being run, for on_crash() */

static void on_crash(int signal_number)
{
    ssize_t ignored = write(STDERR_FILENO, current, strlen(current));
    (void)ignored;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* xorshift64*, Vigna 2016. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* One small change in place; data has room for GROWTH_MAX bytes more. */
static size_t mutate(uint8_t *data, size_t size, size_t capacity, uint64_t *state)
{
    static const char *const words[] = {"\r\n", "\n",   "\r", "\0", ":",       ",", ";",   "\"",
                                        "0",    "ffff", "{",  "[",  "chunked", "%", "\\u", "\x80"};
    size_t at = size > 0 ? next_random(state) % size : 0;
    size_t length = size > 0 ? next_random(state) % (size - at < 64 ? size - at : 64) : 0;
    const char *word = words[next_random(state) % (sizeof words / sizeof *words)];
    size_t word_size = *word != '\0' ? strlen(word) : 1;
    switch (next_random(state) % 5) {
    case 0: /* flip a bit */
        if (size > 0)
            data[at] ^= (uint8_t)(1u << next_random(state) % 8);
        return size;
    case 1: /* cut a stretch out */
        memmove(data + at, data + at + length, size - at - length);
        return size - length;
    case 2: /* say a stretch twice */
        if (size + length > capacity)
            return size;
        memmove(data + at + length, data + at, size - at);
        return size + length;
    case 3: /* put a word in */
        if (size + word_size > capacity)
            return size;
        memmove(data + at + word_size, data + at, size - at);
        memcpy(data + at, word, word_size);
        return size + word_size;
    default: /* end early */
        return at;
    }
}

/* In memory of exactly its size, so that reading beyond is noticed. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = tr_malloc(size + (size == 0));
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static int replay(const char *path, int mutations, uint64_t seed)
{
    struct tr_error error = TR_ERROR_INIT;
    char *data = NULL;
    size_t size;
    if (tr_file_read_all(path, FILE_MAX, &data, &size, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    snprintf(current, sizeof current, "%s\n", path);
    run((const uint8_t *)data, size);
    uint8_t *mutant = tr_malloc(size + GROWTH_MAX);
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + size + 1;
    for (int i = 0; i < mutations; i++) {
        snprintf(current, sizeof current, "%s, mutation %d, seed %llu\n", path, i,
                 (unsigned long long)seed);
        memcpy(mutant, data, size);
        size_t mutant_size = size;
        for (uint64_t changes = 1 + next_random(&state) % 4; changes > 0; changes--)
            mutant_size = mutate(mutant, mutant_size, size + GROWTH_MAX, &state);
        run(mutant, mutant_size);
    }
    free(mutant);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s CORPUS [MUTATIONS_PER_FILE [SEED]]\n", argv[0]);
        return 2;
    }
    int mutations = argc > 2 ? atoi(argv[2]) : MUTATIONS;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    DIR *folder = opendir(argv[1]);
    if (folder == NULL) {
        perror(argv[1]);
        return 1;
    }
    int files = 0;
    int failed = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        failed |= replay(path, mutations, seed);
        files++;
    }
    closedir(folder);
    printf("%d files, %d mutations of each\n", files, mutations);
    return failed || files == 0;
}
