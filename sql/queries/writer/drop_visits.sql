-- Visits that became part of others, or begin earlier now. $1 projects, $2 people, $3 first events.
delete from traction.visit as v
using unnest($1::int[], $2::uuid[], $3::timestamptz[]) as d (project_id, person, first_at)
where v.project_id = d.project_id and v.person = d.person and v.first_at = d.first_at
