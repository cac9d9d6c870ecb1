-- SPDX-License-Identifier: MIT
-- What is shared of project $1, newest first.
select json_build_object('shares', coalesce(json_agg(json_build_object(
    'id', id, 'page', page, 'title', title, 'by', created_by,
    'created', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    order by id desc), '[]'))::text as answer
from traction.share
where project_id = $1;
