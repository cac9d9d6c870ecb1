-- People whose first event ever lies in the range. The event that was theirs first is filtered and
-- grouped by; of several at the same moment the one that was received first.

-- fragment: events
with firsts as materialized (
    select distinct on (e.person) e.*
    from traction.event e
    join traction.person p
        on p.project_id = e.project_id and p.person = e.person and p.first_seen = e.ts
    where e.project_id = :project and e.ts >= :from and e.ts < :to and not e.bot
        and p.project_id = :project and p.first_seen >= :from and p.first_seen < :to
    order by e.person, e.received_at, e.id collate "C"
), cells as materialized (
    select {bucket} as t, {group} as g, count(*) as n
    from firsts e
    where true {where}
    group by 1, 2
), {top_by_n}
select {keys}, coalesce(sum(n), 0)::bigint as x
from (select t, {place} as g, n from cells) placed
group by grouping sets ({sets})
-- fragment: events_bots
-- Nobody keeps when bots were first seen: all events up to the end are looked at.
with firsts as materialized (
    select distinct on (e.person) e.*
    from traction.event e
    where e.project_id = :project and e.ts < :to
    order by e.person, e.ts, e.received_at, e.id collate "C"
), cells as materialized (
    select {bucket} as t, {group} as g, count(*) as n
    from firsts e
    where e.ts >= :from {where}
    group by 1, 2
), {top_by_n}
select {keys}, coalesce(sum(n), 0)::bigint as x
from (select t, {place} as g, n from cells) placed
group by grouping sets ({sets})
-- fragment: rollup
with cells as materialized (
    select {rollup_bucket} as t, r.n
    from {counts} and r.metric = 'person' and r.key = ''
)
select {keys}, coalesce(sum(n), 0)::bigint as x
from (select t, {place} as g, n from cells) placed
group by grouping sets ({sets})
