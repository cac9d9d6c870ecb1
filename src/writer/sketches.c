/* SPDX-License-Identifier: MIT */
/*
 * Distributions of durations. Under the lock of the head, the stored sketches that the batch
 * touches are read, merged with the batch's values and written back whole.
 */
#include "writer_priv.h"

#include "traction/base/sketch.h"

#include <stdlib.h>
#include <string.h>

#include "table.h"

enum { KEY_MAX_BYTES = 512, SKETCH_MAX_BYTES = 32768 };

struct sample {
    struct sample *next;
    int index;
};

struct distribution {
    struct table_entry entry;
    int32_t project_id;
    const char *metric;
    char grain;
    int64_t bucket_us;
    struct tr_slice key;
    int64_t n;
    int64_t total_us;
    struct sample *samples;
    struct tr_slice stored; /* as read; absent: new */
    char packed[];
};

struct sketches {
    struct tr_arena *arena;
    struct table table;
    int sign;
};

static struct distribution *first_of(const struct sketches *all)
{
    return (struct distribution *)all->table.first;
}

static struct distribution *next_of(const struct distribution *at)
{
    return at->entry.hh.next;
}

static void add_one(struct sketches *all, const struct item *item, const char *metric, char grain,
                    struct tr_slice key)
{
    char packed[KEY_MAX_BYTES];
    int64_t bucket_us = grain == 'q' ? tr_quarter(item->record.timestamp_us) : item->day_start_us;
    size_t size = key.size < KEY_MAX_BYTES - 32 ? key.size : KEY_MAX_BYTES - 32;
    memcpy(packed, &bucket_us, 8);
    memcpy(packed + 8, &metric, sizeof metric);
    memcpy(packed + 16, &item->record.project_id, 4);
    packed[20] = grain;
    memcpy(packed + 21, key.data, size);
    struct distribution *found = tr_table_find(&all->table, packed, size + 21);
    if (found == NULL) {
        found = tr_arena_calloc(all->arena, sizeof *found + size + 21);
        found->project_id = item->record.project_id;
        found->metric = metric;
        found->grain = grain;
        found->bucket_us = bucket_us;
        found->key = key;
        memcpy(found->packed, packed, size + 21);
        tr_table_add(&all->table, &found->entry, found->packed, size + 21);
    }
    struct sample *sample = tr_arena_alloc(all->arena, sizeof *sample);
    *sample = (struct sample){found->samples, tr_sketch_index(item->record.value)};
    found->samples = sample;
    found->n++;
    found->total_us += item->value_us;
}

static void add_item(struct sketches *all, const struct item *item)
{
    static const char request[] = "request";
    static const char page_load[] = "page_load";
    static const char vital[] = "vital";
    for (const char *grain = "qd"; item->vital != NULL && *grain != '\0'; grain++)
        add_one(all, item, vital, *grain, tr_slice_of(item->vital->name));
    bool is_request = item->standard == STANDARD_API_REQUEST;
    if (!is_request && item->standard != STANDARD_PAGE_LOAD)
        return;
    const char *metric = is_request ? request : page_load;
    for (const char *grain = "qd"; *grain != '\0'; grain++) {
        add_one(all, item, metric, *grain, TR_SLICE(""));
        if (is_request && item->record.route.size > 0)
            add_one(all, item, metric, *grain, item->record.route);
    }
}

static void bind_keys(struct tr_pg_params *params, const struct sketches *all)
{
    const struct distribution *at = NULL;
    tr_pg_params_clear(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (at = first_of(all); at != NULL; at = next_of(at))
        tr_pg_array_int(params, at->project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_TEXT);
    for (at = first_of(all); at != NULL; at = next_of(at))
        tr_pg_array_bytes(params, at->metric, strlen(at->metric));
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_CHAR);
    for (at = first_of(all); at != NULL; at = next_of(at))
        tr_pg_array_int(params, at->grain);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_TIMESTAMPTZ);
    for (at = first_of(all); at != NULL; at = next_of(at))
        tr_pg_array_int(params, at->bucket_us);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_TEXT);
    for (at = first_of(all); at != NULL; at = next_of(at))
        tr_pg_array_bytes(params, at->key.data, at->key.size);
    tr_pg_array_end(params);
}

static int read_stored(struct sketches *all, struct landing *landing, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *result = NULL;
    bind_keys(landing->params, all);
    int code = tr_pg_query(landing->pg, tr_pg_sql("queries/writer/get_sketches"), landing->params,
                           &result, error);
    if (code < 0)
        return code;
    size_t count = tr_table_count(&all->table);
    struct distribution **by_place =
        tr_arena_alloc(all->arena, count * sizeof(struct distribution *));
    size_t place = 0;
    for (struct distribution *at = first_of(all); at != NULL; at = next_of(at))
        by_place[place++] = at;
    for (int row = 0; row < tr_pg_rows(result); row++)
        by_place[tr_pg_get_int(result, row, 0) - 1]->stored =
            tr_arena_dup(all->arena, tr_pg_get_bytes(result, row, 1));
    return 0;
}

static int bind_merged(struct sketches *all, struct tr_pg_params *params, struct tr_error *error)
{
    struct tr_buf encoded;
    tr_buf_init(&encoded, SKETCH_MAX_BYTES);
    TR_CLEANUP(tr_freep) struct tr_sketch *sketch = tr_malloc(sizeof *sketch);
    int result = 0;
    tr_pg_array_begin(params, TR_PG_BYTEA);
    for (const struct distribution *at = first_of(all); at != NULL && result == 0;
         at = next_of(at)) {
        tr_sketch_init(sketch);
        if (at->stored.data != NULL)
            result = tr_sketch_merge(sketch, at->stored, error);
        for (const struct sample *sample = at->samples; sample != NULL; sample = sample->next)
            tr_sketch_add(sketch, sample->index, all->sign);
        tr_buf_clear(&encoded, SKETCH_MAX_BYTES);
        tr_sketch_encode(sketch, &encoded);
        tr_pg_array_bytes(params, encoded.data, encoded.size);
    }
    tr_pg_array_end(params);
    tr_buf_fini(&encoded);
    return result;
}

static int write_merged(struct sketches *all, struct landing *landing, struct tr_error *error)
{
    struct tr_pg_params *params = landing->params;
    bind_keys(params, all);
    const struct distribution *at = NULL;
    tr_pg_array_begin(params, TR_PG_INT8);
    for (at = first_of(all); at != NULL; at = next_of(at))
        tr_pg_array_int(params, all->sign * at->n);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_INT8);
    for (at = first_of(all); at != NULL; at = next_of(at))
        tr_pg_array_int(params, all->sign * at->total_us);
    tr_pg_array_end(params);
    int result = bind_merged(all, params, error);
    if (result == 0)
        result =
            tr_pg_query(landing->pg, tr_pg_sql("queries/writer/put_sketches"), params, NULL, error);
    return result;
}

struct sketches *tr_sketches_gather(const struct landing *landing)
{
    struct sketches *all = tr_arena_calloc(landing->arena, sizeof *all);
    all->arena = landing->arena;
    all->table.arena = landing->arena;
    all->sign = 1;
    for (size_t i = 0; i < landing->count; i++)
        if (tr_item_counts(&landing->items[i]) && landing->items[i].value_us >= 0)
            add_item(all, &landing->items[i]);
    return all;
}

void tr_sketches_negate(struct sketches *all)
{
    all->sign = -1;
}

int tr_sketches_store(struct sketches *all, struct landing *landing, struct tr_error *error)
{
    if (all->table.first == NULL)
        return 0;
    int result = read_stored(all, landing, error);
    if (result == 0)
        result = write_merged(all, landing, error);
    return result;
}
