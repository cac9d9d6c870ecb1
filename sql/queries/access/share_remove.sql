-- SPDX-License-Identifier: MIT
-- Ends share $2 of project $1. No row: there is none.
with gone as (
    delete from traction.share where project_id = $1 and id = $2 returning id
)
select json_build_object('id', id)::text as answer, pg_notify('traction_keys', '')::text as told from gone;
