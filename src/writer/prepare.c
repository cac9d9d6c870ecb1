/* SPDX-License-Identifier: MIT */
/* From the spool's records to items: decoded, durations exact, known ids marked. */
#include "writer_loop.h"

#include "traction/base/hash.h"

#include <stdlib.h>
#include <string.h>

static enum standard standard_of(struct tr_slice name)
{
    static const struct {
        const char *name;
        enum standard standard;
    } names[] = {
        {"acquisition_cost", STANDARD_ACQUISITION_COST},
        {"api_request", STANDARD_API_REQUEST},
        {"conversion", STANDARD_CONVERSION},
        {"engaged_time", STANDARD_ENGAGED_TIME},
        {"error", STANDARD_ERROR},
        {"feature_used", STANDARD_FEATURE_USED},
        {"identify", STANDARD_IDENTIFY},
        {"page_load", STANDARD_PAGE_LOAD},
        {"page_view", STANDARD_PAGE_VIEW},
        {"purchase", STANDARD_PURCHASE},
        {"sign_up", STANDARD_SIGN_UP},
        {"subscription_cancelled", STANDARD_SUBSCRIPTION_CANCELLED},
        {"subscription_changed", STANDARD_SUBSCRIPTION_CHANGED},
        {"subscription_started", STANDARD_SUBSCRIPTION_STARTED},
        {"web_vital", STANDARD_WEB_VITAL},
        {"survey_answer", STANDARD_SURVEY_ANSWER},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (name.data[0] == names[i].name[0] && tr_slice_is(name, names[i].name))
            return names[i].standard;
    return STANDARD_OTHER;
}

/* value × 10^shift, rounded half away from zero, as PostgreSQL's round(numeric) does; value is
 * plain decimal digits, not negative, small enough (the door has checked). */
static int64_t scaled_decimal(struct tr_slice value, int shift)
{
    int64_t sum = 0;
    bool fraction = false;
    bool round_up = false;
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];
        if (c == '.') {
            fraction = true;
            continue;
        }
        if (fraction && shift == 0) {
            round_up = c >= '5';
            break;
        }
        sum = sum * 10 + (c - '0');
        shift -= fraction;
    }
    while (shift-- > 0)
        sum *= 10;
    return sum + round_up;
}

/* Durations are counted in microseconds, so that sums are exact whichever way they are made. */
static int64_t duration_us(const struct tr_record *record, enum standard standard)
{
    if (!record->has_value || (standard != STANDARD_ENGAGED_TIME &&
                               standard != STANDARD_PAGE_LOAD && standard != STANDARD_API_REQUEST))
        return -1;
    return scaled_decimal(record->value_text, tr_slice_is(record->unit, "s") ? 6 : 3);
}

/* In parts of the vital; -1 for what is no measurement. */
static int64_t vital_parts(const struct tr_record *record, const struct tr_vital *vital)
{
    /* Beyond this, parts would not fit. */
    static const double most = 1e9;
    if (vital == NULL || !record->has_value || record->value < 0 || record->value > most)
        return -1;
    int64_t parts = scaled_decimal(record->value_text, vital->decimals);
    return parts <= vital->most ? parts : -1;
}

/* A record of a version this program does not know, say after a downgrade: kept as refused. */
static void refuse_unreadable(struct item *item, const struct tr_spool_record *from,
                              const char *message, struct tr_arena *arena)
{
    item->record = (struct tr_record){
        .type = TR_RECORD_REJECT,
        .project_id = (int32_t)from->label,
        .received_us = from->received_us,
        .source = TR_SLICE("spool"),
        .field = TR_SLICE("record"),
        .code = TR_SLICE("unreadable"),
        .message = tr_arena_dup(arena, tr_slice_of(message)),
        .raw = from->payload,
    };
}

void tr_item_derive(struct item *item)
{
    item->standard = standard_of(item->record.name);
    item->value_us = duration_us(&item->record, item->standard);
    if (item->standard == STANDARD_WEB_VITAL) {
        item->vital = tr_vital_find(item->record.metric);
        item->value_us = vital_parts(&item->record, item->vital);
    }
    memcpy(item->person, item->record.person, sizeof item->person);
    item->has_session = item->record.session.data != NULL;
    if (item->has_session)
        tr_session_digest(item->record.project_id, item->record.session, item->session);
}

void tr_item_prepare(struct item *item, const struct tr_spool_record *from, struct tr_arena *arena)
{
    *item = (struct item){.position = from->position, .end = from->end, .tag = from->tag};
    struct tr_error error = TR_ERROR_INIT;
    if (tr_record_decode(from->payload, &item->record, &error) < 0)
        refuse_unreadable(item, from, error.message, arena);
    if (item->record.type == TR_RECORD_EVENT)
        tr_item_derive(item);
}

void tr_item_quarantine(struct item *item, const char *sqlstate, const char *message,
                        struct tr_arena *arena)
{
    const char *code = tr_arena_printf(arena, "sqlstate_%s", sqlstate);
    item->record = (struct tr_record){
        .type = TR_RECORD_REJECT,
        .project_id = item->record.project_id,
        .received_us = item->record.received_us,
        .source = TR_SLICE("postgresql"),
        .field = TR_SLICE("event"),
        .code = tr_slice_of(code),
        .message = tr_arena_dup(arena, tr_slice_of(message)),
        .raw = item->record.row,
    };
}

/* Duplicates
 * ------------------------------------------------------------------------------------------ */

/* A table of this batch's own digests, so that the second of a pair is found as well. */
struct own_ids {
    const struct item **slots;
    size_t mask;
};

static bool find_or_add(struct own_ids *own, const struct item *item)
{
    uint64_t hash;
    memcpy(&hash, item->record.id_digest + 8, sizeof hash);
    size_t slot = hash & own->mask;
    for (; own->slots[slot] != NULL; slot = (slot + 1) & own->mask)
        if (memcmp(own->slots[slot]->record.id_digest, item->record.id_digest, 16) == 0)
            return true;
    own->slots[slot] = item;
    return false;
}

int tr_items_mark_duplicates(struct item *items, size_t count, struct id_index *index,
                             struct tr_arena *arena, struct tr_error *error)
{
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    struct own_ids own = {tr_arena_calloc(arena, slots * sizeof(struct item *)), slots - 1};
    for (size_t i = 0; i < count; i++) {
        struct item *item = &items[i];
        item->duplicate = false;
        if (item->record.type != TR_RECORD_EVENT || !item->record.has_client_id)
            continue;
        int known = tr_id_index_contains(index, item->record.id_digest, error);
        if (known < 0)
            return known;
        item->duplicate = known == 1 || find_or_add(&own, item);
    }
    return 0;
}
