/* SPDX-License-Identifier: MIT */
/* One end of a range: RFC 3339, a date, or relative to now. And instants as text. */
#include "kpi_priv.h"

#include <stdio.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)

/* Howard Hinnant's days_from_civil and its inverse, for the proleptic Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_of(int64_t days, int *year_out, int *month_out, int *day_out)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    *day_out = (int)(of_year - (153 * month + 2) / 5 + 1);
    *month_out = (int)(month < 10 ? month + 3 : month - 9);
    *year_out = (int)(year + era * 400 + (*month_out <= 2));
}

/* Takes count digits; -1 if there are not so many. */
static int take_digits(struct tr_slice *text, size_t count)
{
    int value = 0;
    if (text->size < count)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return -1;
        value = value * 10 + (text->data[i] - '0');
    }
    *text = tr_slice(text->data + count, text->size - count);
    return value;
}

static bool take(struct tr_slice *text, const char *any)
{
    if (text->size == 0 || strchr(any, *text->data) == NULL || *text->data == '\0')
        return false;
    *text = tr_slice(text->data + 1, text->size - 1);
    return true;
}

static bool take_date(struct tr_slice *text, int64_t *days_out)
{
    int year = take_digits(text, 4);
    int month = year >= 1 && take(text, "-") ? take_digits(text, 2) : -1;
    int day = month >= 1 && month <= 12 && take(text, "-") ? take_digits(text, 2) : -1;
    if (day < 1)
        return false;
    int64_t days = days_of(year, month, day);
    int y = 0;
    int m = 0;
    int d = 0;
    civil_of(days, &y, &m, &d);
    *days_out = days;
    return y == year && m == month && d == day;
}

/* Digits beyond microseconds are cut. */
static bool take_fraction(struct tr_slice *text, int64_t *us_out)
{
    *us_out = 0;
    if (!take(text, "."))
        return true;
    int64_t weight = SECOND_US / 10;
    int digit = take_digits(text, 1);
    if (digit < 0)
        return false;
    for (; digit >= 0; digit = take_digits(text, 1)) {
        *us_out += digit * weight;
        weight /= 10;
    }
    return true;
}

/* "+" often arrives as a space, because it was not encoded in the URL. */
static bool take_offset(struct tr_slice *text, int64_t *us_out)
{
    *us_out = 0;
    if (take(text, "Zz"))
        return true;
    bool west = text->size > 0 && *text->data == '-';
    if (!take(text, "+- "))
        return false;
    int hours = take_digits(text, 2);
    int minutes = hours >= 0 && hours < 24 && take(text, ":") ? take_digits(text, 2) : -1;
    if (minutes < 0 || minutes > 59)
        return false;
    int64_t offset = (int64_t)hours * 60 + minutes;
    *us_out = (west ? -offset : offset) * 60 * SECOND_US;
    return true;
}

static bool take_clock(struct tr_slice *text, int64_t *us_out)
{
    int hours = take_digits(text, 2);
    int minutes = hours >= 0 && hours < 24 && take(text, ":") ? take_digits(text, 2) : -1;
    int seconds = minutes >= 0 && minutes < 60 && take(text, ":") ? take_digits(text, 2) : -1;
    int64_t fraction = 0;
    if (seconds < 0 || seconds > 60 || !take_fraction(text, &fraction))
        return false;
    *us_out = SECOND_US * (hours * 3600 + minutes * 60 + seconds) + fraction;
    return true;
}

static bool parse_absolute(struct tr_slice text, struct tr_kpi_when *when)
{
    int64_t days = 0;
    int64_t clock = 0;
    int64_t offset = 0;
    if (!take_date(&text, &days))
        return false;
    if (text.size == 0) {
        when->kind = TR_KPI_DATE;
        when->date = (int32_t)days;
        when->named = true;
        return true;
    }
    when->kind = TR_KPI_INSTANT;
    if (!take(&text, "Tt ") || !take_clock(&text, &clock) || !take_offset(&text, &offset))
        return false;
    when->instant_us = days * DAY_US + clock - offset;
    return text.size == 0;
}

/* -7d and -2w begin at the start of that day; -24h and -30m are exact. */
static bool parse_relative(struct tr_slice text, int64_t now_us, struct tr_kpi_when *when)
{
    static const struct {
        char unit;
        int days;
        int64_t us;
    } units[] = {{'m', 0, 60 * SECOND_US}, {'h', 0, 3600 * SECOND_US}, {'d', 1, 0}, {'w', 7, 0}};
    char unit = text.data[text.size - 1];
    int64_t number = 0;
    if (text.size < 3 || text.size > 10)
        return false;
    for (size_t i = 1; i + 1 < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (text.data[i] - '0');
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (units[i].unit != unit)
            continue;
        when->kind = units[i].days > 0 ? TR_KPI_TODAY : TR_KPI_INSTANT;
        when->hours = units[i].days == 0;
        when->days = (int)-(number * units[i].days);
        when->instant_us = now_us - number * units[i].us;
        return number * (units[i].days * DAY_US + units[i].us) <= TR_KPI_DAYS_BACK_MAX * DAY_US;
    }
    return false;
}

bool tr_kpi_parse_when(struct tr_slice text, int64_t now_us, struct tr_kpi_when *when_out)
{
    *when_out = (struct tr_kpi_when){0};
    if (text.size == 0)
        return false;
    if (tr_slice_is(text, "now")) {
        *when_out = (struct tr_kpi_when){.kind = TR_KPI_INSTANT, .instant_us = now_us};
        return true;
    }
    if (tr_slice_is(text, "begin")) {
        when_out->kind = TR_KPI_BEGIN;
        return true;
    }
    if (tr_slice_is(text, "today") || tr_slice_is(text, "yesterday")) {
        when_out->kind = TR_KPI_TODAY;
        when_out->days = tr_slice_is(text, "today") ? 0 : -1;
        when_out->named = true;
        return true;
    }
    return *text.data == '-' ? parse_relative(text, now_us, when_out)
                             : parse_absolute(text, when_out);
}

void tr_kpi_format_time(int64_t us, char out[TR_KPI_TIME_BYTES])
{
    int64_t days = us / DAY_US - (us % DAY_US < 0);
    int64_t rest = us - days * DAY_US;
    int year = 0;
    int month = 0;
    int day = 0;
    civil_of(days, &year, &month, &day);
    int seconds = (int)(rest / SECOND_US);
    int fraction = (int)(rest % SECOND_US);
    char tail[12] = "";
    if (fraction > 0) {
        snprintf(tail, sizeof tail, ".%06d", fraction);
        for (size_t last = 6; tail[last] == '0'; last--)
            tail[last] = '\0';
    }
    snprintf(out, TR_KPI_TIME_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", year, month, day,
             seconds / 3600, seconds / 60 % 60, seconds % 60, tail);
}
