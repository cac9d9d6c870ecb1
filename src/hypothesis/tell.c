/* SPDX-License-Identifier: MIT */
/* Pieces of answers. */
#include "hypothesis_priv.h"

#include <math.h>

json_t *tr_number_json(double number)
{
    if (!isfinite(number))
        return json_null();
    if (fabs(number) < 1e15 && number == trunc(number))
        return json_integer((json_int_t)number);
    return json_real(number);
}

json_t *tr_interval_json(struct tr_interval interval, double confidence)
{
    return json_pack("{s:o, s:o, s:o}", "low", tr_number_json(interval.low), "high",
                     tr_number_json(interval.high), "confidence", tr_number_json(confidence));
}

json_t *tr_time_json(struct tr_kpi_asker *ask, int64_t us)
{
    struct tr_slice text = tr_kpi_time_text(us, ask->arena);
    return json_stringn(text.data, text.size);
}
