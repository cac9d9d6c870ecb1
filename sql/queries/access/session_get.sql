-- SPDX-License-Identifier: MIT
-- Who $1 (a user's number) is, what there is to see, and whether the cookie with the digest $2 is due
-- for another.
select json_build_object(
    'user', json_build_object('email', u.email, 'role', u.role),
    'rotate', (select made_at < now() - interval '1 day' from traction.user_session where hash = $2),
    'projects', (
        select coalesce(json_agg(json_build_object(
            'id', p.uuid, 'name', p.name, 'timezone', p.timezone, 'currency', p.currency)
            order by p.id), '[]')
        from traction.project p
    ))::text as answer
from traction.app_user u
where u.id = $1;
