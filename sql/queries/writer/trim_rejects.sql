-- Keeps the newest $1 refused events of each project.
delete from traction.reject as r
using (
    select p.id as project_id, (
        select k.id from traction.reject as k
        where k.project_id = p.id
        order by k.id desc
        offset $1 limit 1
    ) as newest_gone
    from traction.project as p
) as t
where r.project_id = t.project_id and r.id <= t.newest_gone
