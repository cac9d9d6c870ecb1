-- SPDX-License-Identifier: MIT
-- Ends the key of project $1 that begins with $2. No row: there is none, or more than one.
with ended as (
    update traction.api_key
    set revoked_at = now()
    where project_id = $1 and hint = $2 and revoked_at is null
        and (select count(*) from traction.api_key where project_id = $1 and hint = $2 and revoked_at is null) = 1
    returning hint, scope
)
select json_build_object('hint', hint, 'scope', scope)::text as answer, pg_notify('traction_keys', '')::text as told
from ended;
