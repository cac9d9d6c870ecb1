-- SPDX-License-Identifier: MIT
-- How long, in seconds, a project has received nothing; null if it never has. $1 project, $2 now.
select greatest(0, extract(epoch from $2::timestamptz - max(changed_at)))::float8 as value,
    sum(events)::bigint as n
from traction.ledger
where project_id = $1 and outcome = 'stored';
