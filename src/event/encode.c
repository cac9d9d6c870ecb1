/* SPDX-License-Identifier: MIT */
/*
 * From an event to its record: every field is checked, what is derived is derived, and only then
 * bytes are written. Nothing passes that PostgreSQL would refuse: texts are UTF-8 without NUL,
 * times and numbers are within the types' ranges, properties are what jsonb takes.
 *
 * The record (all integers big-endian):
 *
 *   1  version, 1
 *   1  type, 1 (enum tr_record_type)
 *   1  flags: 1 the id is the client's, 2 there is a value
 *   1  length of the value's text
 *  16  digest of project and id, zeros without a client's id
 *   8  the value as an IEEE double, durations in milliseconds
 *   …  the value's text, decimal and exact
 *   …  the row: int16 number of columns, then per column of copy_events.sql, in its order, int32
 *      length (-1: null) and the column's binary form. New columns are added at the end, so that
 *      rows of older programs only lack the last ones, which are null.
 */
#include "record_priv.h"

#include "traction/standard.h"

#include <endian.h>

enum { ID_MAX = 128, NAME_MAX = 200, WHO_MAX = 200, URL_MAX = 2000, TITLE_MAX = 1000 };
enum { DAY_MS = 86400000, STATUS_LEAST = 100, STATUS_MOST = 599 };

/* What the checks make of an event. */
struct draft {
    const struct tr_event_sender *sender;
    const struct tr_event_limits *limits;
    struct tr_arena *arena;
    struct tr_reject *reject;
    struct tr_event event; /* texts normalised: absent rather than empty, cut where that is legal */
    const struct tr_standard *standard;
    const struct tr_event_properties *properties;
    struct tr_event_properties scanned; /* here, when nobody has before */
    enum tr_event_kind kind;
    bool has_client_id;
    char made_id[37];
    char made_anonymous[1 + 32 + 1];
    int64_t timestamp_us;
    bool clamped;
    bool has_value;
    struct tr_decimal value;
    struct tr_url url;
    struct tr_url referrer;
    struct tr_slice promoted[TR_PROPERTY_COUNT];
    char country[2];
    int32_t status;
    bool has_sentiment;
    int32_t sentiment; /* millionths */
    uint8_t person[16];
    uint8_t id_digest[16];
};

bool tr_refuse(struct tr_reject *reject, const char *field, const char *code, const char *message)
{
    if (reject->code == NULL) {
        reject->field = field;
        reject->code = code;
        reject->message = message;
    }
    return false;
}

static bool refuse(struct draft *draft, const char *field, const char *code, const char *message)
{
    return tr_refuse(draft->reject, field, code, message);
}

/* Texts --------------------------------------------------------------------------------------- */

static bool check_valid(struct draft *draft, const char *field, struct tr_slice *text)
{
    if (text->size == 0) {
        *text = TR_SLICE_NONE;
        return true;
    }
    if (tr_text_valid(*text))
        return true;
    if (memchr(text->data, '\0', text->size) != NULL)
        return refuse(draft, field, "invalid_text", "must not hold NUL");
    return refuse(draft, field, "invalid_utf8", "must be UTF-8");
}

static bool check_text(struct draft *draft, const char *field, struct tr_slice *text, size_t max)
{
    if (!check_valid(draft, field, text))
        return false;
    if (text->size > max)
        return refuse(draft, field, "too_long",
                      tr_arena_printf(draft->arena, "expected at most %zu bytes", max));
    return true;
}

static bool check_title(struct draft *draft)
{
    if (!check_valid(draft, "title", &draft->event.title))
        return false;
    draft->event.title = tr_text_truncate(draft->event.title, TITLE_MAX);
    return true;
}

static bool check_name(struct draft *draft)
{
    struct tr_slice *name = &draft->event.name;
    if (name->size == 0)
        return refuse(draft, "name", "required", "expected a text of 1 to 200 bytes");
    if (!check_text(draft, "name", name, NAME_MAX))
        return false;
    draft->standard = tr_standard_find(*name);
    return true;
}

static bool check_id(struct draft *draft)
{
    struct tr_slice *id = &draft->event.id;
    draft->has_client_id = id->data != NULL;
    if (!draft->has_client_id) {
        tr_uuid7(draft->sender->received_us, draft->made_id);
        *id = tr_slice(draft->made_id, sizeof draft->made_id - 1);
        memset(draft->id_digest, 0, sizeof draft->id_digest);
        return true;
    }
    if (id->size == 0)
        return refuse(draft, "id", "empty",
                      "expected 1 to 128 bytes; leave it out to have one made");
    if (!check_text(draft, "id", id, ID_MAX))
        return false;
    tr_id_digest(draft->sender->project_id, *id, draft->id_digest);
    return true;
}

static bool check_kind(struct draft *draft)
{
    struct tr_slice kind = draft->event.kind;
    draft->kind = draft->standard != NULL ? draft->standard->kind : TR_EVENT_ENGAGEMENT;
    if (kind.size == 0)
        return true;
    if (tr_slice_is(kind, "engagement"))
        draft->kind = TR_EVENT_ENGAGEMENT;
    else if (tr_slice_is(kind, "performance"))
        draft->kind = TR_EVENT_PERFORMANCE;
    else if (tr_slice_is(kind, "business"))
        draft->kind = TR_EVENT_BUSINESS;
    else if (tr_slice_is(kind, "feedback"))
        draft->kind = TR_EVENT_FEEDBACK;
    else
        return refuse(draft, "kind", "bad_kind",
                      "expected engagement, performance, business or feedback");
    return true;
}

/* Who ----------------------------------------------------------------------------------------- */

/* Somebody without any identity is told apart for a day by a digest that cannot be undone. */
static void make_anonymous(struct draft *draft)
{
    const struct tr_event_sender *sender = draft->sender;
    int32_t project = (int32_t)htobe32((uint32_t)sender->project_id);
    struct tr_slice parts[] = {
        tr_slice((const char *)sender->salt, sender->salt != NULL ? 16 : 0),
        tr_slice((const char *)&project, sizeof project),
        sender->address,
        sender->user_agent,
    };
    uint8_t digest[16];
    tr_digest128(parts, 4, digest);
    draft->made_anonymous[0] = '~';
    tr_hex(digest, sizeof digest, draft->made_anonymous + 1);
    draft->event.anonymous = tr_slice(draft->made_anonymous, sizeof draft->made_anonymous - 1);
}

static bool check_who(struct draft *draft)
{
    struct tr_event *event = &draft->event;
    if (!check_text(draft, "user", &event->user, WHO_MAX) ||
        !check_text(draft, "anonymous", &event->anonymous, WHO_MAX) ||
        !check_text(draft, "session", &event->session, WHO_MAX))
        return false;
    if (event->user.data == NULL && event->anonymous.data == NULL)
        make_anonymous(draft);
    if (event->user.data != NULL)
        tr_person_digest(draft->sender->project_id, 'u', event->user, draft->person);
    else
        tr_person_digest(draft->sender->project_id, 'a', event->anonymous, draft->person);
    return true;
}

/* When ---------------------------------------------------------------------------------------- */

static void settle_timestamp(struct draft *draft)
{
    int64_t received_us = draft->sender->received_us;
    int64_t us = draft->event.has_timestamp ? draft->event.timestamp_us : received_us;
    draft->clamped =
        us < received_us - draft->limits->past_us || us > received_us + draft->limits->future_us;
    draft->timestamp_us = draft->clamped ? received_us : us;
}

/* How much ------------------------------------------------------------------------------------ */

static bool is_currency(struct tr_slice unit)
{
    if (unit.size != 3)
        return false;
    for (int i = 0; i < 3; i++)
        if (unit.data[i] < 'A' || unit.data[i] > 'Z')
            return false;
    return true;
}

static bool is_plain_unit(struct tr_slice unit)
{
    return tr_slice_is(unit, "ms") || tr_slice_is(unit, "s") || tr_slice_is(unit, "count") ||
           tr_slice_is(unit, "score");
}

static bool check_unit(struct draft *draft)
{
    struct tr_slice *unit = &draft->event.unit;
    if (unit->size == 0) {
        *unit = TR_SLICE_NONE;
        return true;
    }
    const struct tr_standard *standard = draft->standard;
    if (standard != NULL && standard->duration) {
        if (tr_slice_is(*unit, "ms") || tr_slice_is(*unit, "s"))
            return true;
        return refuse(draft, "unit", "bad_unit", "expected ms or s");
    }
    if (is_currency(*unit))
        return true;
    if (standard != NULL && standard->money)
        return refuse(draft, "unit", "bad_unit",
                      "expected a currency of three capital letters, ISO 4217");
    if (is_plain_unit(*unit))
        return true;
    return refuse(draft, "unit", "bad_unit",
                  "ms, s, count, score, or a currency of three capital letters");
}

static bool refuse_value(struct draft *draft, int outcome)
{
    if (outcome == TR_DECIMAL_NOT_FINITE)
        return refuse(draft, "value", "not_finite", "expected a finite number");
    return refuse(draft, "value", "out_of_range", "expected a number between -10^15 and 10^15");
}

static bool check_duration(struct draft *draft)
{
    const struct tr_decimal *value = &draft->value;
    if (value->negative || value->whole > DAY_MS || (value->whole == DAY_MS && value->parts > 0))
        return refuse(draft, "value", "out_of_range",
                      "expected a duration from 0 to 86,400,000 ms");
    return true;
}

static bool check_value(struct draft *draft)
{
    struct tr_event *event = &draft->event;
    draft->has_value = event->value.data != NULL;
    if (!draft->has_value)
        return true;
    struct tr_json_value number;
    if (!tr_json_scan(event->value, &number) || number.type != TR_JSON_NUMBER)
        return refuse(draft, "value", "wrong_type", "expected a number");
    bool duration = draft->standard != NULL && draft->standard->duration;
    bool seconds = duration && tr_slice_is(event->unit, "s");
    int outcome = tr_decimal_parse(&draft->value, number.raw, seconds ? 3 : 0);
    if (outcome != 0)
        return refuse_value(draft, outcome);
    if (seconds)
        event->unit = TR_SLICE("ms");
    return !duration || check_duration(draft);
}

/* Where --------------------------------------------------------------------------------------- */

static bool check_url(struct draft *draft, const char *field, struct tr_slice *text,
                      struct tr_url *url)
{
    *url = (struct tr_url){.text = TR_SLICE_NONE};
    if (!check_valid(draft, field, text))
        return false;
    if (text->data == NULL)
        return true;
    if (tr_url_parse(url, *text, draft->limits->query_parameters, URL_MAX, draft->arena))
        return true;
    return refuse(draft, field, "too_long", "expected at most 2000 bytes without its query");
}

/* Properties ---------------------------------------------------------------------------------- */

static bool scan_properties(struct draft *draft)
{
    struct tr_slice text = draft->event.properties;
    struct tr_json_walk walk = {.at = text.data, .end = text.data + text.size};
    if (text.size == 0 || text.data[0] != '{')
        return refuse(draft, "properties", "wrong_type", "expected an object");
    tr_properties_walk(&draft->scanned, &walk);
    if (walk.bad || walk.at != walk.end)
        return refuse(draft, "properties", "bad_json", "expected a JSON object");
    draft->properties = &draft->scanned;
    return true;
}

/* Text as PostgreSQL takes it: escaped NULs and lone surrogates replaced. */
static struct tr_slice repaired(const struct draft *draft)
{
    const struct tr_event_properties *properties = draft->properties;
    if (!(properties->flags & TR_JSON_ODD_TEXT))
        return properties->raw;
    char *copy = tr_arena_strndup(draft->arena, properties->raw.data, properties->raw.size);
    tr_json_repair(copy, properties->raw.size);
    return tr_slice(copy, properties->raw.size);
}

static bool check_status(struct draft *draft)
{
    bool must_be = draft->standard != NULL && tr_slice_is(draft->event.name, "api_request");
    struct tr_slice text = draft->promoted[TR_PROPERTY_STATUS];
    draft->status = 0;
    if (text.data == NULL)
        return true;
    struct tr_json_value number;
    struct tr_decimal status;
    if (!tr_json_scan(text, &number) || number.type != TR_JSON_NUMBER)
        return !must_be ||
               refuse(draft, "properties.status", "wrong_type", "expected an HTTP status");
    if (tr_decimal_parse(&status, number.raw, 0) == 0 && !status.negative && status.parts == 0) {
        if (status.whole == 0)
            return true;
        if (status.whole >= STATUS_LEAST && status.whole <= STATUS_MOST) {
            draft->status = (int32_t)status.whole;
            return true;
        }
    }
    return !must_be || refuse(draft, "properties.status", "out_of_range",
                              "an HTTP status, 100 to 599, or 0 for none");
}

static bool check_properties(struct draft *draft)
{
    memset(draft->promoted, 0, sizeof draft->promoted);
    draft->properties = NULL;
    draft->status = 0;
    if (draft->event.properties.data == NULL)
        return true;
    draft->properties = draft->event.scanned;
    if (draft->properties == NULL && !scan_properties(draft))
        return false;
    if (!tr_properties_check(draft->properties, draft->limits, draft->arena, draft->reject))
        return false;
    for (int i = 0; i < TR_PROPERTY_COUNT; i++)
        draft->promoted[i] = tr_property_text(&draft->properties->promoted[i], draft->arena);
    draft->event.properties = draft->properties->empty ? TR_SLICE_NONE : repaired(draft);
    return check_status(draft);
}

static void settle_sentiment(struct draft *draft)
{
    bool answer = draft->has_value && tr_slice_is(draft->event.name, "survey_answer");
    draft->has_sentiment =
        draft->kind == TR_EVENT_FEEDBACK && draft->properties != NULL &&
        tr_sentiment_derive(draft->properties->raw, answer ? &draft->value : NULL, draft->arena,
                            &draft->sentiment);
}

static bool settle_channel(struct draft *draft)
{
    struct tr_slice *channel = &draft->promoted[TR_PROPERTY_CHANNEL];
    if (!check_text(draft, "channel", &draft->event.channel, TR_PROPERTY_TEXT_MAX))
        return false;
    if (channel->data == NULL)
        *channel = draft->event.channel;
    if (channel->data == NULL)
        *channel = tr_slice_of(tr_channel_derive(&draft->url, &draft->referrer));
    return true;
}

/* Servers that send for their users know better than the address; what is no country is nothing. */
static void settle_country(struct draft *draft)
{
    struct tr_slice *country = &draft->promoted[TR_PROPERTY_COUNTRY];
    bool own = country->size == 2;
    for (size_t i = 0; own && i < 2; i++) {
        char c = country->data[i];
        draft->country[i] = (char)(c >= 'a' && c <= 'z' ? c & ~0x20 : c);
        own = draft->country[i] >= 'A' && draft->country[i] <= 'Z';
    }
    *country = own ? tr_slice(draft->country, 2) : draft->sender->country;
}

static bool check(struct draft *draft)
{
    if (!check_name(draft) || !check_id(draft) || !check_kind(draft) || !check_who(draft) ||
        !check_unit(draft) || !check_value(draft) || !check_title(draft) ||
        !check_url(draft, "url", &draft->event.url, &draft->url) ||
        !check_url(draft, "referrer", &draft->event.referrer, &draft->referrer) ||
        !check_properties(draft) || !settle_channel(draft))
        return false;
    settle_timestamp(draft);
    settle_sentiment(draft);
    settle_country(draft);
    return true;
}

/* Writing ------------------------------------------------------------------------------------- */

static char *put_bytes(char *at, const void *data, size_t size)
{
    memcpy(at, data, size);
    return at + size;
}

static char *put_be16(char *at, uint16_t value)
{
    value = htobe16(value);
    return put_bytes(at, &value, sizeof value);
}

static char *put_be32(char *at, uint32_t value)
{
    value = htobe32(value);
    return put_bytes(at, &value, sizeof value);
}

static char *put_be64(char *at, uint64_t value)
{
    value = htobe64(value);
    return put_bytes(at, &value, sizeof value);
}

static char *put_null(char *at)
{
    return put_be32(at, UINT32_MAX);
}

static char *put_text(char *at, struct tr_slice text)
{
    if (text.data == NULL)
        return put_null(at);
    return put_bytes(put_be32(at, (uint32_t)text.size), text.data, text.size);
}

static char *put_int4(char *at, int32_t value)
{
    return put_be32(put_be32(at, 4), (uint32_t)value);
}

static char *put_timestamptz(char *at, int64_t unix_us)
{
    return put_be64(put_be32(at, 8), (uint64_t)(unix_us - TR_POSTGRES_EPOCH_US));
}

/* A bool or a "char". */
static char *put_byte(char *at, char value)
{
    return put_bytes(put_be32(at, 1), &value, 1);
}

static char *put_numeric(char *at, const struct tr_decimal *value)
{
    size_t size = tr_decimal_binary(value, at + 4);
    return put_be32(at, (uint32_t)size) + size;
}

static char *put_float4(char *at, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_be32(put_be32(at, sizeof bits), bits);
}

static char *put_jsonb(char *at, struct tr_slice text)
{
    if (text.data == NULL)
        return put_null(at);
    at = put_be32(at, (uint32_t)text.size + 1);
    *at++ = 1;
    return put_bytes(at, text.data, text.size);
}

/* As inet_recv() of PostgreSQL reads it: family, bits, whether it is a cidr, bytes, address. */
static char *put_inet(char *at, const struct tr_address *address, int bits)
{
    enum { FAMILY_V4 = 2, FAMILY_V6 = 3 };
    if (address->size == 0)
        return put_null(at);
    at = put_be32(at, 4 + (uint32_t)address->size);
    *at++ = address->size == 4 ? FAMILY_V4 : FAMILY_V6;
    *at++ = (char)bits;
    *at++ = 0;
    *at++ = (char)address->size;
    return put_bytes(at, address->bytes, address->size);
}

static char *put_header(char *at, const struct draft *draft)
{
    *at++ = TR_RECORD_VERSION;
    *at++ = TR_RECORD_EVENT;
    *at++ = (char)((draft->has_client_id ? TR_RECORD_CLIENT_ID : 0) |
                   (draft->has_value ? TR_RECORD_VALUE : 0));
    char text[TR_DECIMAL_TEXT_MAX];
    size_t size = draft->has_value ? tr_decimal_text(&draft->value, text) : 0;
    *at++ = (char)size;
    at = put_bytes(at, draft->id_digest, sizeof draft->id_digest);
    double value = draft->has_value ? tr_decimal_double(&draft->value) : 0;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    at = put_be64(at, bits);
    return put_bytes(at, text, size);
}

static char *put_who_and_what(char *at, const struct draft *draft)
{
    const struct tr_event *event = &draft->event;
    at = put_int4(at, draft->sender->project_id);
    at = put_timestamptz(at, draft->timestamp_us);
    at = put_timestamptz(at, draft->sender->received_us);
    at = put_text(at, event->id);
    at = put_byte(at, (char)draft->kind);
    at = put_text(at, event->name);
    at = put_bytes(put_be32(at, 16), draft->person, 16);
    at = put_text(at, event->user);
    at = put_text(at, event->anonymous);
    at = put_text(at, event->session);
    at = draft->has_value ? put_numeric(at, &draft->value) : put_null(at);
    return put_text(at, event->unit);
}

static char *put_where(char *at, const struct draft *draft)
{
    at = put_text(at, draft->url.text);
    at = put_text(at, draft->url.host);
    at = put_text(at, draft->url.path);
    at = put_text(at, draft->referrer.text);
    at = put_text(at, draft->referrer.host);
    at = put_text(at, draft->event.title);
    at = put_text(at, draft->promoted[TR_PROPERTY_CHANNEL]);
    return put_text(at, draft->promoted[TR_PROPERTY_COUNTRY]);
}

static char *put_known(char *at, const char *text)
{
    return text[0] != '\0' ? put_text(at, tr_slice_of(text)) : put_null(at);
}

static char *put_agent(char *at, const struct draft *draft)
{
    static const struct tr_agent unknown = {.device = ""};
    const struct tr_agent *agent = draft->sender->agent != NULL ? draft->sender->agent : &unknown;
    at = put_known(at, agent->device);
    at = put_known(at, agent->browser);
    return put_known(at, agent->os);
}

static char *put_properties(char *at, const struct draft *draft)
{
    at = put_text(at, draft->promoted[TR_PROPERTY_ROUTE]);
    at = draft->status != 0 ? put_int4(at, draft->status) : put_null(at);
    at = put_text(at, draft->promoted[TR_PROPERTY_FEATURE]);
    at = put_text(at, draft->promoted[TR_PROPERTY_GOAL]);
    at = put_text(at, draft->promoted[TR_PROPERTY_PLAN]);
    at = put_text(at, draft->promoted[TR_PROPERTY_METRIC]);
    at = put_byte(at, draft->sender->agent != NULL && draft->sender->agent->bot ? 1 : 0);
    at = put_byte(at, draft->clamped ? 1 : 0);
    at = put_jsonb(at, draft->event.properties);
    at = draft->has_sentiment ? put_float4(at, (float)draft->sentiment / TR_SENTIMENT_ONE)
                              : put_null(at);
    return put_inet(at, &draft->sender->kept, draft->sender->kept_bits);
}

/* At least what the record takes. */
static size_t record_bound(const struct draft *draft)
{
    enum { AGENT = 16 + 2 * 64, INET = 20 };
    enum { FIXED = TR_RECORD_HEADER_BYTES + TR_DECIMAL_TEXT_MAX + 2 + TR_COLUMN_COUNT * 4 + 128 };
    const struct tr_event *event = &draft->event;
    size_t size = FIXED + AGENT + INET + event->id.size + event->name.size + event->user.size +
                  event->anonymous.size + event->session.size + event->unit.size +
                  event->title.size + event->properties.size;
    size += draft->url.text.size + draft->url.host.size + draft->url.path.size;
    size += draft->referrer.text.size + draft->referrer.host.size;
    for (int i = 0; i < TR_PROPERTY_COUNT; i++)
        size += draft->promoted[i].size;
    return size;
}

bool tr_event_encode(const struct tr_event *event, const struct tr_event_sender *sender,
                     const struct tr_event_limits *limits, struct tr_arena *arena,
                     struct tr_buf *out, struct tr_reject *reject_out)
{
    struct draft draft;
    reject_out->code = NULL;
    draft.sender = sender;
    draft.limits = limits;
    draft.arena = arena;
    draft.reject = reject_out;
    draft.event = *event;
    if (!check(&draft))
        return false;
    char *begin = tr_buf_reserve(out, record_bound(&draft));
    if (begin == NULL)
        return refuse(&draft, "body", "too_large", "the events of a request need too much room");
    char *at = put_header(begin, &draft);
    at = put_be16(at, TR_COLUMN_COUNT);
    at = put_who_and_what(at, &draft);
    at = put_where(at, &draft);
    at = put_agent(at, &draft);
    at = put_properties(at, &draft);
    out->size += (size_t)(at - begin);
    return true;
}

void tr_event_limits_init(struct tr_event_limits *limits)
{
    enum { DAY_S = 86400 };
    *limits = (struct tr_event_limits){
        .events = 1000,
        .properties_bytes = 32768,
        .depth = 16,
        .past_us = (int64_t)366 * DAY_S * 1000000,
        .future_us = (int64_t)DAY_S * 1000000,
        .query_parameters =
            "utm_source utm_medium utm_campaign utm_term utm_content ref gclid fbclid msclkid",
    };
}
