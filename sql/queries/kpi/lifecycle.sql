-- People of each interval by what they did before: new (never active), returning (active in the
-- interval before), resurrected (active earlier, not in the one before); and dormant, who were active
-- in the interval before and not in this one. The whole range is held against as many days before it.

-- fragment: events
with {matrix_of_events}, {lifecycle_of_matrix}
-- fragment: rollup
with {matrix_of_days}, {lifecycle_of_matrix}
-- fragment: lifecycle_of_matrix
{spans}, by_days as materialized (
    select whole, g, day, previous_day, sum(members) as members from matrix group by 1, 2, 3, 4
), counted as (
    select {level_of_span},
        coalesce(sum(m.members) filter (where m.day >= s.f and m.previous_day < s.f), 0) as active,
        coalesce(sum(m.members) filter (where m.day >= s.f and m.previous_day = '-infinity'), 0)
            as "new",
        coalesce(sum(m.members) filter (
            where m.day >= s.f and m.previous_day >= s.before and m.previous_day < s.f), 0)
            as "returning",
        coalesce(sum(m.members) filter (where m.day < s.f and m.previous_day < s.before), 0)
            as active_before
    from spans s
    join by_days m on m.day >= s.before and m.day < s.u
    group by m.whole, m.g, s.t, s.f, s.u, s.before
)
select level, t, g, label, active::bigint as value, "new"::bigint, "returning"::bigint,
    (active - "new" - "returning")::bigint as resurrected, (active_before - "returning")::bigint as dormant,
    active::bigint as n
from counted
