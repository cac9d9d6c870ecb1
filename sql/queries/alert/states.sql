-- SPDX-License-Identifier: MIT
-- The states of all alerts. No parameters; as many as there are rules and groups.
select rule_id, series, phase, no_data, active_at, fired_at, clear_at, value, n, seen_at, told_at
from traction.alert_state
order by rule_id, series;
