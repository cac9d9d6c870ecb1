-- The numbers of member sets, made if they are new. $1 projects, $2 subjects, $3 keys (distinct).
with wanted as (
    select project_id, subject, key, place
    from unnest($1::int[], $2::text[], $3::text[])
        with ordinality as d (project_id, subject, key, place)
),
made as (
    insert into traction.member_set (project_id, subject, key)
    select w.project_id, w.subject, w.key from wanted as w
    where not exists (
        select from traction.member_set as s
        where s.project_id = w.project_id and s.subject = w.subject and s.key = w.key
    )
    returning id, project_id, subject, key
),
found as (
    select id, project_id, subject, key from made
    union all
    select s.id, s.project_id, s.subject, s.key
    from wanted as w
    join traction.member_set as s
        on s.project_id = w.project_id and s.subject = w.subject and s.key = w.key
)
select w.place::int, f.id
from wanted as w
join found as f on f.project_id = w.project_id and f.subject = w.subject and f.key = w.key
