-- SPDX-License-Identifier: MIT
-- Everybody who may sign in. A scan.
select json_build_object('users', coalesce(json_agg(json_build_object(
    'id', u.id, 'email', u.email, 'role', u.role, 'password', u.password is not null,
    'sessions', (select count(*) from traction.user_session s where s.user_id = u.id and s.expires_at > now()),
    'created', to_char(u.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    order by u.email), '[]'))::text as answer
from traction.app_user u;
