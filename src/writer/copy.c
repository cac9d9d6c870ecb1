/* SPDX-License-Identifier: MIT */
/* Sending a batch's rows, as they are, and comparing what PostgreSQL says it stored. */
#include "writer_loop.h"

#include <errno.h>
#include <inttypes.h>

enum { COPY_PIECE_BYTES = 256 << 10 };

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
        tr_record_append_row(&item->record, &piece);
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

int tr_copy_rows(void *context, struct tr_error *error)
{
    const struct landing *landing = context;
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
