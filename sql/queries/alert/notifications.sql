-- SPDX-License-Identifier: MIT
-- What was and is to be told, the newest first, as JSON. $1 project, $2 from this number on,
-- $3 receiver or null, $4 how many.
select coalesce(json_agg(json_build_object(
    'id', n.id, 'receiver', n.receiver, 'rule_id', n.rule_id, 'alert', n.alert,
    'created_at', to_char(n.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'attempts', n.attempts, 'error', n.error,
    'sent_at', to_char(n.sent_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'dropped_at', to_char(n.dropped_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    order by n.id desc), '[]'::json) as notifications
from (
    select *
    from traction.alert_notification
    where project_id = $1 and id >= $2 and ($3::text is null or receiver = $3)
    order by id desc
    limit $4::int
) n;
