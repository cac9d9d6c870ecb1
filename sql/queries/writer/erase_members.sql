-- Takes a person out of all sets; the matrices follow. $1 project, $2 person.
with gone as materialized (
    select
        m.set_id, m.day,
        min(m.day) over (partition by m.set_id) as first_day,
        coalesce(lag(m.day) over (partition by m.set_id order by m.day), '-infinity')
            as previous_day
    from traction.member_set as s
    join traction.day_member as m on m.set_id = s.id and m.member = $2
    where s.project_id = $1
),
days as (
    delete from traction.day_member as m using gone as g
    where m.set_id = g.set_id and m.member = $2 and m.day = g.day
),
matrix as (
    update traction.day_matrix as m
    set members = m.members - 1
    from gone as g
    where m.set_id = g.set_id and m.day = g.day and m.previous_day = g.previous_day
)
update traction.day_cohort as c
set members = c.members - 1
from gone as g
where c.set_id = g.set_id and c.first_day = g.first_day and c.day = g.day
    and c.previous_day = g.previous_day
