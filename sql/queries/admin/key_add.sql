-- SPDX-License-Identifier: MIT
-- Stores a key's digest and tells the servers. $1 digest, $2 project, $3 scope, $4 first characters.
-- No row: there is no such project.
with made as (
    insert into traction.api_key (hash, project_id, scope, hint)
    select $1, id, $3, $4 from traction.project where id = $2
    returning hint
)
select hint, pg_notify('traction_keys', '')::text as told from made;
