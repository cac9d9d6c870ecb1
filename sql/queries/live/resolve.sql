-- Whose visitors are known by now: the same join as people_events in queries/kpi/common.sql has.
-- Places from 0. $1 project, $2 visitors, $3 when they were seen.
select (d.place - 1)::int, a.person
from unnest($2::uuid[], $3::timestamptz[]) with ordinality as d (anonymous, at, place)
join traction.alias as a on a.project_id = $1 and a.anonymous = d.anonymous
    and d.at >= a.from_at and d.at < a.to_at
