/* SPDX-License-Identifier: MIT */
/*
 * What Segment's calls mean here; docs/protocols/segment.md has the tables. Pure: no request, no
 * reply. Texts that many items share (the batch's context) are unescaped once by the caller, so
 * that the arena holds no more than a few times the body.
 */
#include "segment.h"

enum member {
    TYPE,
    EVENT,
    NAME,
    CATEGORY,
    USER_ID,
    ANONYMOUS_ID,
    PREVIOUS_ID,
    GROUP_ID,
    PROPERTIES,
    TRAITS,
    CONTEXT,
    MESSAGE_ID,
    TIMESTAMP,
    ORIGINAL_TIMESTAMP,
    SENT_AT,
    MEMBER_COUNT
};
static const char *const member_names[MEMBER_COUNT] = {
    "type",        "event",      "name",      "category",          "userId",
    "anonymousId", "previousId", "groupId",   "properties",        "traits",
    "context",     "messageId",  "timestamp", "originalTimestamp", "sentAt",
};

struct item {
    struct tr_json_value members[MEMBER_COUNT];
    const struct segment_outer *outer;
    struct segment_context context;
    struct tr_arena *arena;
    struct tr_event *event;
    struct tr_reject *reject;
};

static bool refuse(struct item *item, const char *field, const char *code, const char *message)
{
    *item->reject = (struct tr_reject){.field = field, .code = code, .message = message};
    return false;
}

/* Texts --------------------------------------------------------------------------------------- */

/* A string, or a number as it is written; nothing else, and nothing empty. */
static struct tr_slice text_of(const struct tr_json_value *value, struct tr_arena *arena)
{
    struct tr_slice text = TR_SLICE_NONE;
    if (value->type == TR_JSON_STRING)
        text = tr_json_text(value, arena);
    else if (value->type == TR_JSON_NUMBER)
        text = value->raw;
    return text.size > 0 ? text : TR_SLICE_NONE;
}

/* Ids are not repaired: two of them must not become one. */
static bool read_id(struct item *item, enum member member, struct tr_slice *id_out)
{
    const struct tr_json_value *value = &item->members[member];
    *id_out = text_of(value, item->arena);
    if (value->flags & TR_JSON_ODD_TEXT)
        return refuse(item, member_names[member], "invalid_text",
                      "must not hold NUL or half a surrogate pair");
    if (id_out->data == NULL && value->type != TR_JSON_NULL && value->type != TR_JSON_STRING)
        return refuse(item, member_names[member], "wrong_type", "a string");
    return true;
}

static void prefer(struct tr_slice *slot, struct tr_slice text)
{
    if (text.data != NULL)
        *slot = text;
}

/* Puts "key":value in front of the members of an object, where one of the same name that is there
 * already wins. */
static struct tr_slice with_member(struct tr_arena *arena, struct tr_slice object, const char *key,
                                   struct tr_slice value)
{
    if (value.data == NULL)
        return object;
    struct tr_slice rest = object.data != NULL ? object : TR_SLICE("{}");
    struct tr_json_walk walk;
    struct tr_json_value first;
    tr_json_walk_init(&walk, rest);
    bool empty = !tr_json_next_key(&walk, &first);
    struct tr_slice joined;
    joined.data = tr_arena_printf(arena, "{\"%s\":%.*s%s%.*s", key, (int)value.size, value.data,
                                  empty ? "" : ",", (int)rest.size - 1, rest.data + 1);
    joined.size = strlen(joined.data);
    return joined;
}

/* Context ------------------------------------------------------------------------------------- */

static void read_page(struct segment_context *context, struct tr_slice page, struct tr_arena *arena)
{
    static const char *const names[] = {"url", "referrer", "title"};
    struct tr_json_value values[3];
    tr_json_collect(page, names, 3, values);
    prefer(&context->url, text_of(&values[0], arena));
    prefer(&context->referrer, text_of(&values[1], arena));
    prefer(&context->title, text_of(&values[2], arena));
}

void tr_segment_read_context(struct segment_context *context_out, struct tr_slice object,
                             struct tr_arena *arena)
{
    static const char *const names[] = {"page", "campaign", "userAgent", "ip"};
    static const char *const campaign_names[] = {"source", "medium"};
    struct tr_json_value values[4];
    struct tr_json_value campaign[2];
    tr_json_collect(object, names, 4, values);
    if (values[0].type == TR_JSON_OBJECT)
        read_page(context_out, values[0].raw, arena);
    if (values[1].type == TR_JSON_OBJECT) {
        tr_json_collect(values[1].raw, campaign_names, 2, campaign);
        prefer(&context_out->campaign_source, text_of(&campaign[0], arena));
        prefer(&context_out->campaign_medium, text_of(&campaign[1], arena));
    }
    prefer(&context_out->user_agent, text_of(&values[2], arena));
    prefer(&context_out->ip, text_of(&values[3], arena));
}

/* When ---------------------------------------------------------------------------------------- */

bool tr_segment_read_sent_at(struct segment_outer *outer, const struct tr_json_value *value,
                             struct tr_arena *arena)
{
    int64_t us = 0;
    if (value->type == TR_JSON_NULL)
        return true;
    if (!tr_event_read_time(value, arena, &us))
        return false;
    outer->has_sent_at = true;
    outer->sent_us = us;
    return true;
}

/* receivedAt - (sentAt - originalTimestamp), as Segment does it. */
static bool read_times(struct item *item)
{
    struct segment_outer times = *item->outer;
    struct tr_event *event = item->event;
    bool original = item->members[ORIGINAL_TIMESTAMP].type != TR_JSON_NULL;
    enum member which = original ? ORIGINAL_TIMESTAMP : TIMESTAMP;
    if (!tr_segment_read_sent_at(&times, &item->members[SENT_AT], item->arena))
        return refuse(item, "sentAt", "bad_timestamp", "ISO 8601 or Unix milliseconds");
    if (item->members[which].type == TR_JSON_NULL)
        return true;
    if (!tr_event_read_time(&item->members[which], item->arena, &event->timestamp_us))
        return refuse(item, member_names[which], "bad_timestamp", "ISO 8601 or Unix milliseconds");
    event->has_timestamp = true;
    if (times.has_sent_at)
        event->timestamp_us += times.received_us - times.sent_us;
    return true;
}

/* How much ------------------------------------------------------------------------------------ */

/* Well-known names that mean the same as ours. */
static const struct known {
    const char *segment;
    const char *name;
    bool order;
    bool refund;
} known_events[] = {
    {"Order Completed", "purchase", true, false},   {"Completed Order", "purchase", true, false},
    {"Order Refunded", "purchase", true, true},     {"Signed Up", "sign_up", false, false},
    {"Feature Used", "feature_used", false, false},
};

static const struct known *find_known(struct tr_slice name)
{
    for (size_t i = 0; i < sizeof known_events / sizeof *known_events; i++)
        if (tr_slice_is_nocase(name, known_events[i].segment))
            return &known_events[i];
    return NULL;
}

/* A number, or a string that is one. */
static struct tr_slice number_of(const struct tr_json_value *value, struct tr_arena *arena)
{
    struct tr_slice text = text_of(value, arena);
    struct tr_json_value number;
    if (text.data == NULL || !tr_json_scan(text, &number) || number.type != TR_JSON_NUMBER)
        return TR_SLICE_NONE;
    return number.raw;
}

static struct tr_slice upper(struct tr_slice text, struct tr_arena *arena)
{
    struct tr_slice copy = tr_arena_dup(arena, text);
    char *letters = (char *)copy.data;
    for (size_t i = 0; i < copy.size; i++)
        if (letters[i] >= 'a' && letters[i] <= 'z')
            letters[i] = (char)(letters[i] & ~0x20);
    return copy;
}

static bool is_unit(struct tr_slice unit)
{
    static const char *const units[] = {"ms", "s", "count", "score"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (tr_slice_is(unit, units[i]))
            return true;
    return false;
}

static void read_amount(struct item *item, const struct known *known)
{
    enum { REVENUE, TOTAL, VALUE, CURRENCY, UNIT, COUNT };
    static const char *const names[COUNT] = {"revenue", "total", "value", "currency", "unit"};
    struct tr_json_value values[COUNT];
    struct tr_event *event = item->event;
    bool order = known != NULL && known->order;
    tr_json_collect(event->properties, names, COUNT, values);
    event->value = number_of(&values[REVENUE], item->arena);
    if (event->value.data == NULL && order)
        event->value = number_of(&values[TOTAL], item->arena);
    if (event->value.data == NULL && (order || values[VALUE].type == TR_JSON_NUMBER))
        event->value = number_of(&values[VALUE], item->arena);
    if (event->value.data == NULL)
        return;
    if (order && known->refund && event->value.data[0] != '-')
        event->value = tr_slice_of(
            tr_arena_printf(item->arena, "-%.*s", (int)event->value.size, event->value.data));
    struct tr_slice currency = text_of(&values[CURRENCY], item->arena);
    struct tr_slice unit = text_of(&values[UNIT], item->arena);
    /* What an order was paid in must be right; of other events a strange currency is a property. */
    if (order || currency.size == 3)
        event->unit = upper(currency, item->arena);
    else if (is_unit(unit))
        event->unit = unit;
}

/* Calls --------------------------------------------------------------------------------------- */

static void take_page(struct item *item)
{
    struct tr_event *event = item->event;
    event->url = item->context.url;
    event->referrer = item->context.referrer;
    event->title = item->context.title;
}

static bool map_track(struct item *item)
{
    struct tr_event *event = item->event;
    struct tr_slice name = text_of(&item->members[EVENT], item->arena);
    if (name.data == NULL)
        return refuse(item, "event", "required", "the name of the event");
    const struct known *known = find_known(name);
    event->name = known != NULL ? tr_slice_of(known->name) : name;
    read_amount(item, known);
    return true;
}

/* What the call itself says about the page comes before its context. */
static bool map_page(struct item *item)
{
    enum { URL, REFERRER, TITLE, PATH, COUNT };
    static const char *const names[COUNT] = {"url", "referrer", "title", "path"};
    struct tr_json_value values[COUNT];
    struct tr_event *event = item->event;
    struct tr_arena *arena = item->arena;
    event->name = TR_SLICE("page_view");
    tr_json_collect(event->properties, names, COUNT, values);
    prefer(&event->url, text_of(&values[URL], arena));
    if (event->url.data == NULL)
        event->url = text_of(&values[PATH], arena);
    prefer(&event->referrer, text_of(&values[REFERRER], arena));
    prefer(&event->title, text_of(&values[TITLE], arena));
    if (event->title.data == NULL)
        event->title = text_of(&item->members[NAME], arena);
    event->properties =
        with_member(arena, event->properties, "category", item->members[CATEGORY].raw);
    event->properties = with_member(arena, event->properties, "name", item->members[NAME].raw);
    return true;
}

static bool map_identify(struct item *item)
{
    item->event->name = TR_SLICE("identify");
    return true;
}

static bool map_group(struct item *item)
{
    struct tr_event *event = item->event;
    event->name = TR_SLICE("group");
    event->properties =
        with_member(item->arena, event->properties, "group_id", item->members[GROUP_ID].raw);
    return true;
}

static bool map_alias(struct item *item)
{
    struct tr_event *event = item->event;
    event->name = TR_SLICE("alias");
    event->properties =
        with_member(item->arena, event->properties, "previous_id", item->members[PREVIOUS_ID].raw);
    return true;
}

static const struct call {
    const char *type;
    enum member properties; /* which member they are */
    bool (*map)(struct item *item);
} calls[] = {
    {"track", PROPERTIES, map_track}, {"page", PROPERTIES, map_page},
    {"screen", PROPERTIES, map_page}, {"identify", TRAITS, map_identify},
    {"group", TRAITS, map_group},     {"alias", PROPERTIES, map_alias},
};

static const struct call *find_call(struct item *item, const char *type)
{
    struct tr_slice name =
        type != NULL ? tr_slice_of(type) : text_of(&item->members[TYPE], item->arena);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (tr_slice_is(name, calls[i].type))
            return &calls[i];
    refuse(item, "type", "unknown_type", "track, page, screen, identify, group or alias");
    return NULL;
}

static bool read_who(struct item *item)
{
    struct tr_event *event = item->event;
    if (!read_id(item, USER_ID, &event->user) || !read_id(item, ANONYMOUS_ID, &event->anonymous) ||
        !read_id(item, MESSAGE_ID, &event->id))
        return false;
    if (event->user.data == NULL && event->anonymous.data == NULL)
        return refuse(item, "userId", "required", "userId or anonymousId");
    return true;
}

static bool read_properties(struct item *item, enum member member)
{
    const struct tr_json_value *value = &item->members[member];
    if (value->type == TR_JSON_NULL)
        return true;
    if (value->type != TR_JSON_OBJECT)
        return refuse(item, member_names[member], "wrong_type", "an object");
    item->event->properties = value->raw;
    return true;
}

bool tr_segment_translate(const char *type, struct tr_slice object,
                          const struct segment_outer *outer, struct tr_arena *arena,
                          struct tr_event *event_out, struct segment_context *context_out,
                          struct tr_reject *reject_out)
{
    struct item item = {
        .outer = outer,
        .context = outer->context,
        .arena = arena,
        .event = event_out,
        .reject = reject_out,
    };
    *event_out = (struct tr_event){.has_timestamp = false};
    if (object.data[0] != '{')
        return refuse(&item, "event", "wrong_type", "an object");
    tr_json_collect(object, member_names, MEMBER_COUNT, item.members);
    const struct call *call = find_call(&item, type);
    if (call == NULL || !read_who(&item) || !read_times(&item) ||
        !read_properties(&item, call->properties))
        return false;
    if (item.members[CONTEXT].type == TR_JSON_OBJECT)
        tr_segment_read_context(&item.context, item.members[CONTEXT].raw, arena);
    *context_out = item.context;
    event_out->channel = tr_slice_of(
        tr_channel_of_campaign(item.context.campaign_source, item.context.campaign_medium));
    take_page(&item);
    return call->map(&item);
}
