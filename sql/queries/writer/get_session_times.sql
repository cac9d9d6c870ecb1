-- The sketches of days' session times. $1 projects, $2 days. Locks nothing: the head is locked.
select d.place::int, t.sketch
from unnest($1::int[], $2::date[]) with ordinality as d (project_id, day, place)
join traction.session_time as t on t.project_id = d.project_id and t.day = d.day
