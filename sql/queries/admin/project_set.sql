-- SPDX-License-Identifier: MIT
-- Changes what is given of project $1 and tells the servers; null leaves a field as it is. $2 name,
-- $3 time zone, $4 currency, $5 whether to set the origins to $6, $7 whether to set the days to $8,
-- $9 gross margin, $10 rates to add, null to remove. Whether there is a rate for the project's own
-- currency, and whether some are to a currency it no longer has, is for the caller to judge.
with changed as (
    update traction.project as p
    set name = coalesce($2, p.name),
        timezone = coalesce($3, p.timezone),
        currency = coalesce($4, p.currency),
        allowed_origins = case when $5 then $6 else p.allowed_origins end,
        retention_days = case when $7 then $8::int else p.retention_days end,
        gross_margin = coalesce($9::numeric, p.gross_margin),
        rates = jsonb_strip_nulls(p.rates || $10::jsonb)
    from traction.project as old
    where p.id = $1 and old.id = p.id
    returning p.id, p.rates ? p.currency as has_own_rate,
        p.currency <> old.currency and exists (
            select from jsonb_object_keys(old.rates) as k (code) where not $10::jsonb ? k.code
        ) as has_old_rates
)
select id, has_own_rate, has_old_rates, pg_notify('traction_keys', '')::text as told
from changed;
