-- How long sessions last. What a session spans is put together anew for the whole range, for each
-- interval and for each group, because its parts there are not additive.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, {session} as member,
        min(e.ts) as first_at, max(e.ts) as last_at,
        coalesce(sum({us}::float8) filter (where e.name = 'engaged_time'), 0) as engaged
    from {session_events} and {session} is not null
    group by 1, 2, 3
), {top_by_members}, times as (
    select {keys}, {duration} as us
    from (select t, {place} as g, member, first_at, last_at, engaged from cells) placed
    group by member, grouping sets ({sets})
)
select level, t, g, label, {index_of_us} as index, count(*) as n, sum(us) as us,
    null::bytea as sketch
from times
group by 1, 2, 3, 4, 5
order by 1, 2, 3
-- fragment: rollup
-- Sessions with one day only are kept as distributions; those with several, which are few, singly.
with several as materialized (
    select {day_bucket} as t, null::int as g, d.session as member, d.first_at, d.last_at,
        d.engaged_us::float8 as engaged
    from traction.session_day d
    where d.project_id = :project and d.several_days and d.day >= :from_day and d.day < :to_day
), times as (
    select {keys}, {duration} as us
    from several
    group by member, grouping sets ({sets})
)
select level, t, g, label, {index_of_us} as index, count(*) as n, sum(us) as us,
    null::bytea as sketch
from times
group by 1, 2, 3, 4, 5
union all
select l.level, case when l.level & 2 = 0 then {day_bucket} end, null, null, null, d.sessions,
    d.total_us, d.sketch
from traction.session_time d
cross join unnest(:levels) as l (level)
where d.project_id = :project and d.day >= :from_day and d.day < :to_day
order by 1, 2, 3
