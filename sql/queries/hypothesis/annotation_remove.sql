-- SPDX-License-Identifier: MIT
-- $1 project, $2 number. A look-up by key.
delete from traction.annotation where project_id = $1::int and id = $2::bigint returning id;
