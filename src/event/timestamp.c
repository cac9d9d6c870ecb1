/* SPDX-License-Identifier: MIT */
/*
 * When it happened, as clients write it: RFC 3339, "T" or a space between date and time, any
 * offset, up to nine decimals (kept to the microsecond), a leap second taken as the last
 * microsecond before it; or Unix milliseconds.
 */
#include "event_priv.h"

#define US_PER_SECOND ((int64_t)1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_DAY (1440 * US_PER_MINUTE)

struct text {
    const char *at;
    const char *end;
};

static bool take(struct text *text, const char *one_of)
{
    if (text->at == text->end || *text->at == '\0' || strchr(one_of, *text->at) == NULL)
        return false;
    text->at++;
    return true;
}

static bool take_number(struct text *text, int digits, int least, int most, int *number_out)
{
    if (text->end - text->at < digits)
        return false;
    int number = 0;
    for (; digits > 0; digits--, text->at++) {
        if (*text->at < '0' || *text->at > '9')
            return false;
        number = number * 10 + (*text->at - '0');
    }
    *number_out = number;
    return number >= least && number <= most;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Days since 1970-01-01, proleptic Gregorian: the year is made to begin in March, so that the
 * leap day is its last. */
static int64_t days_from_date(int year, int month, int day)
{
    if (month <= 2)
        year--;
    /* Four centuries, 146,097 days, are added and taken away again, so that no term is negative. */
    int64_t y = year + 400;
    int64_t months = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * months + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468 - 146097;
}

static bool take_date(struct text *text, int64_t *us_out)
{
    int year = 0;
    int month = 0;
    int day = 0;
    if (!take_number(text, 4, 0, 9999, &year) || !take(text, "-") ||
        !take_number(text, 2, 1, 12, &month) || !take(text, "-") ||
        !take_number(text, 2, 1, days_in_month(year, month), &day))
        return false;
    *us_out = days_from_date(year, month, day) * US_PER_DAY;
    return true;
}

static bool take_fraction(struct text *text, int64_t *us_out)
{
    int digits = 0;
    int64_t us = 0;
    for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++, digits++)
        if (digits < 6)
            us = us * 10 + (*text->at - '0');
    if (digits < 1 || digits > 9)
        return false;
    for (; digits < 6; digits++)
        us *= 10;
    *us_out = us;
    return true;
}

static bool take_time(struct text *text, int64_t *us_out)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    int64_t us = 0;
    if (!take_number(text, 2, 0, 23, &hour) || !take(text, ":") ||
        !take_number(text, 2, 0, 59, &minute) || !take(text, ":") ||
        !take_number(text, 2, 0, 60, &second))
        return false;
    if (take(text, ".") && !take_fraction(text, &us))
        return false;
    if (second == 60) {
        second = 59;
        us = US_PER_SECOND - 1;
    }
    *us_out = (hour * 60 + minute) * US_PER_MINUTE + second * US_PER_SECOND + us;
    return true;
}

static bool take_offset(struct text *text, int64_t *us_out)
{
    *us_out = 0;
    if (take(text, "Zz"))
        return true;
    bool west = take(text, "-");
    int hour = 0;
    int minute = 0;
    if ((!west && !take(text, "+")) || !take_number(text, 2, 0, 23, &hour) || !take(text, ":") ||
        !take_number(text, 2, 0, 59, &minute))
        return false;
    *us_out = (hour * 60 + minute) * US_PER_MINUTE * (west ? -1 : 1);
    return true;
}

static bool parse_rfc3339(struct tr_slice slice, int64_t *us_out)
{
    struct text text = {slice.data, slice.data + slice.size};
    int64_t date = 0;
    int64_t time = 0;
    int64_t offset = 0;
    if (!take_date(&text, &date) || !take(&text, "Tt ") || !take_time(&text, &time) ||
        !take_offset(&text, &offset) || text.at != text.end)
        return false;
    *us_out = date + time - offset;
    return true;
}

int64_t tr_timestamp_from_number(struct tr_slice text)
{
    struct tr_decimal ms;
    bool negative = text.data[0] == '-';
    if (tr_decimal_parse(&ms, text, 0) != 0)
        return negative ? -TR_TIMESTAMP_FAR_US : TR_TIMESTAMP_FAR_US;
    int64_t us = (int64_t)ms.whole * 1000 + (int64_t)(ms.parts / 1000000000000000);
    return negative ? -us : us;
}

bool tr_timestamp_parse(struct tr_slice text, int64_t *us_out)
{
    if (parse_rfc3339(text, us_out))
        return true;
    struct tr_json_value number;
    if (!tr_json_scan(text, &number) || number.type != TR_JSON_NUMBER)
        return false;
    *us_out = tr_timestamp_from_number(number.raw);
    return true;
}

bool tr_event_read_time(const struct tr_json_value *value, struct tr_arena *arena, int64_t *us_out)
{
    if (value->type == TR_JSON_NUMBER) {
        *us_out = tr_timestamp_from_number(value->raw);
        return true;
    }
    return value->type == TR_JSON_STRING && tr_timestamp_parse(tr_json_text(value, arena), us_out);
}
