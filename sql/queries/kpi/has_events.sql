-- Whether there are events that count in a stretch of time. $1 project, $2 from, $3 to.
select exists (
    select from traction.event e
    where e.project_id = $1 and e.ts >= $2 and e.ts < $3 and not e.bot
) as found
