-- New days of members. $1 sets, $2 members, $3 days.
insert into traction.day_member (set_id, member, day)
select set_id, member, day
from unnest($1::int[], $2::uuid[], $3::date[]) as d (set_id, member, day)
