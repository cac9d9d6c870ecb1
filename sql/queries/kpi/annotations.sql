-- SPDX-License-Identifier: MIT
-- What was marked in [$2, $3) of the project $1, the newest 200 in order of time, as a JSON array.
-- An index range.
select coalesce(json_agg(json_build_object('id', a.id,
           'at', left(to_json(a.at) #>> '{}', -6) || 'Z', 'kind', a.kind,
           'title', a.title)
       order by a.at, a.id), '[]')::text
from (
    select id, at, kind, title from traction.annotation
    where project_id = $1::int and at >= $2::timestamptz and at < $3::timestamptz
    order by at desc, id desc
    limit 200
) a;
