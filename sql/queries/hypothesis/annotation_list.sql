-- SPDX-License-Identifier: MIT
-- A project's annotations in [$2, $3), of one kind ($4, null: of any) or by number ($5, -1: all),
-- the newest $6 in order of time, as a JSON array. An index range.
select coalesce(json_agg(json_build_object('id', a.id,
           'at', left(to_json(a.at) #>> '{}', -6) || 'Z', 'kind', a.kind,
           'title', a.title, 'url', a.url, 'properties', a.properties, 'client_id', a.client_id,
           'created_at', to_char(a.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
       order by a.at, a.id), '[]')::text
from (
    select * from traction.annotation
    where project_id = $1::int and at >= $2::timestamptz and at < $3::timestamptz
        and ($4::text is null or kind = $4::text) and ($5::bigint = -1 or id = $5::bigint)
    order by at desc, id desc
    limit $6::int
) a;
