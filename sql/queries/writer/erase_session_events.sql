-- What others did in sessions, as erase_events.sql returns it. $1 project, $2 session ids,
-- $3, $4 first and last time.
select e.ts, e.kind, e.name, e.session_id, e.value::text, e.unit, e.bot
from traction.event as e
where e.project_id = $1 and e.session_id = any ($2::text[]) and e.ts >= $3 and e.ts <= $4
