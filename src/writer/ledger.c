/* SPDX-License-Identifier: MIT */
/* What became of every record, and the refused events themselves. */
#include "writer_priv.h"

#include <string.h>

struct line {
    int32_t project_id;
    struct tr_slice outcome;
    int64_t events;
};

/* Few projects and outcomes a batch: a list is searched from its end. */
struct lines {
    struct line *list;
    size_t count;
};

static void add(struct lines *lines, int32_t project_id, struct tr_slice outcome)
{
    for (size_t i = lines->count; i > 0; i--) {
        struct line *line = &lines->list[i - 1];
        if (line->project_id == project_id && tr_slice_equal(line->outcome, outcome)) {
            line->events++;
            return;
        }
    }
    lines->list[lines->count++] = (struct line){project_id, outcome, 1};
}

static struct tr_slice outcome_of(struct tr_arena *arena, const struct item *item)
{
    if (item->record.type == TR_RECORD_REJECT) {
        struct tr_slice code = item->record.code;
        return tr_slice_of(tr_arena_printf(arena, "rejected:%.*s", (int)code.size, code.data));
    }
    return item->duplicate ? TR_SLICE("duplicate") : TR_SLICE("stored");
}

int tr_ledger_store(struct landing *landing, struct tr_error *error)
{
    struct lines lines = {
        .list = tr_arena_alloc(landing->arena, (2 * landing->count + 1) * sizeof(struct line))};
    for (size_t i = 0; i < landing->count; i++) {
        const struct item *item = &landing->items[i];
        add(&lines, item->record.project_id, outcome_of(landing->arena, item));
        add(&lines, item->record.project_id, TR_SLICE("landed"));
    }
    struct tr_pg_params *params = landing->params;
    tr_pg_params_clear(params);
    tr_pg_bind_int4(params, landing->server_id);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (size_t i = 0; i < lines.count; i++)
        tr_pg_array_int(params, lines.list[i].project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_TEXT);
    for (size_t i = 0; i < lines.count; i++)
        tr_pg_array_bytes(params, lines.list[i].outcome.data, lines.list[i].outcome.size);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_INT8);
    for (size_t i = 0; i < lines.count; i++)
        tr_pg_array_int(params, lines.list[i].events);
    tr_pg_array_end(params);
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/add_ledger"), params, NULL, error);
}

/* Refused events
 * -------------------------------------------------------------------------------------- */

/* Those without their bytes are only counted. */
static bool is_kept(const struct tr_record *record)
{
    return record->type == TR_RECORD_REJECT && record->raw.data != NULL;
}

static void bind_reject_ints(struct landing *landing, enum tr_pg_type type,
                             int64_t (*get)(const struct tr_record *))
{
    tr_pg_array_begin(landing->params, type);
    for (size_t i = 0; i < landing->count; i++)
        if (is_kept(&landing->items[i].record))
            tr_pg_array_int(landing->params, get(&landing->items[i].record));
    tr_pg_array_end(landing->params);
}

static void bind_reject_texts(struct landing *landing, enum tr_pg_type type, size_t offset)
{
    tr_pg_array_begin(landing->params, type);
    for (size_t i = 0; i < landing->count; i++) {
        const struct tr_record *record = &landing->items[i].record;
        if (!is_kept(record))
            continue;
        struct tr_slice text;
        memcpy(&text, (const char *)record + offset, sizeof text);
        tr_pg_array_bytes(landing->params, text.data, text.size);
    }
    tr_pg_array_end(landing->params);
}

static int64_t get_project(const struct tr_record *record)
{
    return record->project_id;
}

static int64_t get_received(const struct tr_record *record)
{
    return record->received_us;
}

static int64_t get_index(const struct tr_record *record)
{
    return record->index;
}

int tr_rejects_store(struct landing *landing, struct tr_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < landing->count; i++)
        count += is_kept(&landing->items[i].record);
    if (count == 0)
        return 0;
    tr_pg_params_clear(landing->params);
    bind_reject_ints(landing, TR_PG_INT4, get_project);
    bind_reject_ints(landing, TR_PG_TIMESTAMPTZ, get_received);
    bind_reject_texts(landing, TR_PG_TEXT, offsetof(struct tr_record, source));
    bind_reject_ints(landing, TR_PG_INT4, get_index);
    bind_reject_texts(landing, TR_PG_TEXT, offsetof(struct tr_record, field));
    bind_reject_texts(landing, TR_PG_TEXT, offsetof(struct tr_record, code));
    bind_reject_texts(landing, TR_PG_TEXT, offsetof(struct tr_record, message));
    bind_reject_texts(landing, TR_PG_BYTEA, offsetof(struct tr_record, raw));
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/add_rejects"), landing->params, NULL,
                       error);
}
