/* SPDX-License-Identifier: MIT */
/*
 * Records: those of events are laid out in encode.c. That of a refused event (integers big-endian):
 *
 *   1  version, 1
 *   1  type, 2
 *   4  project
 *   8  received, Unix µs
 *   4  index in its request
 *   …  source, field, code, message, raw: each int32 length and bytes; raw may be absent (-1)
 *
 * Reading trusts nothing: every length is checked against the bytes there are, fixed columns have
 * to have their size, and those that are not null to be there.
 */
#include "record_priv.h"

#include "traction/standard.h"

#include <endian.h>
#include <errno.h>
#include <math.h>

void tr_person_digest(int32_t project_id, char which, struct tr_slice id, uint8_t digest_out[16])
{
    int32_t project = (int32_t)htobe32((uint32_t)project_id);
    struct tr_slice parts[] = {
        tr_slice((const char *)&project, sizeof project),
        tr_slice(&which, 1),
        id,
    };
    tr_digest128(parts, 3, digest_out);
}

void tr_session_digest(int32_t project_id, struct tr_slice session, uint8_t digest_out[16])
{
    tr_person_digest(project_id, 's', session, digest_out);
}

void tr_id_digest(int32_t project_id, struct tr_slice id, uint8_t digest_out[16])
{
    tr_person_digest(project_id, 'i', id, digest_out);
}

/* Refused events ------------------------------------------------------------------------------ */

static void append_bytes(struct tr_buf *out, struct tr_slice bytes)
{
    tr_buf_append_be32(out, (uint32_t)bytes.size);
    tr_buf_append_slice(out, bytes);
}

/* Texts go into text columns: what PostgreSQL would refuse becomes a question mark. */
static void append_text(struct tr_buf *out, struct tr_slice text)
{
    tr_buf_append_be32(out, (uint32_t)text.size);
    if (text.size == 0)
        return;
    char *place = tr_buf_reserve(out, text.size);
    if (place == NULL)
        return;
    memcpy(place, text.data, text.size);
    out->size += text.size;
    for (size_t i = 0; i < text.size;) {
        size_t length = place[i] == '\0' ? 0 : tr_utf8_length(place + i, text.size - i);
        if (length == 0) {
            place[i] = '?';
            length = 1;
        }
        i += length;
    }
}

void tr_reject_encode(const struct tr_reject *reject, const struct tr_event_sender *sender,
                      struct tr_slice source, struct tr_slice raw, struct tr_buf *out)
{
    tr_buf_append_u8(out, TR_RECORD_VERSION);
    tr_buf_append_u8(out, TR_RECORD_REJECT);
    tr_buf_append_be32(out, (uint32_t)sender->project_id);
    tr_buf_append_be64(out, (uint64_t)sender->received_us);
    tr_buf_append_be32(out, reject->index > INT32_MAX ? INT32_MAX : (uint32_t)reject->index);
    append_text(out, source);
    append_text(out, tr_slice_of(reject->field));
    append_text(out, tr_slice_of(reject->code));
    append_text(out, tr_slice_of(reject->message));
    if (raw.data != NULL)
        append_bytes(out, raw);
    else
        tr_buf_append_be32(out, UINT32_MAX);
}

/* Reading ------------------------------------------------------------------------------------- */

struct bytes {
    const char *at;
    const char *end;
};

static const char *take(struct bytes *bytes, size_t size)
{
    if ((size_t)(bytes->end - bytes->at) < size)
        return NULL;
    const char *place = bytes->at;
    bytes->at += size;
    return place;
}

static uint32_t be32_at(const char *place)
{
    uint32_t value;
    memcpy(&value, place, sizeof value);
    return be32toh(value);
}

static uint64_t be64_at(const char *place)
{
    uint64_t value;
    memcpy(&value, place, sizeof value);
    return be64toh(value);
}

static bool take_slice(struct bytes *bytes, struct tr_slice *slice_out)
{
    const char *length = take(bytes, 4);
    if (length == NULL)
        return false;
    uint32_t size = be32_at(length);
    *slice_out = tr_slice(take(bytes, size), size);
    return slice_out->data != NULL;
}

static bool take_raw(struct bytes *bytes, struct tr_slice *slice_out)
{
    if (bytes->end - bytes->at != 4 || be32_at(bytes->at) != UINT32_MAX)
        return take_slice(bytes, slice_out);
    bytes->at += 4;
    *slice_out = TR_SLICE_NONE;
    return true;
}

static bool decode_reject(struct bytes *bytes, struct tr_record *record)
{
    const char *fixed = take(bytes, 4 + 8 + 4);
    if (fixed == NULL)
        return false;
    record->project_id = (int32_t)be32_at(fixed);
    record->received_us = (int64_t)be64_at(fixed + 4);
    record->index = (int32_t)be32_at(fixed + 12);
    return take_slice(bytes, &record->source) && take_slice(bytes, &record->field) &&
           take_slice(bytes, &record->code) && take_slice(bytes, &record->message) &&
           take_raw(bytes, &record->raw) && bytes->at == bytes->end;
}

/* Sizes of columns that have one; columns without are texts. */
static const uint8_t column_sizes[TR_COLUMN_COUNT] = {
    [TR_COLUMN_PROJECT_ID] = 4, [TR_COLUMN_TS] = 8,      [TR_COLUMN_RECEIVED_AT] = 8,
    [TR_COLUMN_KIND] = 1,       [TR_COLUMN_PERSON] = 16, [TR_COLUMN_STATUS] = 4,
    [TR_COLUMN_BOT] = 1,        [TR_COLUMN_CLAMPED] = 1, [TR_COLUMN_SENTIMENT] = 4,
};
#define COLUMN(name) ((uint64_t)1 << TR_COLUMN_##name)
static const uint64_t not_null = COLUMN(PROJECT_ID) | COLUMN(TS) | COLUMN(RECEIVED_AT) |
                                 COLUMN(ID) | COLUMN(KIND) | COLUMN(NAME) | COLUMN(PERSON) |
                                 COLUMN(BOT) | COLUMN(CLAMPED);

static bool take_column(struct bytes *bytes, int column, struct tr_slice *slice_out)
{
    const char *length = take(bytes, 4);
    if (length == NULL)
        return false;
    uint32_t size = be32_at(length);
    if (size == UINT32_MAX) {
        *slice_out = TR_SLICE_NONE;
        return (not_null >> column & 1) == 0;
    }
    *slice_out = tr_slice(take(bytes, size), size);
    return slice_out->data != NULL && (column_sizes[column] == 0 || column_sizes[column] == size);
}

static bool is_kind(char kind)
{
    return kind == TR_EVENT_ENGAGEMENT || kind == TR_EVENT_PERFORMANCE ||
           kind == TR_EVENT_BUSINESS || kind == TR_EVENT_FEEDBACK;
}

/* Those that an older program did not know are absent. */
static bool take_columns(struct bytes *bytes, struct tr_slice columns[TR_COLUMN_COUNT])
{
    const char *count = take(bytes, 2);
    if (count == NULL || count[0] != 0 || count[1] < TR_COLUMN_COUNT_LEAST ||
        count[1] > TR_COLUMN_COUNT)
        return false;
    for (int i = 0; i < TR_COLUMN_COUNT; i++) {
        columns[i] = TR_SLICE_NONE;
        if (i < count[1] && !take_column(bytes, i, &columns[i]))
            return false;
    }
    return bytes->at == bytes->end && is_kind(columns[TR_COLUMN_KIND].data[0]);
}

static void decode_sentiment(const struct tr_slice columns[TR_COLUMN_COUNT],
                             struct tr_record *record)
{
    struct tr_slice sentiment = columns[TR_COLUMN_SENTIMENT];
    record->has_sentiment = sentiment.data != NULL;
    if (!record->has_sentiment)
        return;
    uint32_t bits = be32_at(sentiment.data);
    float value;
    memcpy(&value, &bits, sizeof value);
    /* Bytes that nobody wrote may hold any number. */
    record->sentiment = fabsf(value) <= 1 ? (int32_t)lroundf(value * TR_SENTIMENT_ONE) : 0;
}

static bool decode_row(struct bytes *bytes, struct tr_record *record)
{
    struct tr_slice columns[TR_COLUMN_COUNT];
    const char *begin = bytes->at;
    if (!take_columns(bytes, columns))
        return false;
    record->row = tr_slice(begin, (size_t)(bytes->end - begin));
    record->project_id = (int32_t)be32_at(columns[TR_COLUMN_PROJECT_ID].data);
    /* Unsigned, because bytes that nobody wrote may overflow. */
    record->timestamp_us =
        (int64_t)(be64_at(columns[TR_COLUMN_TS].data) + (uint64_t)TR_POSTGRES_EPOCH_US);
    record->received_us =
        (int64_t)(be64_at(columns[TR_COLUMN_RECEIVED_AT].data) + (uint64_t)TR_POSTGRES_EPOCH_US);
    record->kind = (enum tr_event_kind)columns[TR_COLUMN_KIND].data[0];
    memcpy(record->person, columns[TR_COLUMN_PERSON].data, sizeof record->person);
    record->id = columns[TR_COLUMN_ID];
    record->name = columns[TR_COLUMN_NAME];
    record->user = columns[TR_COLUMN_USER_ID];
    record->anonymous = columns[TR_COLUMN_ANONYMOUS_ID];
    record->session = columns[TR_COLUMN_SESSION_ID];
    record->channel = columns[TR_COLUMN_CHANNEL];
    record->path = columns[TR_COLUMN_PATH];
    record->country = columns[TR_COLUMN_COUNTRY];
    record->properties = columns[TR_COLUMN_PROPERTIES];
    if (record->properties.size > 0) /* jsonb's version */
        record->properties = tr_slice(record->properties.data + 1, record->properties.size - 1);
    record->unit = columns[TR_COLUMN_UNIT];
    record->route = columns[TR_COLUMN_ROUTE];
    record->feature = columns[TR_COLUMN_FEATURE];
    record->goal = columns[TR_COLUMN_GOAL];
    record->plan = columns[TR_COLUMN_PLAN];
    if (columns[TR_COLUMN_STATUS].data != NULL)
        record->status = (int32_t)be32_at(columns[TR_COLUMN_STATUS].data);
    record->metric = columns[TR_COLUMN_METRIC];
    record->bot = columns[TR_COLUMN_BOT].data[0] != 0;
    decode_sentiment(columns, record);
    return true;
}

static bool decode_event(struct bytes *bytes, struct tr_record *record)
{
    const char *header = take(bytes, TR_RECORD_HEADER_BYTES - 2);
    if (header == NULL)
        return false;
    record->has_client_id = header[0] & TR_RECORD_CLIENT_ID;
    record->has_value = header[0] & TR_RECORD_VALUE;
    memcpy(record->id_digest, header + 2, sizeof record->id_digest);
    uint64_t bits = be64_at(header + 18);
    memcpy(&record->value, &bits, sizeof record->value);
    size_t size = (unsigned char)header[1];
    const char *text = take(bytes, size);
    if (text == NULL)
        return false;
    if (record->has_value)
        record->value_text = tr_slice(text, size);
    return decode_row(bytes, record);
}

int tr_record_decode(struct tr_slice bytes, struct tr_record *record_out, struct tr_error *error)
{
    struct bytes rest = {bytes.data, bytes.data + bytes.size};
    struct tr_record record = {0};
    const char *head = take(&rest, 2);
    if (head == NULL || head[0] != TR_RECORD_VERSION)
        return tr_error_set(error, -EBADMSG, "record of an unknown version");
    record.type = (enum tr_record_type)head[1];
    bool good = false;
    if (record.type == TR_RECORD_EVENT)
        good = decode_event(&rest, &record);
    else if (record.type == TR_RECORD_REJECT)
        good = decode_reject(&rest, &record);
    if (!good)
        return tr_error_set(error, -EBADMSG, "damaged record");
    *record_out = record;
    return 0;
}

void tr_record_append_row(const struct tr_record *record, struct tr_buf *out)
{
    int columns = (unsigned char)record->row.data[1];
    if (columns == TR_COLUMN_COUNT) {
        tr_buf_append_slice(out, record->row);
        return;
    }
    tr_buf_append_u8(out, 0);
    tr_buf_append_u8(out, TR_COLUMN_COUNT);
    tr_buf_append(out, record->row.data + 2, record->row.size - 2);
    for (; columns < TR_COLUMN_COUNT; columns++)
        tr_buf_append_be32(out, UINT32_MAX);
}
