/* SPDX-License-Identifier: MIT */
/*
 * A thread that sends rows, so that the writer's own can work meanwhile. While it is at work the
 * connection is its; tr_copier_finish() gives it back.
 */
#include "writer_loop.h"

#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdlib.h>

enum { COPY_PIECE_BYTES = 256 << 10 };

struct tr_copier {
    pthread_t thread;
    sem_t begin;
    sem_t end;
    const struct landing *landing; /* NULL: stop */
    int result;
    struct tr_error error;
};

static int send_piece(struct tr_pg *pg, struct tr_buf *piece, struct tr_error *error)
{
    int result = tr_pg_copy_rows(pg, tr_buf_slice(piece), error);
    tr_buf_clear(piece, (size_t)COPY_PIECE_BYTES * 2);
    return result;
}

static int send_rows(const struct landing *landing, int64_t *sent_out, struct tr_error *error)
{
    struct tr_buf piece;
    tr_buf_init(&piece, (size_t)64 << 20);
    int result = 0;
    int64_t sent = 0;
    for (size_t i = 0; i < landing->count && result == 0; i++) {
        const struct item *item = &landing->items[i];
        if (item->record.type != TR_RECORD_EVENT || item->duplicate)
            continue;
        tr_buf_append_slice(&piece, item->record.row);
        sent++;
        if (piece.size >= COPY_PIECE_BYTES)
            result = send_piece(landing->pg, &piece, error);
    }
    if (result == 0 && piece.size > 0)
        result = send_piece(landing->pg, &piece, error);
    tr_buf_fini(&piece);
    *sent_out = sent;
    return result;
}

static int copy_rows(const struct landing *landing, struct tr_error *error)
{
    int64_t sent = 0;
    int64_t stored = -1;
    int result = tr_pg_copy_begin(landing->pg, tr_pg_sql("queries/writer/copy_events"), error);
    if (result < 0)
        return result;
    int sending = send_rows(landing, &sent, error);
    result = tr_pg_copy_end(landing->pg, &stored, sending < 0 ? NULL : error);
    if (sending < 0)
        return sending;
    if (result == 0 && stored != sent)
        result = tr_error_set(error, -EIO, "PostgreSQL stored %" PRId64 " of %" PRId64 " rows",
                              stored, sent);
    return result;
}

static void *run(void *context)
{
    struct tr_copier *copier = context;
    for (;;) {
        while (sem_wait(&copier->begin) < 0)
            ;
        if (copier->landing == NULL)
            return NULL;
        copier->result = copy_rows(copier->landing, &copier->error);
        sem_post(&copier->end);
    }
}

int tr_copier_new(struct tr_copier **copier_out, struct tr_error *error)
{
    struct tr_copier *copier = tr_calloc(1, sizeof *copier);
    sem_init(&copier->begin, 0, 0);
    sem_init(&copier->end, 0, 0);
    int result = tr_thread_start(&copier->thread, "copier", run, copier, error);
    if (result < 0) {
        free(copier);
        return result;
    }
    *copier_out = copier;
    return 0;
}

void tr_copier_free(struct tr_copier *copier)
{
    if (copier == NULL)
        return;
    copier->landing = NULL;
    sem_post(&copier->begin);
    pthread_join(copier->thread, NULL);
    sem_destroy(&copier->begin);
    sem_destroy(&copier->end);
    free(copier);
}

void tr_copier_start(struct tr_copier *copier, const struct landing *landing)
{
    copier->landing = landing;
    sem_post(&copier->begin);
}

int tr_copier_finish(struct tr_copier *copier, struct tr_error *error)
{
    while (sem_wait(&copier->end) < 0)
        ;
    if (copier->result < 0)
        *error = copier->error;
    return copier->result;
}
