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
left join used u on coalesce(u.t, 0) = coalesce(a.t, 0) and coalesce(u.g, -1) = coalesce(p.g, -1)
-- fragment: rollup_by_feature
-- People of one feature come from its matrix. Those of all features beyond the first :groups are in
-- no matrix: they are told apart one by one, for the whole range only, each set read by its index.
with cells as materialized (
    select {rollup_bucket} as t, r.key as g, sum(r.n) as n
    from {counts} and r.metric = 'feature'
    group by 1, 2
), {top_by_n}, used as materialized (
    select {keys}, coalesce(sum(n), 0)::bigint as x
    from (select t, {place} as g, n from cells) placed
    group by grouping sets ({sets})
), tail as materialized (
    select count(*) as people
    from (
        select d.member
        from traction.member_set s
        cross join lateral (
            select m.member
            from traction.day_member m
            where m.set_id = s.id and m.day >= :from_day and m.day < :to_day
            offset 0
        ) d
        where s.project_id = :project and s.subject = 'feature'
            and not s.key = any (array(select unnest(labels) from top))
        group by 1
    ) m
)
select level, t, g, label, sum(x)::bigint as x, sum(people)::bigint as people, sum(y)::bigint as y
from (
    select level, t, g, label, x, 0 as people, 0 as y from used
    union all
    select case when m.t is null then 2 else 0 end, m.t,
        array_position((select labels from top), m.key), m.key, 0, m.members, 0
    from {members} m
    where m.subject = 'feature' and m.key = any (array(select unnest(labels) from top))
    union all
    select case when m.t is null then 3 else 1 end, m.t, null, null, 0, 0, m.members
    from {members} m
    where m.subject = 'active' and m.key = ''
    union all
    select 2, null, 0, null, 0, people, 0
    from tail
    where exists (select from used where g = 0)
) parts
group by 1, 2, 3, 4
