-- Adds to the ledger. $1 server, $2 projects, $3 outcomes, $4 events.
insert into traction.ledger as l (project_id, server_id, outcome, events, changed_at)
select d.project_id, $1, d.outcome, d.events, now()
from unnest($2::int[], $3::text[], $4::bigint[]) as d (project_id, outcome, events)
on conflict (project_id, server_id, outcome) do update
set events = l.events + excluded.events, changed_at = excluded.changed_at
