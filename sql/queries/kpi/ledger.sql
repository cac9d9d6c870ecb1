-- What became of a project's records, and as "position" how far a spool has landed. $1 project,
-- $2 spool.
select l.outcome, sum(l.events)::bigint as events
from traction.ledger l
where l.project_id = $1
group by l.outcome
union all
select 'position', p.position
from traction.spool_position p
where p.spool = $2
order by outcome
