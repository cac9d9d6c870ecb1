-- All visits of visitors who became users. $1 projects, $2 from, $3 to.
select v.project_id, v.person, v.first_at, v.last_at, v.session
from unnest($1::int[], $2::uuid[], $3::uuid[]) as d (project_id, "from", "to")
join traction.visit as v on v.project_id = d.project_id and v.person = d."from"
