-- The visits of people that touch stretches of time: the last one that began before, if it reaches
-- into the stretch, and those that begin inside. $1 projects, $2 people, $3 from, $4 to (included).
select v.project_id, v.person, v.first_at, v.last_at, v.session
from unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::timestamptz[])
    as d (project_id, person, from_at, to_at)
cross join lateral (
    (
        select b.* from traction.visit as b
        where b.project_id = d.project_id and b.person = d.person and b.first_at < d.from_at
        order by b.first_at desc
        limit 1
    )
    union all
    select i.* from traction.visit as i
    where i.project_id = d.project_id and i.person = d.person
        and i.first_at >= d.from_at and i.first_at <= d.to_at
) as v
where v.last_at >= d.from_at
