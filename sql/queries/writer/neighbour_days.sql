-- For each member of a set and day: its last day up to then, its next day after, and of sets with
-- cohorts its first. $1 sets, $2 members, $3 days, $4 cohorts. A descent of the primary key each.
select
    d.place::int,
    (
        select m.day from traction.day_member as m
        where m.set_id = d.set_id and m.member = d.member and m.day <= d.day
        order by m.day desc limit 1
    ) as previous,
    (
        select m.day from traction.day_member as m
        where m.set_id = d.set_id and m.member = d.member and m.day > d.day
        order by m.day limit 1
    ) as next,
    case when d.cohort then (
        select m.day from traction.day_member as m
        where m.set_id = d.set_id and m.member = d.member
        order by m.day limit 1
    ) end as first
from unnest($1::int[], $2::uuid[], $3::date[], $4::boolean[])
    with ordinality as d (set_id, member, day, cohort, place)
