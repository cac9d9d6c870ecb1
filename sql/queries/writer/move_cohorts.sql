-- Members turn out to have begun earlier: their cells move to the cohort of their new first day.
-- $1 sets, $2 members, $3 new first days.
with cells as (
    select
        m.set_id, m.day, d.first_day as new_first_day,
        min(m.day) over (partition by m.set_id, m.member) as first_day,
        coalesce(lag(m.day) over (partition by m.set_id, m.member order by m.day), '-infinity')
            as previous_day
    from unnest($1::int[], $2::uuid[], $3::date[]) as d (set_id, member, first_day)
    join traction.day_member as m on m.set_id = d.set_id and m.member = d.member
),
moved as (
    select set_id, first_day, day, previous_day, -1 as change from cells
    union all
    select set_id, new_first_day, day, previous_day, 1 from cells
)
insert into traction.day_cohort as c (set_id, first_day, day, previous_day, members)
select set_id, first_day, day, previous_day, sum(change) from moved
group by 1, 2, 3, 4
having sum(change) <> 0
on conflict (set_id, first_day, day, previous_day) do update
set members = c.members + excluded.members
