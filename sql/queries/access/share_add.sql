-- SPDX-License-Identifier: MIT
-- Shares page $3 of project $1 under the digest $2: $4 title, $5 by whom (a user's number, 0: a key).
with made as (
    insert into traction.share (project_id, hash, page, title, created_by)
    select $1, $2, $3, coalesce($4, ''), coalesce((select email from traction.app_user where id = $5), 'an admin key')
    returning id, page, title
)
select json_build_object('id', id, 'page', page, 'title', title)::text as answer,
    pg_notify('traction_keys', '')::text as told
from made;
