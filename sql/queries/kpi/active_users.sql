-- Distinct people with an engagement event; the sample is the engagement events.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, {person} as member, count(*) as n
    from {people_events} and e.kind = 'e'
    group by 1, 2, 3
), {top_by_members}
select level, t, g, label, count(*) as x, sum(n)::bigint as n
from (
    select {keys}, sum(n) as n
    from (select t, {place} as g, member, n from cells) placed
    group by member, grouping sets ({sets})
) d
group by 1, 2, 3, 4
-- fragment: rollup
select {level_of_t}, members as x,
    case when t is null then (
        select coalesce(sum(r.n), 0)::bigint
        from {counts} and r.metric = 'event' and r.key like 'e:%'
    ) end as n
from {members} m
where subject = 'active' and key = ''
