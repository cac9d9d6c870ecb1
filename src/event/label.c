/* SPDX-License-Identifier: MIT */
/* Texts that are read out of properties again, of the few events that need them. */
#include "event_priv.h"

#include "traction/standard.h"

enum { LABEL_MAX = 200 };

static struct tr_slice text_of(const struct tr_json_value *value, struct tr_arena *arena)
{
    if (value->raw.data == NULL || value->type != TR_JSON_STRING)
        return TR_SLICE_NONE;
    return tr_json_text(value, arena);
}

struct tr_slice tr_type_property(struct tr_slice properties, struct tr_arena *arena)
{
    static const char *const names[] = {"type"};
    struct tr_json_value type;
    tr_json_collect(properties, names, 1, &type);
    return text_of(&type, arena);
}

struct tr_slice tr_error_label(struct tr_slice properties, struct tr_arena *arena)
{
    static const char *const names[] = {"type", "message"};
    struct tr_json_value values[2];
    tr_json_collect(properties, names, 2, values);
    struct tr_slice type = text_of(&values[0], arena);
    struct tr_slice message = tr_text_truncate(text_of(&values[1], arena), LABEL_MAX);
    if (type.size == 0)
        return message.size > 0 ? message : TR_SLICE("unknown");
    if (message.size == 0 || type.size >= LABEL_MAX)
        return tr_text_truncate(type, LABEL_MAX);
    const char *label = tr_arena_printf(arena, "%.*s: %.*s", (int)type.size, type.data,
                                        (int)message.size, message.data);
    return tr_text_truncate(tr_slice_of(label), LABEL_MAX);
}
