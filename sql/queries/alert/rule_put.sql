-- SPDX-License-Identifier: MIT
-- $1 rule's number, $2 name, $3 rule.
update traction.alert_rule set name = $2, rule = $3::text::jsonb, changed_at = now() where id = $1;
