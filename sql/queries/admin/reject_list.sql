-- SPDX-License-Identifier: MIT
-- The newest refused events, as a JSON array of objects. $1 project, null for all, $2 how many. The
-- index on (project_id, id) backwards, or the primary key.
select coalesce(json_agg(json_build_object(
           'received', to_char(r.received_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           'project', coalesce(p.name, r.project_id::text),
           'source', r.source,
           'index', r.index,
           'field', r.field,
           'code', r.code,
           'message', r.message,
           -- Bytes that are no text are shown escaped.
           'event', encode(r.event, 'escape'))
       order by r.id desc), '[]')::text
from (select *
      from traction.reject
      where $1::int is null or project_id = $1::int
      order by id desc
      limit $2) r
left join traction.project p on p.id = r.project_id;
