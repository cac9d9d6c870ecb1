-- SPDX-License-Identifier: MIT
-- Forgets refused event $2 of project $1, once it was sent again.
delete from traction.reject where project_id = $1 and id = $2
returning json_build_object('id', id)::text as answer;
