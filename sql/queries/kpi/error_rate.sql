-- Requests that failed, of all requests.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, count(*) filter (where e.status >= 500) as failed,
        count(*) as n
    from {events} and e.name = 'api_request'
    group by 1, 2
), {top_by_n}
select {keys}, coalesce(sum(failed), 0)::bigint as x, coalesce(sum(n), 0)::bigint as y
from (select t, {place} as g, failed, n from cells) placed
group by grouping sets ({sets})
-- fragment: rollup
with cells as materialized (
    select {rollup_bucket} as t, coalesce(sum(r.n) filter (where r.metric = 'failure'), 0) as failed,
        coalesce(sum(r.n) filter (where r.metric = 'request'), 0) as n
    from {counts} and r.metric in ('request', 'failure')
    group by 1
)
select {keys}, coalesce(sum(failed), 0)::bigint as x, coalesce(sum(n), 0)::bigint as y
from (select t, {place} as g, failed, n from cells) placed
group by grouping sets ({sets})
-- fragment: rollup_by_route
with cells as materialized (
    select {rollup_bucket} as t, nullif(r.key, '') as g,
        coalesce(sum(r.n) filter (where r.metric = 'failure'), 0) as failed,
        coalesce(sum(r.n) filter (where r.metric = 'request'), 0) as n
    from {counts} and r.metric in ('request', 'failure')
    group by 1, 2
), {top_by_n}
select {keys}, coalesce(sum(failed), 0)::bigint as x, coalesce(sum(n), 0)::bigint as y
from (select t, {place} as g, failed, n from cells) placed
group by grouping sets ({sets})
