-- How many requests were answered in a given time, and in four times that.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, count(*) as n,
        count(*) filter (where {us} <= :threshold_us) as satisfied,
        count(*) filter (where {us} > :threshold_us and {us} <= 4 * :threshold_us) as tolerating
    from {events} and e.name = 'api_request' and e.value is not null
    group by 1, 2
), {top_by_n}
{apdex_of_cells}
-- fragment: rollup
with cells as materialized (
    select {rollup_bucket} as t, null::text as g, sum(r.n) as n,
        sum(r.n) filter (where r.metric = 'satisfied') as satisfied,
        sum(r.n) filter (where r.metric = 'tolerating') as tolerating
    from {counts} and r.metric in ('satisfied', 'tolerating', 'frustrated')
    group by 1
), {top_by_n}
{apdex_of_cells}
-- fragment: rollup_by_route
with cells as materialized (
    select {rollup_bucket} as t, nullif(r.key, '') as g, sum(r.n) as n,
        sum(r.n) filter (where r.metric = 'satisfied') as satisfied,
        sum(r.n) filter (where r.metric = 'tolerating') as tolerating
    from {counts} and r.metric in ('satisfied', 'tolerating', 'frustrated')
    group by 1, 2
), {top_by_n}
{apdex_of_cells}
