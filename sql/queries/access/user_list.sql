-- SPDX-License-Identifier: MIT
-- Everybody who may sign in, as a JSON array of objects. A scan.
select coalesce(json_agg(json_build_object(
    'email', u.email, 'role', u.role,
    'sessions', (select count(*) from traction.user_session s where s.user_id = u.id and s.expires_at > now())::text,
    'created', to_char(u.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    order by u.email), '[]')::text
from traction.app_user u;
