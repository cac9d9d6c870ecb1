-- People who converted, to one goal (:goal) or to any, over active people.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, {person} as member,
        bool_or(e.name = 'conversion' and (:goal::text is null or e.goal = :goal)) as converted,
        bool_or(e.kind = 'e') as active
    from {people_events} and (e.name = 'conversion' or e.kind = 'e')
    group by 1, 2, 3
), {top_by_members}
select level, t, g, label, count(*) filter (where converted) as x,
    count(*) filter (where active) as y
from (
    select {keys}, bool_or(converted) as converted, bool_or(active) as active
    from (select t, {place} as g, member, converted, active from cells) placed
    group by member, grouping sets ({sets})
) d
group by 1, 2, 3, 4
-- fragment: events_by_goal
-- Only conversions have a goal, so each goal is measured by all active people.
with cells as materialized (
    select {bucket} as t, {group} as g, {person} as member
    from {people_events} and e.name = 'conversion' and (:goal::text is null or e.goal = :goal)
    group by 1, 2, 3
), {active_by_t}, {top_by_members}, converted as (
    select level, t, g, label, count(*) as x
    from (
        select {keys}
        from (select t, {place} as g, member from cells) placed
        group by member, grouping sets ({sets})
    ) d
    group by 1, 2, 3, 4
)
select {level_of_both}, a.t, p.g, p.label, coalesce(c.x, 0) as x, a.people as y
from (select g, label from converted union select null, null) p
cross join active a
left join converted c
    on coalesce(c.t, 0) = coalesce(a.t, 0) and coalesce(c.g, -1) = coalesce(p.g, -1)
-- fragment: rollup
select {level_of_t},
    coalesce(sum(members) filter (where subject = 'goal'), 0)::bigint as x,
    coalesce(sum(members) filter (where subject = 'active'), 0)::bigint as y
from {members} m
where (subject = 'active' and key = '') or (subject = 'goal' and key = coalesce(:goal::text, ''))
group by t
