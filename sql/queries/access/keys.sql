-- SPDX-License-Identifier: MIT
-- The keys of project $1 that are valid, oldest first, by their first characters.
select json_build_object('keys', coalesce(json_agg(json_build_object(
    'hint', hint, 'scope', scope,
    'created', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    order by created_at, hint), '[]'))::text as answer
from traction.api_key
where project_id = $1 and revoked_at is null;
