-- SPDX-License-Identifier: MIT
-- Receivers of a project and how they fare, without their secrets, as JSON. $1 project.
select coalesce(json_agg(
    (r.receiver - 'secret') || jsonb_build_object(
        'secret', r.receiver ? 'secret',
        'failing_since', to_char(r.failing_since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'last_error', r.last_error,
        'last_sent_at', to_char(r.last_sent_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    order by r.id), '[]'::json) as receivers
from traction.alert_receiver r
where r.project_id = $1;
