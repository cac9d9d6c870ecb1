-- Whose visitors' events are from now on. $1 projects, $2 anonymous visitors, $3 from, $4 to (of
-- receipt), $5 people.
insert into traction.alias (project_id, anonymous, from_at, to_at, person)
select project_id, anonymous, from_at, to_at, person
from unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::uuid[])
    as d (project_id, anonymous, from_at, to_at, person)
on conflict (project_id, anonymous, from_at) do update set to_at = excluded.to_at
