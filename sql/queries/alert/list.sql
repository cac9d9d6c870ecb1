-- SPDX-License-Identifier: MIT
-- Rules of a project with their alerts, as JSON. $1 project, $2 a rule's number or name; null: all.
select coalesce(json_agg(one.rule order by one.id), '[]'::json) as rules,
    (select p.name from traction.project p where p.id = $1) as project
from (
    select r.id, r.rule || jsonb_build_object(
        'id', r.id,
        'created_at', to_char(r.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'changed_at', to_char(r.changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'silenced_until', (
            select to_char(max(s.until_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            from traction.alert_silence s
            where s.rule_id = r.id and s.until_at > now() and s.series is null
        ),
        'state', coalesce((
            select case
                when bool_or(a.phase = 'firing') then 'firing'
                when bool_or(a.phase = 'pending') then 'pending'
                when bool_and(a.no_data) then 'no data'
                else 'inactive' end
            from traction.alert_state a
            where a.rule_id = r.id
        ), 'inactive'),
        'alerts', coalesce((
            select jsonb_agg(jsonb_build_object(
                'series', a.series,
                'state', a.phase,
                'no_data', a.no_data,
                'active_at', to_char(a.active_at at time zone 'UTC',
                    'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                'fired_at', to_char(a.fired_at at time zone 'UTC',
                    'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                'value', a.value,
                'n', a.n) order by a.phase <> 'firing', a.phase <> 'pending', a.series)
            from traction.alert_state a
            where a.rule_id = r.id
        ), '[]'::jsonb)) as rule
    from traction.alert_rule r
    where r.project_id = $1 and r.removed_at is null
        and ($2::text is null or r.id::text = $2 or r.name = $2)
) one;
