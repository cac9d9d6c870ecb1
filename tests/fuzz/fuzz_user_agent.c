/* SPDX-License-Identifier: MIT */
/* Lines: the User-Agent and three client hints. Whatever they hold, the answer is short text. */
#include "traction/enrich.h"
#include "traction/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tr_slice take_line(struct tr_slice *rest)
{
    const char *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
    size_t length = end != NULL ? (size_t)(end - rest->data) : rest->size;
    struct tr_slice line = tr_slice(rest->data, length);
    *rest = tr_slice(rest->data + length + (end != NULL), rest->size - length - (end != NULL));
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tr_slice rest = tr_slice((const char *)data, size);
    struct tr_agent_rules *rules = tr_agent_rules_new();
    struct tr_agent_reader *reader = tr_agent_reader_new(rules);
    struct tr_agent_fields fields = {take_line(&rest), take_line(&rest), take_line(&rest), rest};
    const struct tr_agent *agent = tr_agent_read(reader, &fields);
    if (!tr_text_valid(tr_slice_of(agent->browser)) || !tr_text_valid(tr_slice_of(agent->os)) ||
        strlen(agent->browser) > 63 || strlen(agent->os) > 63 || strlen(agent->device) > 8)
        abort();
    tr_agent_reader_free(reader);
    tr_agent_rules_free(rules);
    return 0;
}
