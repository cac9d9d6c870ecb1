-- SPDX-License-Identifier: MIT
-- Rules that were removed, with their states and silences. $1 rules.
delete from traction.alert_rule
where id = any ($1::bigint[]) and removed_at is not null;
