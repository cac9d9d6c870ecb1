-- SPDX-License-Identifier: MIT
-- For each receiver what is to be told next: its oldest notification, and with it those of the same
-- group; and the version of the rules and receivers at that moment. At most 200 of a receiver, in
-- order. No parameters; an index over what waits.
with recursive head as (
    (
        select n.project_id, n.receiver, n.id
        from traction.alert_notification n
        where n.sent_at is null and n.dropped_at is null
        order by n.project_id, n.receiver, n.id
        limit 1
    )
    union all
    select l.project_id, l.receiver, l.id
    from head h
    cross join lateral (
        select n.project_id, n.receiver, n.id
        from traction.alert_notification n
        where n.sent_at is null and n.dropped_at is null
            and (n.project_id, n.receiver) > (h.project_id, h.receiver)
        order by n.project_id, n.receiver, n.id
        limit 1
    ) l
)
select n.project_id, n.receiver, n.id, n.group_key, n.alert::text as alert, n.created_at,
    n.attempts, n.next_at, v.version
from traction.alert_version v, head h
join traction.alert_notification first on first.id = h.id
cross join lateral (
    select o.*
    from traction.alert_notification o
    where o.project_id = h.project_id and o.receiver = h.receiver
        and o.sent_at is null and o.dropped_at is null and o.group_key = first.group_key
    order by o.id
    limit 200
) n
order by n.project_id, n.receiver, n.id;
