-- SPDX-License-Identifier: MIT
-- The server that evaluates resolves its alerts and drops the row. $1 rule's number.
update traction.alert_rule set removed_at = now() where id = $1;
