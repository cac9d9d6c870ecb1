/* SPDX-License-Identifier: MIT */
/* What a survey_answer says in its properties: read out again, of the few events that need it. */
#include "event_priv.h"

#include "traction/standard.h"

void tr_answer_read(struct tr_slice properties, struct tr_arena *arena,
                    struct tr_answer *answer_out)
{
    static const char *const names[] = {"type", "text"};
    struct tr_json_value values[2];
    *answer_out = (struct tr_answer){.type = TR_SLICE_NONE};
    if (properties.size == 0)
        return;
    tr_json_collect(properties, names, 2, values);
    if (values[0].raw.data != NULL && values[0].type == TR_JSON_STRING)
        answer_out->type = tr_json_text(&values[0], arena);
    answer_out->has_text = values[1].raw.data != NULL && values[1].type == TR_JSON_STRING &&
                           values[1].raw.size > 2; /* its quotes */
}
