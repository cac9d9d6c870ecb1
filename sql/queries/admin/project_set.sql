-- SPDX-License-Identifier: MIT
-- Changes what is given of project $1 and tells the servers; null leaves a field as it is. $2 name,
-- $3 time zone, $4 currency, $5 whether to set the origins to $6, $7 whether to set the days to $8.
with changed as (
    update traction.project
    set name = coalesce($2, name),
        timezone = coalesce($3, timezone),
        currency = coalesce($4, currency),
        allowed_origins = case when $5 then $6 else allowed_origins end,
        retention_days = case when $7 then $8::int else retention_days end
    where id = $1
    returning id
)
select id, pg_notify('traction_keys', '')::text as told from changed;
