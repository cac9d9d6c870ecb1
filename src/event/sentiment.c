/* SPDX-License-Identifier: MIT */
/*
 * How a feedback event feels, in millionths from -1 to 1: what its sender says, else what its score
 * says, else what its text says by the lexicon in sentiment_words.txt. docs/events.md explains it.
 *
 * The text is taken word by word. A word's weight is changed by the word before it (more, less) and
 * by a negation among the three before it, unless punctuation stands between; the sum s becomes
 * s / sqrt(s^2 + 15), which never quite gets to 1.
 */
#include "event_priv.h"

#include "traction/embed.h"
#include "traction/standard.h"

#include <math.h>
#include <stdlib.h>

enum { TEXT_MAX = 4000, WORD_MAX = 32, REACH = 3 };
static const double turned = -0.75;
static const double strengthened = 1.5;
static const double weakened = 0.5;
static const double spread = 15;

/* What is known of the text so far. */
struct reading {
    double sum;
    double factor;   /* of the next word */
    double emphasis; /* of all that follow */
    int turns;       /* words that a negation still turns round */
};

/* The lexicon ---------------------------------------------------------------------------------- */

/* Below, at or above 0: the line's word stands before, at or behind this one. */
static int compare(const char *line, struct tr_slice word)
{
    for (size_t i = 0; i < word.size; i++)
        if (line[i] != word.data[i])
            return (unsigned char)line[i] < (unsigned char)word.data[i] ? -1 : 1;
    return line[word.size] == ' ' ? 0 : 1;
}

/* What stands behind the word in its line; NULL if there is none. Lines are in order, so halving
 * finds it. */
static const char *find_word(struct tr_slice word)
{
    const char *low = tr_sentiment_files[0].text;
    const char *high = low + tr_sentiment_files[0].size;
    while (low < high) {
        const char *line = low + (high - low) / 2;
        while (line > low && line[-1] != '\n')
            line--;
        int order = compare(line, word);
        if (order == 0)
            return line + word.size + 1;
        if (order > 0)
            high = line;
        else
            low = strchr(line, '\n') + 1;
    }
    return NULL;
}

/* Words ---------------------------------------------------------------------------------------- */

static bool is_negation(struct tr_slice word)
{
    return word.size > 3 && memcmp(word.data + word.size - 3, "n't", 3) == 0;
}

static void turn(struct reading *reading)
{
    reading->sum *= weakened;
    reading->emphasis = strengthened;
    reading->turns = 0;
}

static void take_word(struct reading *reading, struct tr_slice word)
{
    const char *mark = is_negation(word) ? "not" : find_word(word);
    char first = '0';
    if (mark != NULL)
        first = *mark;
    double factor = reading->factor;
    reading->factor = first == 'm' ? strengthened : first == 'l' ? weakened : 1;
    if (first == 'n') {
        reading->turns = REACH;
        return;
    }
    if (first == 'b')
        turn(reading);
    else if (first != 'm' && first != 'l')
        reading->sum += (double)strtol(mark != NULL ? mark : "0", NULL, 10) * factor *
                        reading->emphasis * (reading->turns > 0 ? turned : 1);
    if (reading->turns > 0)
        reading->turns--;
}

static void take_stop(struct reading *reading)
{
    reading->turns = 0;
    reading->factor = 1;
}

static bool is_letter(const char *at)
{
    unsigned char c = (unsigned char)*at;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* An apostrophe, the typewriter's or the printer's: its length, else 0. */
static size_t apostrophe(const char *at, const char *end)
{
    if (*at == '\'')
        return 1;
    return end - at >= 3 && memcmp(at, "\xe2\x80\x99", 3) == 0 ? 3 : 0;
}

/* A dash, a quotation mark and the like: its length, else 0. */
static size_t punctuation(const char *at, const char *end)
{
    return end - at >= 3 && memcmp(at, "\xe2\x80", 2) == 0 ? 3 : 0;
}

/* The word that begins here, in small letters: where it ends. What is longer than any word in the
 * lexicon is read to its end and is none. */
static const char *read_word(const char *at, const char *end, char word[WORD_MAX], size_t *size_out)
{
    size_t size = 0;
    while (at < end) {
        size_t quote = apostrophe(at, end);
        if (quote == 0 && (!is_letter(at) || punctuation(at, end) > 0 || (*at & 0xf8) == 0xf0))
            break;
        char c = *at;
        if (quote > 0)
            c = '\'';
        if (size < WORD_MAX)
            word[size] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        size++;
        at += quote > 0 ? quote : 1;
    }
    while (size > 0 && size <= WORD_MAX && word[size - 1] == '\'')
        size--;
    *size_out = size <= WORD_MAX ? size : 0;
    return at;
}

/* Takes what begins here; returns where it ends. */
static const char *take_next(struct reading *reading, const char *at, const char *end)
{
    char word[WORD_MAX];
    size_t size = punctuation(at, end);
    if (size > 0 || !is_letter(at)) {
        if (size > 0 || strchr(".,;:!?\n", *at) != NULL)
            take_stop(reading);
        return at + (size > 0 ? size : 1);
    }
    /* A character of four bytes is a word by itself: an emoji. */
    if ((*at & 0xf8) == 0xf0 && end - at >= 4) {
        take_word(reading, tr_slice(at, 4));
        return at + 4;
    }
    const char *behind = read_word(at, end, word, &size);
    take_word(reading, tr_slice(word, size));
    return behind > at ? behind : at + 1;
}

int32_t tr_sentiment_of_text(struct tr_slice text)
{
    struct reading reading = {.factor = 1, .emphasis = 1};
    text = tr_text_truncate(text, TEXT_MAX);
    const char *at = text.data;
    const char *end = text.data + text.size;
    while (at < end)
        at = take_next(&reading, at, end);
    double whole = reading.sum / sqrt(reading.sum * reading.sum + spread);
    return (int32_t)lround(whole * TR_SENTIMENT_ONE);
}

/* Events --------------------------------------------------------------------------------------- */

static bool read_given(const struct tr_json_value *value, struct tr_arena *arena,
                       int32_t *millionths_out)
{
    struct tr_slice text = tr_property_text(value, arena);
    struct tr_json_value number;
    struct tr_decimal decimal;
    if (text.data == NULL || !tr_json_scan(text, &number) || number.type != TR_JSON_NUMBER ||
        tr_decimal_parse(&decimal, number.raw, 0) != 0)
        return false;
    if (decimal.whole > 1 || (decimal.whole == 1 && decimal.parts > 0))
        return false;
    uint64_t size =
        decimal.whole * TR_SENTIMENT_ONE + (decimal.parts + 500000000000u) / 1000000000000u;
    *millionths_out = decimal.negative ? -(int32_t)size : (int32_t)size;
    return true;
}

/* From the middle of the scale to its ends. */
static bool read_score(const struct tr_json_value *type, const struct tr_decimal *score,
                       struct tr_arena *arena, int32_t *millionths_out)
{
    if (score == NULL || type->raw.data == NULL || type->type != TR_JSON_STRING)
        return false;
    const struct tr_survey *survey = tr_survey_find(tr_json_text(type, arena));
    if (survey == NULL || score->parts > 0 || score->negative ||
        score->whole < (uint64_t)survey->least || score->whole > (uint64_t)survey->most)
        return false;
    long distance = 2 * (long)score->whole - survey->least - survey->most;
    double share = (double)distance / (survey->most - survey->least);
    *millionths_out = (int32_t)lround(share * TR_SENTIMENT_ONE);
    return true;
}

bool tr_sentiment_derive(struct tr_slice properties, const struct tr_decimal *score,
                         struct tr_arena *arena, int32_t *millionths_out)
{
    static const char *const names[] = {"sentiment", "type", "text"};
    struct tr_json_value values[3];
    tr_json_collect(properties, names, 3, values);
    if (read_given(&values[0], arena, millionths_out) ||
        read_score(&values[1], score, arena, millionths_out))
        return true;
    if (values[2].raw.data == NULL || values[2].type != TR_JSON_STRING)
        return false;
    struct tr_slice text = tr_json_text(&values[2], arena);
    if (text.size == 0)
        return false;
    *millionths_out = tr_sentiment_of_text(text);
    return true;
}
