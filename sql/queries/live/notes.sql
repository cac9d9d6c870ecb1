-- What was committed for a project after a batch, in the order of commits, a page of 64. Of the last
-- minutes by the key: older notes are pruned. $1 project, $2 run.
select run, note, people, people_level
from traction.live_note
where project_id = $1 and run > $2
order by run
limit 64
