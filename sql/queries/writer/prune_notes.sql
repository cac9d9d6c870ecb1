-- Notes that nobody asks for any more. Servers do this side by side, so each takes what it can lock.
-- No parameters.
with notes as (
    delete from traction.live_note
    where (project_id, run) in (
        select project_id, run from traction.live_note
        where noted_at < now() - interval '7 minutes'
        for update skip locked
    )
)
delete from traction.live_minute
where (project_id, minute) in (
    select project_id, minute from traction.live_minute
    where minute < now() - interval '1 hour'
    for update skip locked
)
