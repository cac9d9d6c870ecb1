/* SPDX-License-Identifier: MIT */
/*
 * Native bodies, event by event. A bad event is refused alone; the walk goes on behind it as long
 * as its end can be found. Where the grammar breaks inside an array nothing behind can be trusted:
 * the rest of the body is refused as one. NDJSON is better off: the next line is a new beginning.
 *
 * A body that begins with "{" is one event, NDJSON, or a wrapper, told apart by their fields: the
 * first one that belongs to only one of them decides.
 */
#include "event_priv.h"

/* The fields of an event. Those that name somebody or something are not repaired: two different
 * texts must not become one. */
enum field_type { FIELD_TEXT, FIELD_NAME, FIELD_TIMESTAMP, FIELD_NUMBER, FIELD_OBJECT };
static const struct field {
    const char *name;
    size_t size;
    enum field_type type;
    size_t offset; /* of the slice in struct tr_event */
} fields[] = {
#define FIELD(name, type)                                              \
    {                                                                  \
#name, sizeof #name - 1, type, offsetof(struct tr_event, name) \
    }
    FIELD(id, FIELD_NAME),           FIELD(name, FIELD_NAME),
    FIELD(kind, FIELD_TEXT),         {"timestamp", 9, FIELD_TIMESTAMP, 0},
    FIELD(user, FIELD_NAME),         FIELD(anonymous, FIELD_NAME),
    FIELD(session, FIELD_NAME),      FIELD(value, FIELD_NUMBER),
    FIELD(unit, FIELD_TEXT),         FIELD(url, FIELD_TEXT),
    FIELD(referrer, FIELD_TEXT),     FIELD(title, FIELD_TEXT),
    FIELD(properties, FIELD_OBJECT),
#undef FIELD
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static bool is_field(const struct tr_json_value *key, const struct field *field)
{
    if (key->flags & TR_JSON_ESCAPED)
        return tr_json_key_is(key, field->name);
    return key->raw.size - 2 == field->size && key->raw.data[1] == field->name[0] &&
           memcmp(key->raw.data + 1, field->name, field->size) == 0;
}

/* -1 if there is none of that name. Tried from the one after last on, and round: clients write
 * their fields in one order. */
static int find_field(const struct tr_json_value *key, int last)
{
    for (int i = last + 1; i < FIELD_COUNT; i++)
        if (is_field(key, &fields[i]))
            return i;
    for (int i = 0; i <= last; i++)
        if (is_field(key, &fields[i]))
            return i;
    return -1;
}

/* The body ------------------------------------------------------------------------------------ */

static struct tr_slice rest_from(const struct tr_event_reader *reader, const char *at)
{
    return tr_slice(at, (size_t)(reader->walk.end - at));
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* What a key says about the object it is in. */
enum verdict { IS_EVENT, IS_WRAPPER, IS_UNDECIDED };

static enum verdict judge(const struct tr_json_value *key)
{
    if (tr_json_key_is(key, "events") || tr_json_key_is(key, "sent_at"))
        return IS_WRAPPER;
    return find_field(key, -1) >= 0 ? IS_EVENT : IS_UNDECIDED;
}

static bool is_wrapper(struct tr_slice object)
{
    struct tr_json_walk walk;
    struct tr_json_value key;
    struct tr_json_value value;
    tr_json_walk_init(&walk, object);
    while (tr_json_next_key(&walk, &key)) {
        enum verdict verdict = judge(&key);
        if (verdict != IS_UNDECIDED)
            return verdict == IS_WRAPPER;
        if (!tr_json_take(&walk, &value))
            break;
    }
    return false;
}

static const char *shown_key(const struct tr_json_value *key, struct tr_arena *arena)
{
    enum { SHOWN_MAX = 200 };
    if (key->flags & TR_JSON_BAD_UTF8)
        return "?";
    struct tr_slice text = tr_text_truncate(tr_json_text(key, arena), SHOWN_MAX);
    return tr_arena_strndup(arena, text.data, text.size);
}

static void refuse_body(struct tr_event_reader *reader, const char *field, const char *code,
                        const char *message)
{
    tr_refuse(&reader->body_reject, field, code, message);
}

static void read_sent_at(struct tr_event_reader *reader, const struct tr_json_value *value,
                         int64_t received_us)
{
    int64_t sent_us = 0;
    if (value->type == TR_JSON_NULL)
        return;
    if (!tr_event_read_time(value, reader->arena, &sent_us)) {
        refuse_body(reader, "sent_at", "bad_timestamp", "RFC 3339 or Unix milliseconds");
        return;
    }
    reader->skew_us = received_us - sent_us;
}

/* Looks through the wrapper; true when it has an array of events, where the walk is then put. A
 * grammar error behind the beginning of that array is left for the walk to find. */
static bool open_wrapper(struct tr_event_reader *reader, struct tr_slice object,
                         int64_t received_us)
{
    struct tr_json_walk walk;
    struct tr_json_value key;
    struct tr_json_value value;
    const char *events = NULL;
    bool has_sent_at = false;
    tr_json_walk_init(&walk, object);
    while (tr_json_next_key(&walk, &key)) {
        bool is_events = tr_json_key_is(&key, "events");
        bool is_sent_at = tr_json_key_is(&key, "sent_at");
        if (!is_events && !is_sent_at)
            refuse_body(reader, shown_key(&key, reader->arena), "unknown_field",
                        "beside \"events\" there may be \"sent_at\" only");
        else if (is_events ? events != NULL : has_sent_at)
            refuse_body(reader, is_events ? "events" : "sent_at", "duplicate_field",
                        "may be there once");
        if (is_events)
            events = walk.at;
        if (!tr_json_take(&walk, &value))
            break;
        if (is_sent_at)
            read_sent_at(reader, &value, received_us);
        has_sent_at = has_sent_at || is_sent_at;
    }
    reader->tail = walk.bad ? walk.at : skip_space(walk.at, walk.end);
    reader->tail_bad = walk.bad || reader->tail != walk.end;
    if (events == NULL)
        refuse_body(reader, "events", "required", "an array of events");
    else if (*events != '[')
        refuse_body(reader, "events", "wrong_type", "an array of events");
    if (reader->body_reject.code != NULL)
        return false;
    tr_json_walk_init(&reader->walk, rest_from(reader, events));
    return true;
}

void tr_event_reader_init(struct tr_event_reader *reader, struct tr_slice body, int64_t received_us,
                          const struct tr_event_limits *limits, struct tr_arena *arena)
{
    if (tr_slice_starts(body, "\xef\xbb\xbf"))
        body = tr_slice(body.data + 3, body.size - 3);
    const char *end = body.data + body.size;
    const char *begin = skip_space(body.data, end);
    reader->form = TR_EVENT_FORM_NONE;
    reader->walk = (struct tr_json_walk){.at = begin, .end = end};
    reader->count = 0;
    reader->body = body.data;
    reader->body_reject.code = NULL;
    reader->tail = NULL;
    reader->tail_bad = false;
    reader->ended = false;
    reader->skew_us = 0;
    reader->limits = limits;
    reader->arena = arena;
    if (begin == end) {
        refuse_body(reader, "body", "empty", "an event, an array of events, or NDJSON");
    } else if (*begin == '[') {
        reader->form = TR_EVENT_FORM_ARRAY;
        tr_json_walk_init(&reader->walk, rest_from(reader, begin));
    } else if (*begin != '{') {
        refuse_body(reader, "body", "bad_json", "JSON: an object, an array, or NDJSON");
    } else if (!is_wrapper(rest_from(reader, begin))) {
        reader->form = TR_EVENT_FORM_LINES;
    } else if (open_wrapper(reader, rest_from(reader, begin), received_us)) {
        reader->form = TR_EVENT_FORM_ARRAY;
    }
}

/* One event ----------------------------------------------------------------------------------- */

/* An event being read; what is wrong first stays in the reject, the walk goes on to the end. */
struct reading {
    struct tr_event_reader *reader;
    struct tr_json_walk walk;
    struct tr_event *event;
    struct tr_reject *reject;
};

static struct tr_slice *slot(struct tr_event *event, const struct field *field)
{
    return (struct tr_slice *)(void *)((char *)event + field->offset);
}

static void read_text(struct reading *reading, const struct field *field,
                      const struct tr_json_value *value)
{
    if (value->type != TR_JSON_STRING)
        tr_refuse(reading->reject, field->name, "wrong_type", "expected a string");
    else if (value->flags & TR_JSON_BAD_UTF8)
        tr_refuse(reading->reject, field->name, "invalid_utf8", "must be UTF-8");
    else if (field->type == FIELD_NAME && (value->flags & TR_JSON_ODD_TEXT))
        tr_refuse(reading->reject, field->name, "invalid_text",
                  "must not hold NUL or half a surrogate pair");
    else
        *slot(reading->event, field) = tr_json_text(value, reading->reader->arena);
}

static void read_timestamp(struct reading *reading, const struct tr_json_value *value)
{
    struct tr_event *event = reading->event;
    int64_t us = 0;
    if (value->type != TR_JSON_NUMBER && value->type != TR_JSON_STRING)
        tr_refuse(reading->reject, "timestamp", "wrong_type", "expected a string or a number");
    else if (!tr_event_read_time(value, reading->reader->arena, &us))
        tr_refuse(reading->reject, "timestamp", "bad_timestamp",
                  "expected RFC 3339 with an offset, or Unix milliseconds");
    event->has_timestamp = true;
    event->timestamp_us = us + reading->reader->skew_us;
}

static void read_number(struct reading *reading, const struct tr_json_value *value)
{
    if (value->type == TR_JSON_NUMBER)
        reading->event->value = value->raw;
    else
        tr_refuse(reading->reject, "value", "wrong_type", "expected a number");
}

static void read_value(struct reading *reading, const struct field *field)
{
    struct tr_json_value value;
    if (field->type == FIELD_OBJECT && *reading->walk.at == '{') {
        struct tr_event_properties *properties = &reading->reader->properties;
        tr_properties_walk(properties, &reading->walk);
        reading->event->properties = properties->raw;
        reading->event->scanned = properties;
        return;
    }
    /* null says what leaving the field out says. */
    if (!tr_json_take(&reading->walk, &value) || value.type == TR_JSON_NULL)
        return;
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_NAME:
        read_text(reading, field, &value);
        break;
    case FIELD_TIMESTAMP:
        read_timestamp(reading, &value);
        break;
    case FIELD_NUMBER:
        read_number(reading, &value);
        break;
    case FIELD_OBJECT:
        tr_refuse(reading->reject, "properties", "wrong_type", "expected an object");
    }
}

static void skip_unknown(struct reading *reading, const struct tr_json_value *key)
{
    struct tr_json_value value;
    const char *code = "unknown_field";
    const char *message = "not a field of events; put it in \"properties\"";
    if (key->flags & TR_JSON_BAD_UTF8) {
        code = "invalid_utf8";
        message = "must be UTF-8";
    } else if (key->flags & TR_JSON_ODD_TEXT) {
        code = "invalid_text";
        message = "keys must not hold NUL or half a surrogate pair";
    }
    tr_refuse(reading->reject, shown_key(key, reading->reader->arena), code, message);
    tr_json_take(&reading->walk, &value);
}

/* Reads the object that walk has come to. False where the grammar breaks. */
static bool read_object(struct reading *reading)
{
    struct tr_json_value key;
    unsigned seen = 0;
    int last = -1;
    while (tr_json_next_key(&reading->walk, &key)) {
        int index = find_field(&key, last);
        if (index < 0) {
            skip_unknown(reading, &key);
            continue;
        }
        last = index;
        if (seen >> index & 1)
            tr_refuse(reading->reject, fields[index].name, "duplicate_field", "may be there once");
        seen |= 1u << index;
        read_value(reading, &fields[index]);
    }
    return !reading->walk.bad;
}

/* Reads what stands at *at, an event or not; *at goes on behind it. False where the grammar
 * breaks, *at is then that place. */
static bool read_event(struct tr_event_reader *reader, const char **at, struct tr_event *event,
                       struct tr_reject *reject)
{
    struct reading reading = {.reader = reader, .event = event, .reject = reject};
    *event = (struct tr_event){.has_timestamp = false};
    reject->code = NULL;
    reject->index = reader->count;
    struct tr_slice rest = rest_from(reader, *at);
    bool good;
    if (*rest.data == '{') {
        tr_json_walk_init(&reading.walk, rest);
        good = read_object(&reading);
    } else {
        struct tr_json_value value;
        reading.walk = (struct tr_json_walk){.at = *at, .end = reader->walk.end};
        good = tr_json_take(&reading.walk, &value);
        tr_refuse(reject, "event", "wrong_type", "expected an object");
    }
    *at = reading.walk.at;
    return good;
}

/* Walking the body ---------------------------------------------------------------------------- */

static int refuse_rest(struct tr_event_reader *reader, const char *from, const char *at,
                       struct tr_slice *raw_out, struct tr_reject *reject_out)
{
    reader->ended = true;
    *raw_out = rest_from(reader, from);
    *reject_out = (struct tr_reject){
        .index = reader->count,
        .field = "body",
        .code = "bad_json",
        .message = tr_arena_printf(reader->arena, "not JSON from byte %zu of the body on",
                                   (size_t)(at - reader->body)),
    };
    return TR_EVENT_BODY_BAD;
}

static int finish(struct tr_event_reader *reader, const char *from, const char *at,
                  const struct tr_reject *reject, struct tr_slice *raw_out)
{
    *raw_out = tr_slice(from, (size_t)(at - from));
    reader->count++;
    return reject->code != NULL ? TR_EVENT_REFUSED : TR_EVENT_READ;
}

/* Whether something that has no place there follows the array that ends at *at; if so, where. */
static bool find_tail(const struct tr_event_reader *reader, const char **at)
{
    if (reader->tail != NULL) {
        *at = reader->tail;
        return reader->tail_bad;
    }
    *at = skip_space(*at, reader->walk.end);
    return *at != reader->walk.end;
}

static int next_of_array(struct tr_event_reader *reader, struct tr_event *event_out,
                         struct tr_slice *raw_out, struct tr_reject *reject_out)
{
    if (!tr_json_next_item(&reader->walk)) {
        const char *at = reader->walk.at;
        reader->ended = true;
        if (!reader->walk.bad && !find_tail(reader, &at))
            return 0;
        return refuse_rest(reader, at, at, raw_out, reject_out);
    }
    if (reader->count == reader->limits->events) {
        reader->ended = true;
        return TR_EVENT_TOO_MANY;
    }
    const char *from = reader->walk.at;
    if (!read_event(reader, &reader->walk.at, event_out, reject_out))
        return refuse_rest(reader, from, reader->walk.at, raw_out, reject_out);
    return finish(reader, from, reader->walk.at, reject_out, raw_out);
}

/* The line that is not JSON is refused, the next one is a new beginning. */
static int refuse_line(struct tr_event_reader *reader, const char *from, struct tr_slice *raw_out,
                       struct tr_reject *reject_out)
{
    struct tr_slice rest = rest_from(reader, from);
    const char *newline = memchr(rest.data, '\n', rest.size);
    const char *end = newline != NULL ? newline : reader->walk.end;
    reject_out->code = NULL;
    tr_refuse(reject_out, "event", "bad_json", "expected a JSON object on a line of its own");
    reader->walk.at = end;
    return finish(reader, from, end, reject_out, raw_out);
}

/* Whether from begins a line of NDJSON rather than a document of several lines. */
static bool has_next_line(const struct tr_event_reader *reader, const char *from)
{
    struct tr_slice rest = rest_from(reader, from);
    const char *newline = memchr(rest.data, '\n', rest.size);
    return newline != NULL && newline + 1 < reader->walk.end && newline[1] == '{';
}

static int next_of_lines(struct tr_event_reader *reader, struct tr_event *event_out,
                         struct tr_slice *raw_out, struct tr_reject *reject_out)
{
    const char *from = skip_space(reader->walk.at, reader->walk.end);
    if (from == reader->walk.end) {
        reader->ended = true;
        return 0;
    }
    if (reader->count == reader->limits->events) {
        reader->ended = true;
        return TR_EVENT_TOO_MANY;
    }
    const char *at = from;
    if (read_event(reader, &at, event_out, reject_out)) {
        reader->walk.at = at;
        return finish(reader, from, at, reject_out, raw_out);
    }
    if (reader->count == 0 && !has_next_line(reader, from))
        return refuse_rest(reader, from, at, raw_out, reject_out);
    return refuse_line(reader, from, raw_out, reject_out);
}

int tr_event_reader_next(struct tr_event_reader *reader, struct tr_event *event_out,
                         struct tr_slice *raw_out, struct tr_reject *reject_out)
{
    if (reader->ended)
        return 0;
    if (reader->body_reject.code != NULL) {
        reader->ended = true;
        *reject_out = reader->body_reject;
        reject_out->index = 0;
        *raw_out = tr_slice(reader->body, (size_t)(reader->walk.end - reader->body));
        return TR_EVENT_BODY_BAD;
    }
    return reader->form == TR_EVENT_FORM_ARRAY
               ? next_of_array(reader, event_out, raw_out, reject_out)
               : next_of_lines(reader, event_out, raw_out, reject_out);
}
