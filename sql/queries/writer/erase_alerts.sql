-- What was told of rules that break down by user. $1 project, $2 user.
with told as (
    delete from traction.alert_notification
    where project_id = $1 and (sent_at is not null or dropped_at is not null)
        and position(to_json($2::text)::text in alert::text) > 0
)
delete from traction.alert_history where project_id = $1 and series = $2
