-- SPDX-License-Identifier: MIT
-- A project's rules as they are, in order. $1 project.
select id, rule from traction.alert_rule where project_id = $1 and removed_at is null order by id;
