-- What a person paid a month, and what it came to. $1 project, $2 person.
with gone as (
    delete from traction.subscription_change where project_id = $1 and person = $2
    returning *
)
update traction.subscription_day as d
set n = d.n - c.n, amount0 = d.amount0 - c.amount0, amount1 = d.amount1 - c.amount1
from (
    select
        traction.day_start(g.at, p.timezone) as bucket,
        case when g.previous_amount = 0 and g.first then 'n' when g.previous_amount = 0 then 'r'
            when g.amount = 0 then 'c' when g.amount >= g.previous_amount then 'e'
            else 's' end::"char" as movement,
        case when g.previous_amount > 0 then g.previous_currency else '' end as currency0,
        case when g.amount > 0 then g.currency else '' end as currency1,
        count(*) as n, sum(g.previous_amount) as amount0, sum(g.amount) as amount1
    from gone as g
    join traction.project as p on p.id = g.project_id
    where g.previous_amount > 0 or g.amount > 0
    group by 1, 2, 3, 4
) as c
where d.project_id = $1 and d.bucket = c.bucket and d.movement = c.movement
    and d.currency0 = c.currency0 and d.currency1 = c.currency1
