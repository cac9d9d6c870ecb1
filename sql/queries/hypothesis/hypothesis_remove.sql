-- SPDX-License-Identifier: MIT
-- $1 project, $2 number, $3 now. It is kept, out of sight. A look-up by key.
update traction.hypothesis set archived_at = $3::timestamptz
where project_id = $1::int and id = $2::bigint and archived_at is null
returning id;
