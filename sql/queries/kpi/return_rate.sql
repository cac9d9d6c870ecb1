-- People active in the range who were active on at least two days up to its end, of all active ones.
-- Those who were not had their first day in the range and no second one before its end.

-- fragment: events
with {matrix_of_events}, {returning_of_matrix}
-- fragment: rollup
with {matrix_of_cohorts}, {returning_of_matrix}
-- fragment: returning_of_matrix
{spans}, counted as (
    select {level_of_span},
        coalesce(sum(m.members) filter (where m.previous_day < s.f), 0) as active,
        coalesce(sum(m.members) filter (where m.previous_day = '-infinity'), 0)
            - coalesce(sum(m.members) filter (
                where m.first_day >= s.f and m.previous_day = m.first_day), 0) as once
    from spans s
    join matrix m on m.day >= s.f and m.day < s.u
    group by m.whole, m.g, s.t, s.f, s.u
)
select level, t, g, label, round((active - once) / nullif(active, 0), 9) as value,
    (active - once)::bigint as returned, active::bigint as n
from counted
