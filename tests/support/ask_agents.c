/* SPDX-License-Identifier: MIT */
/* Reads a User-Agent a line and says what it stands for: device, browser, system, tabs between. */
#include "traction/enrich.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    struct tr_agent_rules *rules = tr_agent_rules_new();
    struct tr_agent_reader *reader = tr_agent_reader_new(rules);
    char *line = NULL;
    size_t room = 0;
    for (ssize_t size; (size = getline(&line, &room, stdin)) > 0;) {
        struct tr_agent_fields fields = {.user_agent = {line, (size_t)size - 1}};
        const struct tr_agent *agent = tr_agent_read(reader, &fields);
        printf("%s\t%s\t%s\n", agent->device, agent->browser, agent->os);
    }
    free(line);
    tr_agent_reader_free(reader);
    tr_agent_rules_free(rules);
    return 0;
}
