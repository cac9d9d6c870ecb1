-- SPDX-License-Identifier: MIT
-- Marks an instant. $1 project, $2 the sender's id or null, $3 at, $4 kind, $5 title, $6 url or null,
-- $7 properties as JSON, $8 how many a project may have. No row: it has as many. What is there with
-- the same sender's id is left as it is and answered. Index look-ups, and a count over an index.
with made as (
    insert into traction.annotation (project_id, client_id, at, kind, title, url, properties)
    select $1::int, $2::text, $3::timestamptz, $4::text, $5::text, $6::text, $7::text::jsonb
    where (select count(*) from traction.annotation where project_id = $1::int) < $8::int
    on conflict (project_id, client_id) do nothing
    returning *
)
select json_build_object('id', a.id, 'at', left(to_json(a.at) #>> '{}', -6) || 'Z',
           'kind', a.kind, 'title', a.title, 'url', a.url, 'properties', a.properties,
           'client_id', a.client_id,
           'created_at', to_char(a.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))::text
           as annotation, a.made
from (
    select *, true as made from made
    union all
    select *, false from traction.annotation where project_id = $1::int and client_id = $2::text
) a
order by a.made desc
limit 1;
