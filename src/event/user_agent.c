/* SPDX-License-Identifier: MIT */
/*
 * A User-Agent, read by more than a thousand expressions: those of uap-core and of
 * user_agents.yaml, in order; the first that matches counts.
 *
 * Most are ruled out without trying. Every text of three letters that a rule's words hold must be
 * in the User-Agent; which ones are is known from one pass, as bits at their hashes. What remains
 * is tried, and trying is bounded: an expression that runs out of steps ends the search of its
 * list, and what that was to tell stays unknown.
 */
#include "user_agent_priv.h"

#include "traction/json.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Steps count differently in compiled code: of the 30,000 User-Agents that uap-core is tested with,
 * five need more of them, and those are crawlers with sentences for names. */
enum { STEPS_COMPILED = 2000, STEPS_INTERPRETED = 20000, HEAP_KIB_MAX = 256 };
enum { TRIGRAM_BITS = 8192, GROUPS = 10 };

/* Codes are set once and read-only from then on. */
struct tr_agent_rules {
    _Atomic(pcre2_code *) *codes[TR_AGENT_LISTS];
    bool compiled; /* to machine code, which a system may forbid */
};

struct tr_agent_matcher {
    struct tr_agent_rules *rules;
    pcre2_match_data *found;
    pcre2_match_context *limits;
    struct tr_slice text;
    bool exhausted;
    uint64_t trigrams[TRIGRAM_BITS / 64]; /* of the text, in lower case */
};

/* Rules --------------------------------------------------------------------------------------- */

static pcre2_code *compile(const struct tr_agent_rule *rule)
{
    int problem = 0;
    PCRE2_SIZE at = 0;
    uint32_t options = rule->caseless ? PCRE2_CASELESS : 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)rule->expression, PCRE2_ZERO_TERMINATED, options,
                                     &problem, &at, NULL);
    if (code == NULL) {
        fprintf(stderr, "user agents: %s: error %d at %zu\n", rule->expression, problem, at);
        abort(); /* the table is wrong, or there is no memory */
    }
    return code;
}

static bool can_compile(void)
{
    static const struct tr_agent_rule any = {.expression = "."};
    pcre2_code *code = compile(&any);
    bool can = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
    pcre2_code_free(code);
    return can;
}

struct tr_agent_rules *tr_agent_rules_new(void)
{
    struct tr_agent_rules *rules = tr_calloc(1, sizeof *rules);
    for (int i = 0; i < TR_AGENT_LISTS; i++)
        rules->codes[i] = tr_calloc(tr_agent_lists[i].count, sizeof *rules->codes[i]);
    rules->compiled = can_compile();
    return rules;
}

void tr_agent_rules_free(struct tr_agent_rules *rules)
{
    if (rules == NULL)
        return;
    for (int i = 0; i < TR_AGENT_LISTS; i++) {
        for (size_t j = 0; j < tr_agent_lists[i].count; j++)
            pcre2_code_free(atomic_load(&rules->codes[i][j]));
        free(rules->codes[i]);
    }
    free(rules);
}

/* Two threads may compile the same: one of them is thrown away. */
static const pcre2_code *code_of(struct tr_agent_rules *rules, int list, size_t index)
{
    _Atomic(pcre2_code *) *place = &rules->codes[list][index];
    pcre2_code *code = atomic_load_explicit(place, memory_order_acquire);
    if (code != NULL)
        return code;
    pcre2_code *made = compile(&tr_agent_lists[list].rules[index]);
    if (rules->compiled)
        pcre2_jit_compile(made, PCRE2_JIT_COMPLETE); /* without, it is interpreted */
    if (atomic_compare_exchange_strong(place, &code, made))
        return made;
    pcre2_code_free(made);
    return code;
}

/* Words --------------------------------------------------------------------------------------- */

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static unsigned trigram(const char *at)
{
    return (lower(at[0]) * 1031u ^ lower(at[1]) * 67u ^ lower(at[2])) % TRIGRAM_BITS;
}

static void note_trigrams(struct tr_agent_matcher *matcher)
{
    memset(matcher->trigrams, 0, sizeof matcher->trigrams);
    for (size_t i = 0; i + 3 <= matcher->text.size; i++) {
        unsigned bit = trigram(matcher->text.data + i);
        matcher->trigrams[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

static bool may_hold(const struct tr_agent_matcher *matcher, const char *word)
{
    for (; word[2] != '\0'; word++) {
        unsigned bit = trigram(word);
        if ((matcher->trigrams[bit / 64] >> bit % 64 & 1) == 0)
            return false;
    }
    return true;
}

/* One of a set; *end_out is behind the set. */
static bool may_hold_one(const struct tr_agent_matcher *matcher, const char *words,
                         const char **end_out)
{
    bool found = false;
    for (; *words != '\0'; words += strlen(words) + 1)
        found = found || may_hold(matcher, words);
    *end_out = words + 1;
    return found;
}

static bool may_match(const struct tr_agent_matcher *matcher, const struct tr_agent_rule *rule)
{
    for (const char *set = rule->words; *set != '\0';)
        if (!may_hold_one(matcher, set, &set))
            return false;
    return true;
}

/* Matching ------------------------------------------------------------------------------------ */

static bool matches(struct tr_agent_matcher *matcher, int list, size_t index)
{
    if (matcher->exhausted || !may_match(matcher, &tr_agent_lists[list].rules[index]))
        return false;
    int groups = pcre2_match(code_of(matcher->rules, list, index), (PCRE2_SPTR)matcher->text.data,
                             matcher->text.size, 0, 0, matcher->found, matcher->limits);
    matcher->exhausted = groups < 0 && groups != PCRE2_ERROR_NOMATCH;
    return groups >= 0;
}

/* The first rule before end that matches; end: none. */
static size_t first_match(struct tr_agent_matcher *matcher, int list, size_t end)
{
    size_t index = 0;
    matcher->exhausted = false;
    while (index < end && !matches(matcher, list, index))
        index++;
    return index;
}

static size_t append_group(const struct tr_agent_matcher *matcher, int group, char *out,
                           size_t room)
{
    const PCRE2_SIZE *bounds =
        pcre2_get_ovector_pointer(matcher->found) + (size_t)2 * (size_t)group;
    if (group >= GROUPS || bounds[0] == PCRE2_UNSET || bounds[1] <= bounds[0])
        return 0;
    size_t size = bounds[1] - bounds[0] < room ? bounds[1] - bounds[0] : room;
    memcpy(out, matcher->text.data + bounds[0], size);
    return size;
}

/* Writes what the rule that matched last stands for. What is not UTF-8 is as good as nothing. */
static void write_result(const struct tr_agent_matcher *matcher, const char *result, char out[64])
{
    enum { ROOM = 63 };
    size_t size = 0;
    if (result == NULL)
        result = "$1";
    for (; *result != '\0' && size < ROOM; result++) {
        if (result[0] == '$' && result[1] >= '1' && result[1] <= '9')
            size += append_group(matcher, *++result - '0', out + size, ROOM - size);
        else
            out[size++] = *result;
    }
    struct tr_slice text = tr_text_truncate(tr_slice(out, size), ROOM);
    bool known = tr_text_valid(text) && !tr_slice_is(text, "Other");
    out[known ? text.size : 0] = '\0';
}

static void match_text(struct tr_agent_matcher *matcher, int list, char out[64])
{
    size_t count = tr_agent_lists[list].count;
    size_t index = first_match(matcher, list, count);
    if (index < count)
        write_result(matcher, tr_agent_lists[list].rules[index].result, out);
}

static bool is_spider(const struct tr_agent_rule *rule)
{
    return rule->result != NULL && strcmp(rule->result, "Spider") == 0;
}

/* A spider's rule counts when no rule before it knows the device. The others need not be asked
 * unless one matches. */
static bool match_spider(struct tr_agent_matcher *matcher)
{
    const struct tr_agent_list *devices = &tr_agent_lists[TR_AGENT_DEVICES];
    size_t spider = 0;
    matcher->exhausted = false;
    while (spider < devices->count &&
           !(is_spider(&devices->rules[spider]) && matches(matcher, TR_AGENT_DEVICES, spider)))
        spider++;
    return spider < devices->count && first_match(matcher, TR_AGENT_DEVICES, spider) == spider;
}

static const char *match_class(struct tr_agent_matcher *matcher, const char *os)
{
    const struct tr_agent_list *classes = &tr_agent_lists[TR_AGENT_CLASSES];
    matcher->exhausted = false;
    for (size_t i = 0; i < classes->count; i++) {
        const struct tr_agent_rule *rule = &classes->rules[i];
        if (rule->expression == NULL ? strcmp(rule->os, os) == 0
                                     : matches(matcher, TR_AGENT_CLASSES, i))
            return rule->result;
    }
    return "";
}

void tr_agent_match(struct tr_agent_matcher *matcher, struct tr_slice text,
                    struct tr_agent *agent_out)
{
    *agent_out = (struct tr_agent){.device = ""};
    if (text.size == 0)
        return;
    matcher->text = text;
    if (matcher->text.size > TR_AGENT_BYTES_MAX)
        matcher->text.size = TR_AGENT_BYTES_MAX;
    note_trigrams(matcher);
    agent_out->bot = match_spider(matcher);
    match_text(matcher, TR_AGENT_BROWSERS, agent_out->browser);
    match_text(matcher, TR_AGENT_SYSTEMS, agent_out->os);
    agent_out->device = agent_out->bot ? "bot" : match_class(matcher, agent_out->os);
}

struct tr_agent_matcher *tr_agent_matcher_new(struct tr_agent_rules *rules)
{
    struct tr_agent_matcher *matcher = tr_calloc(1, sizeof *matcher);
    matcher->rules = rules;
    matcher->found = pcre2_match_data_create(GROUPS, NULL);
    matcher->limits = pcre2_match_context_create(NULL);
    if (matcher->found == NULL || matcher->limits == NULL)
        abort();
    pcre2_set_match_limit(matcher->limits, rules->compiled ? STEPS_COMPILED : STEPS_INTERPRETED);
    pcre2_set_heap_limit(matcher->limits, HEAP_KIB_MAX);
    return matcher;
}

void tr_agent_matcher_free(struct tr_agent_matcher *matcher)
{
    if (matcher == NULL)
        return;
    pcre2_match_data_free(matcher->found);
    pcre2_match_context_free(matcher->limits);
    free(matcher);
}
