-- People whose first event ever lies in the range. The event that was theirs first is filtered and
-- grouped by; of several at the same moment the one that was received first. What was spent
-- (acquisition_cost) is nobody's event.

-- fragment: events
with first as materialized (
    select p.person, p.first_seen
    from traction.person p
    where p.project_id = :project and p.first_seen >= :from and p.first_seen < :to
), firsts as materialized (
    select distinct on (first.person) first.person as who, e.*
    from first
    join traction.event e on e.ts = first.first_seen
    left join traction.alias a on a.project_id = :project and a.anonymous = e.person
        and e.received_at >= a.from_at and e.received_at < a.to_at
    where e.project_id = :project and e.ts >= :from and e.ts < :to and not e.bot
        and e.name <> 'acquisition_cost' and {person} = first.person
    order by first.person, e.received_at, e.id collate "C"
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
    select distinct on ({person}) e.*
    from traction.event e
    left join traction.alias a on a.project_id = :project and a.anonymous = e.person
        and e.received_at >= a.from_at and e.received_at < a.to_at
    where e.project_id = :project and e.ts < :to and e.name <> 'acquisition_cost'
    order by {person}, e.ts, e.received_at, e.id collate "C"
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
