-- The day of a project's first event, in a time zone; null if it has none. $1 project, $2 zone.
select (min(bucket) at time zone $2::text)::date
from traction.rollup_count
where project_id = $1 and metric = 'event' and grain = 'q'
