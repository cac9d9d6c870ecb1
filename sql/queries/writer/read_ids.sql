-- Ids committed by batches ($1, $2], oldest first, a page of 64. $3: received at or after.
select run, received_to, ids
from traction.id_log
where run > $1 and run <= $2 and received_to >= $3
order by run
limit 64
