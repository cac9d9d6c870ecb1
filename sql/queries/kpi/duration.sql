-- Distributions of what events of one name took (:name; in rollups :metric).

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, {index_of_ms} as index, count(*) as n, sum({us}) as us
    from {events} and e.name = :name and e.value is not null
    group by 1, 2, 3
), {top_by_n}
select {keys}, index, sum(n)::bigint as n, sum(us) as us, null::bytea as sketch
from (select t, {place} as g, index, n, us from cells) placed
group by index, grouping sets ({sets})
order by 1, 2, 3
-- fragment: rollup
select l.level, case when l.level & 2 = 0 then {rollup_bucket} end as t, null::int as g,
    null::text as label, null::int as index, r.n, r.total_us as us, r.sketch
from traction.rollup_sketch r
cross join unnest(:levels) as l (level)
where r.project_id = :project and r.grain = :grain::"char" and r.metric = :metric and r.key = ''
    and r.bucket >= :from and r.bucket < :to
order by 1, 2, 3
-- fragment: rollup_by_route
-- The key '' holds all requests: what it has more than the routes together had no route. Rows with
-- sign -1 are taken away.
with stored as materialized (
    select {rollup_bucket} as t, r.key, r.n, r.total_us as us, r.sketch
    from traction.rollup_sketch r
    where r.project_id = :project and r.grain = :grain::"char" and r.metric = :metric
        and r.bucket >= :from and r.bucket < :to
), cells as materialized (
    select t, key as g, n, us, sketch, 1 as sign from stored where key <> ''
    union all
    select t, null, case key when '' then n else -n end, case key when '' then us else -us end,
        sketch, case key when '' then 1 else -1 end
    from stored
    where (select sum(case key when '' then n else -n end) from stored) > 0
), {top_by_n}
select l.level, case when l.level & 2 = 0 then p.t end as t, p.g, (select labels from top)[p.g]
        as label, null::int as index, p.n, p.us, p.sketch, p.sign
from (select t, {place} as g, n, us, sketch, sign from cells) p
cross join unnest(:levels) as l (level)
where l.level & 1 = 0
union all
select l.level, case when l.level & 2 = 0 then s.t end, null, null, null, s.n, s.us, s.sketch, 1
from stored s
cross join unnest(:levels) as l (level)
where s.key = '' and l.level & 1 = 1
order by 1, 2, 3
