/* SPDX-License-Identifier: MIT */
/*
 * Counts of how well it went and how people felt:
 *
 *   metric     key                    n                          amount
 *   satisfied  route                  api_request in 500 ms      -
 *   tolerating route                  in four times that         -
 *   frustrated route                  slower                     -
 *   vital      LCP:good …             measurements               -
 *   survey     nps:9 …                answers on the scale       -
 *   answer     type, or type:text     survey_answer; with a text -
 *   sentiment  positive …             feedback                   sum, -1 to 1 each
 */
#include "writer_priv.h"

#include <stdlib.h>
#include <string.h>

/* What is satisfying unless a question says otherwise (src/kpi/table.c has it, too). */
enum { APDEX_US = 500000 };

static void count(struct counts *counts, struct count_key *key, const char *metric,
                  struct tr_slice text)
{
    key->metric = metric;
    key->key = text;
    tr_counts_add(counts, key, 1);
}

static void count_request(struct counts *counts, const struct item *item, struct count_key *key)
{
    struct tr_slice route = item->record.route.data != NULL ? item->record.route : TR_SLICE("");
    if (item->value_us < 0)
        return;
    if (item->value_us <= APDEX_US)
        count(counts, key, "satisfied", route);
    else
        count(counts, key, item->value_us <= INT64_C(4) * APDEX_US ? "tolerating" : "frustrated",
              route);
}

static void count_vital(struct counts *counts, const struct item *item, struct count_key *key,
                        struct tr_arena *arena)
{
    const struct tr_vital *vital = item->vital;
    if (vital == NULL || item->value_us < 0)
        return;
    const char *rating = item->value_us <= vital->good   ? "good"
                         : item->value_us <= vital->poor ? "needs_improvement"
                                                         : "poor";
    count(counts, key, "vital", tr_slice_of(tr_arena_printf(arena, "%s:%s", vital->name, rating)));
}

/* -1: not on the survey's scale. */
static int score_of(const struct tr_record *record, const struct tr_survey *survey)
{
    if (!record->has_value || record->value < survey->least || record->value > survey->most)
        return -1;
    int score = (int)record->value;
    return memchr(record->value_text.data, '.', record->value_text.size) == NULL ? score : -1;
}

static void count_answer(struct counts *counts, const struct item *item, struct count_key *key,
                         struct tr_arena *arena)
{
    struct tr_answer answer;
    tr_answer_read(item->record.properties, arena, &answer);
    const struct tr_survey *survey = tr_survey_find(answer.type);
    const char *type = survey != NULL                     ? survey->type
                       : tr_slice_is(answer.type, "text") ? "text"
                                                          : "other";
    count(counts, key, "answer",
          tr_slice_of(answer.has_text ? tr_arena_printf(arena, "%s:text", type) : type));
    int score = survey != NULL ? score_of(&item->record, survey) : -1;
    if (score >= 0)
        count(counts, key, "survey",
              tr_slice_of(tr_arena_printf(arena, "%s:%d", survey->type, score)));
}

static void count_sentiment(struct counts *counts, const struct item *item, struct count_key *key,
                            struct tr_arena *arena)
{
    int millionths = item->record.sentiment;
    const char *amount =
        tr_arena_printf(arena, "%s%d.%06d", millionths < 0 ? "-" : "",
                        abs(millionths) / TR_SENTIMENT_ONE, abs(millionths) % TR_SENTIMENT_ONE);
    key->metric = "sentiment";
    key->key = millionths >= TR_SENTIMENT_POSITIVE    ? TR_SLICE("positive")
               : millionths <= -TR_SENTIMENT_POSITIVE ? TR_SLICE("negative")
                                                      : TR_SLICE("neutral");
    tr_counts_add_amount(counts, key, tr_slice_of(amount));
}

void tr_counts_add_quality(struct counts *counts, const struct item *item, struct count_key key,
                           struct tr_arena *arena)
{
    if (item->standard == STANDARD_API_REQUEST)
        count_request(counts, item, &key);
    else if (item->standard == STANDARD_WEB_VITAL)
        count_vital(counts, item, &key, arena);
    else if (item->standard == STANDARD_SURVEY_ANSWER)
        count_answer(counts, item, &key, arena);
    if (item->record.has_sentiment)
        count_sentiment(counts, item, &key, arena);
}
