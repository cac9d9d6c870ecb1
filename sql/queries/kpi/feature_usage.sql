-- Features: how often each was used, by how many people, of how many active ones (y).

-- fragment: events_by_feature
with cells as materialized (
    select {bucket} as t, e.feature as g, {person} as member, count(*) as n
    from {people_events} and e.name = 'feature_used' and e.feature is not null
    group by 1, 2, 3
), {active_by_t}, {top_by_n}, used as (
    select level, t, g, label, sum(n)::bigint as x, count(*) as people
    from (
        select {keys}, sum(n) as n
        from (select t, {place} as g, member, n from cells) placed
        group by member, grouping sets ({sets})
    ) d
    group by 1, 2, 3, 4
)
select {level_of_both}, a.t, p.g, p.label, coalesce(u.x, 0) as x, coalesce(u.people, 0) as people,
    a.people as y
from (select g, label from used union select null, null) p
cross join active a
left join used u on u.t is not distinct from a.t and u.g is not distinct from p.g
-- fragment: rollup_by_feature
-- People of one feature come from its matrix; those of all features beyond the first :groups, and
-- of any feature, are counted from the days of the members.
with cells as materialized (
    select {rollup_bucket} as t, r.key as g, sum(r.n) as n
    from {counts} and r.metric = 'feature'
    group by 1, 2
), {top_by_n}, sets as materialized (
    select m.subject, m.key as g, m.t, m.members
    from {members} m
    where (m.subject = 'feature' and m.key = any (array(select unnest(labels) from top)))
        or (m.subject = 'active' and m.key = '')
), tail as materialized (
    select {day_bucket} as t, d.member
    from traction.member_set s
    join traction.day_member d on d.set_id = s.id
    where s.project_id = :project and s.subject = 'feature'
        and not s.key = any (array(select unnest(labels) from top))
        and d.day >= :from_day and d.day < :to_day
    group by 1, 2
), rest as materialized (
    select null::int as t, count(*) as people from (select from tail group by member) a
    union all
    select t, count(*) from tail where :series group by 1
), used as (
    select {keys}, coalesce(sum(n), 0)::bigint as x
    from (select t, {place} as g, n from cells) placed
    group by grouping sets ({sets})
)
select u.level, u.t, u.g, u.label, u.x,
    case when u.g is null then null when u.g = 0
        then (select r.people from rest r where r.t is not distinct from u.t)
        else (select s.members from sets s
            where s.subject = 'feature' and s.g = u.label and s.t is not distinct from u.t)
    end as people,
    coalesce((select s.members from sets s
        where s.subject = 'active' and s.t is not distinct from u.t), 0) as y
from used u
union all
select 1, s.t, null, null, 0, null, s.members
from sets s
where s.subject = 'active' and s.t is not null
    and not exists (select from used u where u.level = 1 and u.t = s.t)
