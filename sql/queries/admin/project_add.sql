-- SPDX-License-Identifier: MIT
-- Makes a project and tells the servers. $1 name, $2 time zone, $3 currency, $4 allowed origins,
-- $5 days to keep events, null for ever, $6 gross margin, null for 1, $7 rates. Fails with 23505
-- when the name is taken. Whether there is a rate for its own currency is for the caller to judge.
with made as (
    insert into traction.project
        (name, timezone, currency, allowed_origins, retention_days, gross_margin, rates)
    values ($1, $2, $3, $4, $5::int, coalesce($6::numeric, 1), jsonb_strip_nulls($7::jsonb))
    returning id, uuid, rates ? currency as has_own_rate
)
select id, uuid::text as uuid, has_own_rate, false as has_old_rates,
    pg_notify('traction_keys', '')::text as told
from made;
