-- People active in the range who were active on at least two days up to its end, of all active ones.
-- Those who were not had their first day in the range and no second one before its end.

-- fragment: events
with {matrix_of_events}, {returning_of_matrix}
-- fragment: rollup
with {matrix_of_cohorts}, {returning_of_matrix}
-- fragment: returning_of_matrix
{spans}, by_days as materialized (
    select whole, g, day, previous_day, sum(members) as members from matrix group by 1, 2, 3, 4
), seconds as materialized (
    select whole, g, first_day, day, sum(members) as members
    from matrix
    where previous_day = first_day
    group by 1, 2, 3, 4
), counted as (
    select s.t, m.whole, m.g, sum(m.members) filter (where m.previous_day < s.f) as active,
        sum(m.members) filter (where m.previous_day = '-infinity') as firsts, 0 as seconds
    from spans s
    join by_days m on m.day >= s.f and m.day < s.u
    group by 1, 2, 3
    union all
    select s.t, m.whole, m.g, 0, 0, sum(m.members)
    from spans s
    join seconds m on m.first_day >= s.f and m.day < s.u
    group by 1, 2, 3
), people as (
    select t, whole, g, coalesce(sum(active), 0) as active,
        coalesce(sum(firsts), 0) - coalesce(sum(seconds), 0) as once
    from counted
    group by 1, 2, 3
)
select p.whole + case when p.t is null then 2 else 0 end as level, p.t, p.g,
    (select labels from labels)[p.g] as label,
    round((active - once) / nullif(active, 0), 9) as value, (active - once)::bigint as returned,
    active::bigint as n
from people p
