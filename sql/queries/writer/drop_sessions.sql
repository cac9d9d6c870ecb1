-- Sessions that became part of others. $1 projects, $2 sessions.
delete from traction.session_day as s
using unnest($1::int[], $2::uuid[]) as d (project_id, session)
where s.project_id = d.project_id and s.session = d.session
