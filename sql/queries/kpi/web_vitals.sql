-- Web vitals: a distribution for each metric, and how many values are good (x) and poor (y). Values
-- are counted in whole parts of their unit (include/traction/standard.h).

-- fragment: events_by_metric
with measured as (
    select {bucket} as t, e.metric as g, e.value
    from {events} and e.name = 'web_vital' and e.value >= 0 and e.metric = any (:vital_names)
), cells as materialized (
    select m.t, m.g, v.parts,
        case when m.value > 0 then greatest(-700, least(1500, ceil(ln(m.value::float8)
            / ln((1 + 0.01::float8) / (1 - 0.01::float8)))))::int else -701 end as index,
        count(*) as n, sum(round(m.value * v.parts)) as us,
        count(*) filter (where round(m.value * v.parts) <= v.good) as x,
        count(*) filter (where round(m.value * v.parts) > v.poor) as y
    from measured m
    join {vitals} on v.metric = m.g and round(m.value * v.parts) <= v.most
    group by 1, 2, 3, 4
), {top_by_n}
select {keys}, index, parts, sum(n)::bigint as n, sum(us) as us, null::bytea as sketch,
    sum(x)::bigint as x, sum(y)::bigint as y
from (select t, {place} as g, index, parts, n, us, x, y from cells) placed
group by index, parts, grouping sets ({sets})
order by 1, 2, 3
-- fragment: rollup_by_metric
with cells as materialized (
    select {rollup_bucket} as t, r.key as g, r.n, r.total_us as us, r.sketch, 0::bigint as x,
        0::bigint as y
    from traction.rollup_sketch r
    where r.project_id = :project and r.grain = :grain::"char" and r.metric = 'vital'
        and r.bucket >= :from and r.bucket < :to
    union all
    select {rollup_bucket} as t, split_part(r.key, ':', 1), 0, 0, null,
        case split_part(r.key, ':', 2) when 'good' then r.n else 0 end,
        case split_part(r.key, ':', 2) when 'poor' then r.n else 0 end
    from {counts} and r.metric = 'vital'
), {top_by_n}
select l.level, case when l.level & 2 = 0 then p.t end as t, case when l.level & 1 = 0 then p.g end
        as g, case when l.level & 1 = 0 then p.metric end as label, null::int as index, v.parts,
    p.n, p.us, p.sketch, p.x, p.y
from (select t, {place} as g, g as metric, n, us, sketch, x, y from cells) p
join {vitals} on v.metric = p.metric
cross join unnest(:levels) as l (level)
order by 1, 2, 3
