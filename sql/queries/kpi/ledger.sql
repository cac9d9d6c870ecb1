-- What became of a project's records, and how far the spool of this server has landed. $1 project.
select outcome, sum(events)::bigint as events
from traction.ledger
where project_id = $1
group by outcome
order by outcome
