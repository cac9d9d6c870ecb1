-- SPDX-License-Identifier: MIT
-- A project's hypotheses, or the one with the number $2 (-1: all), oldest first. An index range.
select id, title, kpi, params::text as params, above, below, from_at, until_at, min_sample,
    confidence, created_at, decided_at, result::text as result
from traction.hypothesis
where project_id = $1::int and archived_at is null and ($2::bigint = -1 or id = $2::bigint)
order by id;
