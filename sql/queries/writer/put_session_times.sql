-- Changes days' session times; counts and totals are added, sketches replaced.
-- $1 projects, $2 days, $3 changes of counts, $4 changes of totals, $5 sketches, $6 changes of
-- bounces, $7 of sessions with errors.
insert into traction.session_time as t (project_id, day, sessions, total_us, sketch, bounces, failed)
select project_id, day, sessions, total_us, sketch, bounces, failed
from unnest($1::int[], $2::date[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[],
            $7::bigint[])
    as d (project_id, day, sessions, total_us, sketch, bounces, failed)
on conflict (project_id, day) do update
set sessions = t.sessions + excluded.sessions, total_us = t.total_us + excluded.total_us,
    sketch = excluded.sketch, bounces = t.bounces + excluded.bounces,
    failed = t.failed + excluded.failed
