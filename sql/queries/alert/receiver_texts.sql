-- SPDX-License-Identifier: MIT
-- A project's receivers as they are, in order. $1 project.
select id, receiver from traction.alert_receiver where project_id = $1 order by id;
