-- People seen for the first time, or earlier than was known. $1 projects, $2 people, $3 times.
insert into traction.person as p (project_id, person, first_seen)
select project_id, person, first_seen
from unnest($1::int[], $2::uuid[], $3::timestamptz[]) as d (project_id, person, first_seen)
on conflict (project_id, person) do update
set first_seen = excluded.first_seen
where excluded.first_seen < p.first_seen
