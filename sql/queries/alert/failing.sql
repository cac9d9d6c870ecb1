-- SPDX-License-Identifier: MIT
-- How receivers fare: seconds since when they have failed, 0: they do not; and what waits for them.
-- No parameters; a row a receiver.
select p.name as project, r.name,
    coalesce(r.last_error, '') as last_error,
    coalesce(extract(epoch from now() - r.failing_since), 0)::float8 as failing_s,
    (
        select count(*)
        from traction.alert_notification n
        where n.project_id = r.project_id and n.receiver = r.name
            and n.sent_at is null and n.dropped_at is null
    ) as waiting
from traction.alert_receiver r
join traction.project p on p.id = r.project_id
order by r.id;
