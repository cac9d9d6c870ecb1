/* SPDX-License-Identifier: MIT */
/*
 * Values, exactly: from the text of a JSON number to PostgreSQL's numeric, never through a double.
 *
 * numeric in binary (src/backend/utils/adt/numeric.c, numeric_send): four int16, the number of
 * digits, the weight of the first one, the sign (0x4000: negative) and the decimals to show; then
 * the digits in base 10,000. Zeros at either end are left out.
 */
#include "event_priv.h"

#include <endian.h>
#include <stdlib.h>

enum { WHOLE_DIGITS = 15, DECIMALS = 18, EXPONENT_FAR = 100000 };
/* A double ends at 1.8e308: what has more digits before the point is not finite. */
enum { FINITE_DIGITS = 309 };

#define PARTS_PER_ONE UINT64_C(1000000000000000000)

/* The significant digits of a number: 0.D1 D2 D3 … × 10^point. */
struct digits {
    char digit[WHOLE_DIGITS + DECIMALS + 1]; /* one more, which rounds */
    int count;                               /* of digit[], all that follow are dropped */
    long point;
};

static void add_digit(struct digits *digits, char c)
{
    if (digits->count < (int)sizeof digits->digit)
        digits->digit[digits->count++] = (char)(c - '0');
}

static long parse_exponent(const char *at, const char *end)
{
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    long exponent = 0;
    for (; at < end && exponent < EXPONENT_FAR; at++)
        exponent = exponent * 10 + (*at - '0');
    return negative ? -exponent : exponent;
}

static void collect(struct digits *digits, const char *at, const char *end)
{
    bool fraction = false;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        bool leading = digits->count == 0 && *at == '0';
        if (!leading)
            add_digit(digits, *at);
        if (fraction ? leading : !leading)
            digits->point += fraction ? -1 : 1;
    }
    if (at < end)
        digits->point += parse_exponent(at + 1, end);
}

/* The digit that stands for 10^(-place-1); 0 beyond either end. */
static unsigned digit_at(const struct digits *digits, long place)
{
    long index = place + digits->point;
    return index >= 0 && index < digits->count ? (unsigned)digits->digit[index] : 0;
}

int tr_decimal_parse(struct tr_decimal *decimal_out, struct tr_slice text, int shift)
{
    const char *end = text.data + text.size;
    bool negative = text.data[0] == '-';
    struct digits digits = {.point = shift};
    collect(&digits, text.data + negative, end);
    if (digits.count == 0)
        digits.point = 0;
    if (digits.point > FINITE_DIGITS)
        return TR_DECIMAL_NOT_FINITE;
    if (digits.point > WHOLE_DIGITS)
        return TR_DECIMAL_OUT_OF_RANGE;

    struct tr_decimal decimal = {0};
    for (long place = -digits.point; place < 0; place++)
        decimal.whole = decimal.whole * 10 + digit_at(&digits, place);
    for (long place = 0; place < DECIMALS; place++)
        decimal.parts = decimal.parts * 10 + digit_at(&digits, place);
    if (digit_at(&digits, DECIMALS) >= 5 && ++decimal.parts == PARTS_PER_ONE) {
        decimal.parts = 0;
        decimal.whole++;
    }
    if (decimal.whole >= 1000000000000000u)
        return TR_DECIMAL_OUT_OF_RANGE;
    decimal.negative = negative && (decimal.whole > 0 || decimal.parts > 0);
    *decimal_out = decimal;
    return 0;
}

/* Decimals that are not zeros at the end; *fraction_out is what they spell. */
static int decimals(const struct tr_decimal *decimal, uint64_t *fraction_out)
{
    int count = DECIMALS;
    uint64_t fraction = decimal->parts;
    while (count > 0 && fraction % 10 == 0) {
        fraction /= 10;
        count--;
    }
    *fraction_out = fraction;
    return count;
}

double tr_decimal_double(const struct tr_decimal *decimal)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    uint64_t fraction = 0;
    int count = decimals(decimal, &fraction);
    /* Where the digits fit a double, one division gives the nearest one. */
    if (count <= 9) {
        double scaled = (double)decimal->whole * powers[count] + (double)fraction;
        if (scaled < 0x1p53)
            return decimal->negative ? -scaled / powers[count] : scaled / powers[count];
    }
    char text[TR_DECIMAL_TEXT_MAX + 1];
    text[tr_decimal_text(decimal, text)] = '\0';
    return strtod(text, NULL);
}

/* Writes count digits, zeros in front. */
static void put_digits(char *out, int count, uint64_t number)
{
    for (int i = count - 1; i >= 0; i--, number /= 10)
        out[i] = (char)('0' + number % 10);
}

size_t tr_decimal_text(const struct tr_decimal *decimal, char out[TR_DECIMAL_TEXT_MAX])
{
    char *at = out;
    if (decimal->negative)
        *at++ = '-';
    int digits = 1;
    for (uint64_t rest = decimal->whole; rest >= 10; rest /= 10)
        digits++;
    put_digits(at, digits, decimal->whole);
    at += digits;
    uint64_t fraction = 0;
    int count = decimals(decimal, &fraction);
    if (count > 0) {
        *at++ = '.';
        put_digits(at, count, fraction);
        at += count;
    }
    return (size_t)(at - out);
}

static char *put_be16(char *at, int value)
{
    uint16_t big = htobe16((uint16_t)value);
    memcpy(at, &big, sizeof big);
    return at + sizeof big;
}

size_t tr_decimal_binary(const struct tr_decimal *decimal, char out[TR_DECIMAL_BINARY_MAX])
{
    enum { GROUPS_WHOLE = 4, GROUPS = 9, BASE = 10000 };
    int groups[GROUPS];
    uint64_t whole = decimal->whole;
    /* Eighteen decimals are four groups of four and half of a fifth. */
    uint64_t rest = decimal->parts / 100;
    groups[GROUPS - 1] = (int)(decimal->parts % 100 * 100);
    for (int i = GROUPS_WHOLE - 1; i >= 0; i--, whole /= BASE)
        groups[i] = (int)(whole % BASE);
    for (int i = GROUPS - 2; i >= GROUPS_WHOLE; i--, rest /= BASE)
        groups[i] = (int)(rest % BASE);
    int first = 0;
    int end = GROUPS;
    while (first < end && groups[first] == 0)
        first++;
    while (end > first && groups[end - 1] == 0)
        end--;
    uint64_t fraction = 0;
    char *at = put_be16(out, end - first);
    at = put_be16(at, end > first ? GROUPS_WHOLE - 1 - first : 0);
    at = put_be16(at, decimal->negative ? 0x4000 : 0);
    at = put_be16(at, decimals(decimal, &fraction));
    for (int i = first; i < end; i++)
        at = put_be16(at, groups[i]);
    return (size_t)(at - out);
}
