-- People active in the range who were active on at least two days up to its end, of all active ones.
-- Those who were not had their first day in the range and no second one before its end. Of by_days
-- (day, day before), seconds are the members for whom it is the second day.

-- fragment: events
with {matrix_of_events}, by_days as materialized (
    select whole, g, day, previous_day, sum(members) as members,
        coalesce(sum(members) filter (where previous_day = first_day), 0) as seconds
    from matrix
    where day >= :from_day and day < :to_day
    group by 1, 2, 3, 4
), {returning_of_days}
-- fragment: rollup
with active as materialized (
    select s.id from traction.member_set s
    where s.project_id = :project and s.subject = 'active' and s.key = ''
), by_days as materialized (
    select 1 as whole, null::int as g, day, previous_day, sum(members) as members,
        sum(seconds) as seconds
    from (
        select m.day, m.previous_day, m.members, 0 as seconds
        from active s
        join traction.day_matrix m on m.set_id = s.id
        where m.day >= :from_day and m.day < :to_day
        union all
        select c.day, c.previous_day, 0, c.members
        from active s
        join traction.day_cohort c on c.set_id = s.id
        where c.first_day >= :from_day and c.day < :to_day and c.previous_day = c.first_day
    ) d
    group by 3, 4
), labels as (
    select null::text[] as labels
), {returning_of_days}
-- fragment: returning_of_days
{spans}, counted as (
    select {level_of_span},
        coalesce(sum(m.members) filter (where m.previous_day < s.f), 0) as active,
        coalesce(sum(m.members) filter (where m.previous_day = '-infinity'), 0)
            - coalesce(sum(m.seconds) filter (where m.previous_day >= s.f), 0) as once
    from spans s
    join by_days m on m.day >= s.f and m.day < s.u
    group by m.whole, m.g, s.t, s.f, s.u
)
select level, t, g, label, round((active - once) / nullif(active, 0), 9) as value,
    (active - once)::bigint as returned, active::bigint as n
from counted
