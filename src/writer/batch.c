/* SPDX-License-Identifier: MIT */
/* Reading batches, one ahead of the one that lands. */
#include "writer_loop.h"

#include <stdlib.h>

enum { READ_MAX_BYTES = 24 << 20 };
static const size_t arena_bytes = (size_t)64 << 20;

void tr_batches_init(struct tr_writer *writer)
{
    for (int i = 0; i < 2; i++) {
        struct batch *batch = &writer->batches[i];
        batch->records = tr_calloc(writer->options.batch_events, sizeof *batch->records);
        batch->items = tr_calloc(writer->options.batch_events, sizeof *batch->items);
        batch->arena = tr_arena_new(arena_bytes);
        tr_buf_init(&batch->payloads, SIZE_MAX);
    }
    writer->batch = &writer->batches[0];
}

void tr_batches_fini(struct tr_writer *writer)
{
    for (int i = 0; i < 2; i++) {
        free(writer->batches[i].records);
        free(writer->batches[i].items);
        tr_arena_free(writer->batches[i].arena);
        tr_buf_fini(&writer->batches[i].payloads);
    }
}

static struct batch *other(struct tr_writer *writer)
{
    return writer->batch == &writer->batches[0] ? &writer->batches[1] : &writer->batches[0];
}

/* A helper's task: fills the batch that does not land. */
static int read_other(void *context, struct tr_error *error)
{
    struct tr_writer *writer = context;
    struct batch *batch = other(writer);
    tr_arena_reset(batch->arena);
    int result =
        tr_spool_reader_read(writer->reader, &batch->payloads, batch->records,
                             writer->options.batch_events, READ_MAX_BYTES, &batch->count, error);
    for (size_t i = 0; result == 0 && i < batch->count; i++)
        tr_item_prepare(&batch->items[i], &batch->records[i], batch->arena);
    return result;
}

int tr_batches_next(struct tr_writer *writer, struct tr_error *error)
{
    int result =
        writer->prefetching ? tr_helper_finish(writer->prefetch, error) : read_other(writer, error);
    writer->prefetching = false;
    writer->batch = other(writer);
    return result;
}

void tr_batches_prefetch(struct tr_writer *writer)
{
    writer->prefetching = true;
    tr_helper_start(writer->prefetch, read_other, writer);
}

void tr_batches_abandon(struct tr_writer *writer)
{
    struct tr_error ignored = TR_ERROR_INIT;
    if (writer->prefetching)
        tr_helper_finish(writer->prefetch, &ignored); /* it will be read again */
    writer->prefetching = false;
}
