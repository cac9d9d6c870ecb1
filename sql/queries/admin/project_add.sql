-- SPDX-License-Identifier: MIT
-- Makes a project and tells the servers. $1 name, $2 time zone, $3 currency, $4 allowed origins,
-- $5 days to keep events, null for ever. Fails with 23505 when the name is taken.
with made as (
    insert into traction.project (name, timezone, currency, allowed_origins, retention_days)
    values ($1, $2, $3, $4, $5::int)
    returning id, uuid
)
select id, uuid::text as uuid, pg_notify('traction_keys', '')::text as told from made;
