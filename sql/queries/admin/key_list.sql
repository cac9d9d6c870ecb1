-- SPDX-License-Identifier: MIT
-- Keys as a JSON array of objects, the newest last. $1 project, null for all. A scan.
select coalesce(json_agg(json_build_object(
           'project', p.name,
           'scope', k.scope,
           'key', k.hint || '…',
           'created', to_char(k.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           'revoked', to_char(k.revoked_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
       order by p.name, k.created_at, k.hint), '[]')::text
from traction.api_key k
join traction.project p on p.id = k.project_id
where $1::int is null or k.project_id = $1::int;
