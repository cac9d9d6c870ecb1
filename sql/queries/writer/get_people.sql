-- When people were first seen; those never seen are left out. $1 projects, $2 people.
select d.place::int, p.first_seen
from unnest($1::int[], $2::uuid[]) with ordinality as d (project_id, person, place)
join traction.person as p on p.project_id = d.project_id and p.person = d.person
