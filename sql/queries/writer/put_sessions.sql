-- The new state of sessions' days. $1 projects, $2 sessions, $3 days, $4 first, $5 last, $6 engaged
-- microseconds, $7 whether the session has several days, $8 page views, $9 other engagement,
-- $10 errors.
insert into traction.session_day as s
    (project_id, session, day, first_at, last_at, engaged_us, several_days, page_views,
        interactions, errors)
select project_id, session, day, first_at, last_at, engaged_us, several_days, page_views,
    interactions, errors
from unnest($1::int[], $2::uuid[], $3::date[], $4::timestamptz[], $5::timestamptz[], $6::bigint[],
            $7::boolean[], $8::bigint[], $9::bigint[], $10::bigint[])
    as d (project_id, session, day, first_at, last_at, engaged_us, several_days, page_views,
        interactions, errors)
on conflict (project_id, session, day) do update
set first_at = excluded.first_at, last_at = excluded.last_at, engaged_us = excluded.engaged_us,
    several_days = excluded.several_days, page_views = excluded.page_views,
    interactions = excluded.interactions, errors = excluded.errors
