-- Whose visitors' events are, in the order of time. $1 projects, $2 anonymous visitors.
select d.place::int, a.from_at, a.to_at, a.person
from unnest($1::int[], $2::uuid[]) with ordinality as d (project_id, anonymous, place)
join traction.alias as a on a.project_id = d.project_id and a.anonymous = d.anonymous
order by 1, 2
