-- Moves cells of cohorts. $1 sets, $2 first days, $3 days, $4 previous days, $5 changes; each cell
-- once.
insert into traction.day_cohort as c (set_id, first_day, day, previous_day, members)
select set_id, first_day, day, previous_day, change
from unnest($1::int[], $2::date[], $3::date[], $4::date[], $5::bigint[])
    as d (set_id, first_day, day, previous_day, change)
on conflict (set_id, first_day, day, previous_day) do update
set members = c.members + excluded.members
