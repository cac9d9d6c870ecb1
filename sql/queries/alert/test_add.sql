-- SPDX-License-Identifier: MIT
-- $1 project, $2 receiver, $3 rule, $4 what goes out together, $5 alert.
insert into traction.alert_notification
    (project_id, receiver, rule_id, group_key, alert, created_at)
values ($1, $2, $3, $4, $5::text::json, now())
returning id;
