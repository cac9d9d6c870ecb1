-- SPDX-License-Identifier: MIT
-- $1 project, $2 name, $3 rule.
insert into traction.alert_rule (project_id, name, rule) values ($1, $2, $3::text::jsonb)
returning id;
