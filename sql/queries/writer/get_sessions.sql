-- All days of sessions. $1 projects, $2 sessions (distinct).
select d.place::int, s.day, s.first_at, s.last_at, s.engaged_us, s.several_days,
    s.page_views, s.interactions, s.errors
from unnest($1::int[], $2::uuid[]) with ordinality as d (project_id, session, place)
join traction.session_day as s on s.project_id = d.project_id and s.session = d.session
