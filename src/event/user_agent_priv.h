/* SPDX-License-Identifier: MIT */
/* What the files about User-Agents share; the tables are made by src/tools/user_agents.py. */
#pragma once

#include "traction/enrich.h"

enum { TR_AGENT_BYTES_MAX = 512 };

struct tr_agent_rule {
    const char *expression; /* NULL: os decides */
    const char *os;         /* the rule holds for this system */
    const char *result;     /* $1 … are groups; NULL: the first group */
    const char *words; /* sets of words in lower case, of each of which one must be there; words
                          and sets are ended by NUL. None: the rule is always tried */
    bool caseless;
};

struct tr_agent_list {
    const struct tr_agent_rule *rules;
    size_t count;
};

enum { TR_AGENT_BROWSERS, TR_AGENT_SYSTEMS, TR_AGENT_DEVICES, TR_AGENT_CLASSES, TR_AGENT_LISTS };
extern const struct tr_agent_list tr_agent_lists[TR_AGENT_LISTS];

/* user_agent.c */
struct tr_agent_matcher;
struct tr_agent_matcher *tr_agent_matcher_new(struct tr_agent_rules *rules);
void tr_agent_matcher_free(struct tr_agent_matcher *matcher);
/* By the rules alone: without client hints, without memory. */
void tr_agent_match(struct tr_agent_matcher *matcher, struct tr_slice text,
                    struct tr_agent *agent_out);

/* client_hints.c */
void tr_agent_refine(struct tr_agent *agent, const struct tr_agent_fields *fields);
