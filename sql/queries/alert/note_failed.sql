-- SPDX-License-Identifier: MIT
-- $1 notifications, $2 project, $3 receiver, $4 now, $5 what happened, $6 when to try again; null:
-- given up.
with failed as (
    update traction.alert_notification
    set attempts = attempts + 1, error = $5::text, next_at = $6::timestamptz,
        dropped_at = case when $6::timestamptz is null then $4::timestamptz end
    where id = any ($1::bigint[])
)
update traction.alert_receiver
set failing_since = coalesce(failing_since, $4::timestamptz), last_error = $5::text
where project_id = $2 and name = $3;
