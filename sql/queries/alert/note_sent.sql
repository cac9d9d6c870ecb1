-- SPDX-License-Identifier: MIT
-- $1 notifications, $2 project, $3 receiver, $4 now.
with told as (
    update traction.alert_notification
    set sent_at = $4::timestamptz, attempts = attempts + 1, error = null, next_at = null
    where id = any ($1::bigint[])
)
update traction.alert_receiver
set failing_since = null, last_error = null, last_sent_at = $4::timestamptz
where project_id = $2 and name = $3;
