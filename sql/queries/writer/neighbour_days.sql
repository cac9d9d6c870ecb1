-- For each member of a set and day: its last day up to then, and its next day after.
-- $1 sets, $2 members, $3 days. Two descents of the primary key each.
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
    ) as next
from unnest($1::int[], $2::uuid[], $3::date[])
    with ordinality as d (set_id, member, day, place)
