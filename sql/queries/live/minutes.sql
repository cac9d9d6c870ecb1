-- Page views of a project by minute. $1 project, $2 from.
select minute, page_views
from traction.live_minute
where project_id = $1 and minute >= $2
