-- Everything of one person becomes another's, in all sets; the matrices follow.
-- $1 projects, $2 from, $3 to.
with joined as materialized (
    select project_id, "from", "to"
    from unnest($1::int[], $2::uuid[], $3::uuid[]) as d (project_id, "from", "to")
),
touched as materialized (
    select distinct s.id as set_id, s.subject = 'active' as cohort, j."from", j."to"
    from joined as j
    join traction.member_set as s on s.project_id = j.project_id
    where exists (
        select from traction.day_member as m where m.set_id = s.id and m.member = j."from"
    )
),
-- As they stand now: the rows that are deleted below are still seen.
stored as materialized (
    select t.set_id, t.cohort, t.member, m.day
    from (
        select set_id, cohort, "from" as member from touched
        union
        select set_id, cohort, "to" from touched
    ) as t
    join traction.day_member as m on m.set_id = t.set_id and m.member = t.member
),
joined_days as materialized (
    select distinct s.set_id, s.cohort, coalesce(t."to", s.member) as member, s.day
    from stored as s
    left join touched as t on t.set_id = s.set_id and t."from" = s.member
),
gone as (
    delete from traction.day_member as m
    using touched as t
    where m.set_id = t.set_id and m.member = t."from"
),
come as (
    insert into traction.day_member (set_id, member, day)
    select set_id, member, day from joined_days
    on conflict do nothing
),
cells as materialized (
    select
        set_id, cohort, day, -1 as change,
        min(day) over (partition by set_id, member) as first_day,
        coalesce(lag(day) over (partition by set_id, member order by day), '-infinity')
            as previous_day
    from stored
    union all
    select
        set_id, cohort, day, 1,
        min(day) over (partition by set_id, member),
        coalesce(lag(day) over (partition by set_id, member order by day), '-infinity')
    from joined_days
),
matrix as (
    insert into traction.day_matrix as m (set_id, day, previous_day, members)
    select set_id, day, previous_day, sum(change) from cells
    group by 1, 2, 3
    having sum(change) <> 0
    on conflict (set_id, day, previous_day) do update
    set members = m.members + excluded.members
)
insert into traction.day_cohort as c (set_id, first_day, day, previous_day, members)
select set_id, first_day, day, previous_day, sum(change) from cells
where cohort
group by 1, 2, 3, 4
having sum(change) <> 0
on conflict (set_id, first_day, day, previous_day) do update
set members = c.members + excluded.members
