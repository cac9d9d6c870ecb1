/* SPDX-License-Identifier: MIT */
/* What a project says of its money: exact decimals, from the option's text to PostgreSQL's numeric.
 */
#include "cli_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CURRENCY_BYTES = 3, WHOLE_DIGITS = 12, DECIMALS = 12 };

bool tr_cli_is_currency(const char *text, size_t size)
{
    return size == CURRENCY_BYTES && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") >= size;
}

/* Digits, and a point with more digits behind it or none; above 0. */
static bool is_amount(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    const char *point = text + whole;
    size_t decimals = *point == '.' ? strspn(point + 1, "0123456789") : 0;
    if (whole == 0 || whole > WHOLE_DIGITS || decimals > DECIMALS ||
        (*point == '.' && decimals == 0))
        return false;
    const char *end = *point == '.' ? point + 1 + decimals : point;
    return *end == '\0' && strpbrk(text, "123456789") != NULL;
}

int tr_cli_check_margin(const char *text, struct tr_error *error)
{
    if (text == NULL || (is_amount(text) && strtod(text, NULL) <= 1))
        return 0;
    return tr_error_set(error, -EINVAL,
                        "--gross-margin: expected a share above 0 and up to 1, such as 0.8, not "
                        "\"%.20s\"",
                        text);
}

static int add_rate(json_t *rates, const char *text, struct tr_error *error)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || !tr_cli_is_currency(text, (size_t)(equals - text)) ||
        (equals[1] != '\0' && !is_amount(equals + 1)))
        return tr_error_set(error, -EINVAL,
                            "--rate: expected a currency and what one of it is in the project's "
                            "own, such as EUR=1.08, or EUR= to remove it, not \"%.40s\"",
                            text);
    char currency[CURRENCY_BYTES + 1] = {text[0], text[1], text[2]};
    json_object_set_new(rates, currency, equals[1] != '\0' ? json_string(equals + 1) : json_null());
    return 0;
}

int tr_cli_parse_rates(const struct tr_cli_list *list, char **json_out, struct tr_error *error)
{
    json_t *rates = json_object();
    int result = 0;
    for (size_t i = 0; i < list->count && result == 0; i++)
        result = add_rate(rates, list->items[i], error);
    if (result == 0)
        *json_out = json_dumps(rates, JSON_COMPACT);
    json_decref(rates);
    return result;
}
