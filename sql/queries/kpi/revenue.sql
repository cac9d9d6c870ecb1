-- Money from purchases, by currency (k); a purchase without one is in the project's.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, coalesce(e.unit, :currency) as k, count(*) as n,
        sum(e.value) as amount
    from {events} and e.name = 'purchase' and e.value is not null
    group by 1, 2, 3
), top as materialized (
    select array(
        select g from cells group by g
        order by coalesce(sum(amount) filter (where k = :currency), 0) desc, g collate "C"
        limit :groups
    ) as labels
)
select {keys}, k, trim_scale(sum(amount))::text as x, sum(n)::bigint as n
from (select t, {place} as g, k, n, amount from cells) placed
group by k, grouping sets ({sets})
order by k
-- fragment: rollup
with cells as materialized (
    select {rollup_bucket} as t, coalesce(nullif(r.key, ''), :currency) as k, r.n, r.amount
    from {counts} and r.metric = 'revenue'
)
select {keys}, k, trim_scale(sum(amount))::text as x, sum(n)::bigint as n
from (select t, {place} as g, k, n, amount from cells) placed
group by k, grouping sets ({sets})
order by k
