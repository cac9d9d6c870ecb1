-- SPDX-License-Identifier: MIT
-- Silences of a project that are not over, as JSON. $1 project.
select coalesce(json_agg(json_build_object(
    'id', s.id, 'rule', r.name, 'series', s.series, 'comment', s.comment,
    'created_at', to_char(s.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'until', to_char(s.until_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    order by s.id), '[]'::json) as silences
from traction.alert_silence s
join traction.alert_rule r on r.id = s.rule_id
where r.project_id = $1 and r.removed_at is null and s.until_at > now();
