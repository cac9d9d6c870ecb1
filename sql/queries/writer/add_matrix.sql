-- Moves cells of the matrix. $1 sets, $2 days, $3 previous days, $4 changes; each cell once.
insert into traction.day_matrix as m (set_id, day, previous_day, members)
select set_id, day, previous_day, change
from unnest($1::int[], $2::date[], $3::date[], $4::bigint[])
    as d (set_id, day, previous_day, change)
on conflict (set_id, day, previous_day) do update
set members = m.members + excluded.members
