-- Events that are stored on a day that has expired already go with the next deletion. The update
-- makes a deletion that is under way wait, or begin anew. $1 projects, $2 their days.
insert into traction.expired_day (project_id, day)
select distinct e.project_id, e.day
from unnest($1, $2) as e (project_id, day)
join traction.project as p on p.id = e.project_id
where e.day < p.expired_through
on conflict (project_id, day) do update set block = 0
