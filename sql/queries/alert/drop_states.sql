-- SPDX-License-Identifier: MIT
-- $1 rules, $2 series.
delete from traction.alert_state s
using unnest($1::bigint[], $2::text[]) as d (rule_id, series)
where s.rule_id = d.rule_id and s.series = d.series;
