-- SPDX-License-Identifier: MIT
-- Removes user $1 and signs them out. No row: there is none, or it is the last owner.
with gone as (
    delete from traction.app_user u
    where u.id = $1
        and (u.role <> 'owner' or exists (select from traction.app_user o where o.role = 'owner' and o.id <> $1))
    returning u.id, u.email
)
select json_build_object('id', id, 'email', email)::text as answer, pg_notify('traction_keys', '')::text as told
from gone;
