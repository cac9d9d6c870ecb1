-- Notes which days of which projects have to go, by their retention; and deletes refused events
-- that are as old, which are few. Under the lock of the head, so that an event that lands later
-- sees the new bounds (late_events.sql). $1 now.
with days as (
    select to_date(substr(c.relname, 7, 8), 'YYYYMMDD') as day
    from pg_inherits as i
    join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'traction.event'::regclass and c.relname ~ '^event_[0-9]{8}'
),
moved as (
    update traction.project as p
    set expired_through = n.through
    from (
        select
            id,
            expired_through as before,
            ($1 at time zone 'UTC')::date - retention_days as through
        from traction.project
    ) as n
    where p.id = n.id and n.before is distinct from n.through
    returning p.id, n.before, n.through
),
kept_after_all as (
    delete from traction.expired_day as e using moved as m
    where e.project_id = m.id and (m.through is null or e.day >= m.through)
),
refused as (
    delete from traction.reject as r using moved as m
    where r.project_id = m.id and r.received_at < m.through::timestamp at time zone 'UTC'
)
insert into traction.expired_day (project_id, day)
select m.id, d.day
from moved as m
join days as d on d.day < m.through and d.day >= coalesce(m.before, '-infinity')
on conflict (project_id, day) do update set block = 0
