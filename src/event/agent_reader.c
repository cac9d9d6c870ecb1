/* SPDX-License-Identifier: MIT */
/*
 * The memory in front of the rules: most requests come from a few hundred User-Agents. A table of
 * sets, each with a few places; the place of a set that was not asked for longest is given to what
 * is new. One thread's own, so there is no lock.
 */
#include "user_agent_priv.h"

#include "traction/base/hash.h"

#include <stdlib.h>

enum { SETS = 256, PLACES = 4, FIELDS = 4, HINT_BYTES_MAX = 256 };

struct known {
    uint32_t hash;
    uint32_t asked; /* when; 0: the place is free */
    uint16_t sizes[FIELDS];
    char *texts; /* of the fields, one behind the other */
    struct tr_agent agent;
};

struct tr_agent_reader {
    struct tr_agent_matcher *matcher;
    uint32_t now; /* counts questions; wrapping only makes a wrong choice of whom to forget */
    struct known *sets[SETS]; /* PLACES each; NULL: nothing yet */
};

static struct tr_slice cut(struct tr_slice text, size_t max)
{
    return tr_slice(text.data, text.size < max ? text.size : max);
}

static bool is_of(const struct known *known, uint32_t hash, const struct tr_slice fields[FIELDS])
{
    const char *at = known->texts;
    if (known->asked == 0 || known->hash != hash)
        return false;
    for (int i = 0; i < FIELDS; at += known->sizes[i++])
        if (!tr_slice_equal(tr_slice(at, known->sizes[i]), fields[i]))
            return false;
    return true;
}

static void note(struct known *known, uint32_t hash, const struct tr_slice fields[FIELDS])
{
    size_t size = 1;
    for (int i = 0; i < FIELDS; i++)
        size += fields[i].size;
    char *at = known->texts = tr_realloc(known->texts, size);
    known->hash = hash;
    for (int i = 0; i < FIELDS; at += known->sizes[i++]) {
        known->sizes[i] = (uint16_t)fields[i].size;
        if (fields[i].size > 0)
            memcpy(at, fields[i].data, fields[i].size);
    }
}

/* Where it is, else where it may go. */
static struct known *find_place(struct tr_agent_reader *reader, uint32_t hash,
                                const struct tr_slice fields[FIELDS])
{
    struct known **set = &reader->sets[hash % SETS];
    if (*set == NULL)
        *set = tr_calloc(PLACES, sizeof **set);
    struct known *oldest = *set;
    for (int i = 0; i < PLACES; i++) {
        struct known *known = &(*set)[i];
        if (is_of(known, hash, fields))
            return known;
        if (known->asked < oldest->asked)
            oldest = known;
    }
    oldest->asked = 0;
    return oldest;
}

const struct tr_agent *tr_agent_read(struct tr_agent_reader *reader,
                                     const struct tr_agent_fields *fields)
{
    struct tr_slice texts[FIELDS] = {
        cut(fields->user_agent, TR_AGENT_BYTES_MAX),
        cut(fields->brands, HINT_BYTES_MAX),
        cut(fields->mobile, HINT_BYTES_MAX),
        cut(fields->platform, HINT_BYTES_MAX),
    };
    uint32_t hash = 0;
    for (int i = 0; i < FIELDS; i++)
        hash = tr_crc32c(hash, texts[i].data, texts[i].size);
    struct known *known = find_place(reader, hash, texts);
    if (known->asked == 0) {
        note(known, hash, texts);
        tr_agent_match(reader->matcher, texts[0], &known->agent);
        tr_agent_refine(&known->agent, fields);
    }
    if (++reader->now == 0)
        reader->now = 1;
    known->asked = reader->now;
    return &known->agent;
}

struct tr_agent_reader *tr_agent_reader_new(struct tr_agent_rules *rules)
{
    struct tr_agent_reader *reader = tr_calloc(1, sizeof *reader);
    reader->matcher = tr_agent_matcher_new(rules);
    return reader;
}

void tr_agent_reader_free(struct tr_agent_reader *reader)
{
    if (reader == NULL)
        return;
    for (int i = 0; i < SETS; i++) {
        for (int j = 0; reader->sets[i] != NULL && j < PLACES; j++)
            free(reader->sets[i][j].texts);
        free(reader->sets[i]);
    }
    tr_agent_matcher_free(reader->matcher);
    free(reader);
}
