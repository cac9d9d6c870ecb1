-- SPDX-License-Identifier: MIT
-- The newest refused events of project $1, before number $2; 100 of them.
select json_build_object('rejects', coalesce(json_agg(json_build_object(
    'id', r.id,
    'received', to_char(r.received_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'source', r.source, 'index', r.index, 'field', r.field, 'code', r.code, 'message', r.message,
    'event', encode(r.event, 'escape'))
    order by r.id desc), '[]'))::text as answer
from (
    select * from traction.reject
    where project_id = $1 and id < $2::int8
    order by id desc
    limit 100
) r;
