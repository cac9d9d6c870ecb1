-- SPDX-License-Identifier: MIT
-- What time it is, whether rules changed, and how far the servers that are at work are behind with
-- what they received, in microseconds. No parameters.
select clock_timestamp() as now, v.version,
    coalesce((
        select max(extract(epoch from p.updated_at - p.received_through) * 1000000)::bigint
        from traction.spool_position p
        where p.updated_at > now() - interval '30 seconds'
    ), 0) as lag_us
from traction.alert_version v;
