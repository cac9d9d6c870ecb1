/* SPDX-License-Identifier: MIT */
/* A body through reader, encoder and decoder, for the fuzzer. */
#pragma once

#include "traction/event.h"

#include <stdlib.h>

static void check_record(struct tr_slice bytes)
{
    struct tr_record record;
    struct tr_error error = TR_ERROR_INIT;
    if (tr_record_decode(bytes, &record, &error) != 0)
        abort();
    if (record.type == TR_RECORD_EVENT &&
        (!tr_text_valid(record.id) || !tr_text_valid(record.name) || record.name.size > 200))
        abort();
}

static void verdicts_of(struct tr_slice body)
{
    static const struct tr_event_sender sender = {.project_id = 1, .received_us = 1795428930000000};
    struct tr_event_limits limits;
    struct tr_event_reader reader;
    struct tr_event event;
    struct tr_slice raw;
    struct tr_arena *arena = tr_arena_new(8 * body.size + (1 << 20));
    struct tr_buf record;
    tr_buf_init(&record, body.size * 4 + TR_RECORD_OVERHEAD_MAX);
    tr_event_limits_init(&limits);
    tr_event_reader_init(&reader, body, sender.received_us, &limits, arena);
    for (;;) {
        struct tr_reject reject = {.code = NULL};
        int got = tr_event_reader_next(&reader, &event, &raw, &reject);
        if (got == 0 || got == TR_EVENT_TOO_MANY)
            break;
        tr_buf_clear(&record, SIZE_MAX);
        if (got != TR_EVENT_READ ||
            !tr_event_encode(&event, &sender, &limits, arena, &record, &reject))
            tr_reject_encode(&reject, &sender, TR_SLICE("/"), raw, &record);
        check_record(tr_buf_slice(&record));
    }
    tr_buf_fini(&record);
    tr_arena_free(arena);
}
