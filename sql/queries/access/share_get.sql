-- SPDX-License-Identifier: MIT
-- What the share with the digest $2 of project $1 shows.
select json_build_object('page', s.page, 'title', s.title,
    'project', json_build_object('id', p.uuid, 'name', p.name, 'timezone', p.timezone, 'currency', p.currency))::text
    as answer
from traction.share s
join traction.project p on p.id = s.project_id
where s.project_id = $1 and s.hash = $2;
