-- SPDX-License-Identifier: MIT
-- Changes user $1: $2 role, $3 password's hash; null leaves it. Whose password is new signs in again. The last
-- owner stays one. No row: there is no such user, or it is the last owner.
with changed as (
    update traction.app_user u
    set role = coalesce($2, role), password = coalesce($3, password)
    where u.id = $1
        and (u.role <> 'owner' or coalesce($2, 'owner') = 'owner'
            or exists (select from traction.app_user o where o.role = 'owner' and o.id <> $1))
    returning u.id, u.email, u.role
), ended as (
    delete from traction.user_session s
    using changed c
    where s.user_id = c.id and $3 is not null
)
select json_build_object('id', id, 'email', email, 'role', role)::text as answer,
    pg_notify('traction_keys', '')::text as told
from changed;
