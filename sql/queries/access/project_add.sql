-- SPDX-License-Identifier: MIT
-- A new project: $1 name, $2 time zone, $3 currency. No row: there is one of this name.
with made as (
    insert into traction.project (name, timezone, currency)
    values ($1, coalesce($2, 'UTC'), coalesce($3, 'USD'))
    on conflict (name) do nothing
    returning uuid, name, timezone, currency
)
select json_build_object('id', uuid, 'name', name, 'timezone', timezone, 'currency', currency)::text as answer,
    pg_notify('traction_keys', '')::text as told
from made;
