-- How many events there are, of one name (:name) or of any. Rollup keys are kind:name.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, count(*) as n
    from {events} and (:name::text is null or e.name = :name)
    group by 1, 2
), {top_by_n}
select {keys}, coalesce(sum(n), 0)::bigint as x
from (select t, {place} as g, n from cells) placed
group by grouping sets ({sets})
-- fragment: rollup
with cells as materialized (
    select {rollup_bucket} as t, r.n
    from {counts} and r.metric = 'event' and (:name::text is null or r.key = any (array[
        'e:' || :name, 'p:' || :name, 'b:' || :name, 'f:' || :name]))
)
select {keys}, coalesce(sum(n), 0)::bigint as x
from (select t, {place} as g, n from cells) placed
group by grouping sets ({sets})
-- fragment: rollup_by_name
with cells as materialized (
    select {rollup_bucket} as t, substr(r.key, 3) as g, sum(r.n) as n
    from {counts} and r.metric = 'event' and (:name::text is null or r.key = any (array[
        'e:' || :name, 'p:' || :name, 'b:' || :name, 'f:' || :name]))
    group by 1, 2
), {top_by_n}
select {keys}, coalesce(sum(n), 0)::bigint as x
from (select t, {place} as g, n from cells) placed
group by grouping sets ({sets})
-- fragment: rollup_by_kind
with cells as materialized (
    select {rollup_bucket} as t, case left(r.key, 1) when 'e' then 'engagement'
            when 'p' then 'performance' when 'b' then 'business' when 'f' then 'feedback' end as g,
        sum(r.n) as n
    from {counts} and r.metric = 'event' and (:name::text is null or r.key = any (array[
        'e:' || :name, 'p:' || :name, 'b:' || :name, 'f:' || :name]))
    group by 1, 2
), {top_by_n}
select {keys}, coalesce(sum(n), 0)::bigint as x
from (select t, {place} as g, n from cells) placed
group by grouping sets ({sets})
