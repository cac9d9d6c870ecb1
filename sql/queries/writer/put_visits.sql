-- Visits as they are now. $1 projects, $2 people, $3 first events, $4 last events, $5 sessions.
insert into traction.visit as v (project_id, person, first_at, last_at, session)
select project_id, person, first_at, last_at, session
from unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::uuid[])
    as d (project_id, person, first_at, last_at, session)
on conflict (project_id, person, first_at) do update
set last_at = excluded.last_at, session = excluded.session
