-- How much of a month's people a day sees: mean daily active people over those of the 30 days that
-- end with the range or interval, or with today where that is to come.

-- fragment: events
with {matrix_of_events}, {stickiness_of_matrix}
-- fragment: rollup
with {matrix_of_days}, {stickiness_of_matrix}
-- fragment: stickiness_of_matrix
{spans}, by_days as materialized (
    select whole, g, day, previous_day, sum(members) as members from matrix group by 1, 2, 3, 4
), past as materialized (
    select * from (
        select t, f, least(u, (:now at time zone :timezone)::date + 1) as u from spans
    ) s
    where f < u
)
select {level_of_span},
    round(sum(m.members) filter (where m.day >= s.f)
        / (s.u - s.f)::numeric
        / nullif(sum(m.members) filter (where m.day >= s.u - 30 and m.previous_day < s.u - 30), 0),
        9) as value,
    round(sum(m.members) filter (where m.day >= s.f) / (s.u - s.f)::numeric, 3) as dau,
    coalesce(sum(m.members) filter (where m.day >= s.u - 30 and m.previous_day < s.u - 30), 0)::bigint
        as mau,
    coalesce(sum(m.members) filter (where m.day >= s.u - 30 and m.previous_day < s.u - 30), 0)::bigint
        as n
from past s
join by_days m on m.day >= least(s.f, s.u - 30) and m.day < s.u
group by m.whole, m.g, s.t, s.f, s.u
