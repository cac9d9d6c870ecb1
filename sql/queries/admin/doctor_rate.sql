-- SPDX-License-Identifier: MIT
-- Events a second over the last hour, and the mean size of a record in the spool. No parameters.
select coalesce((select sum(n)
                 from traction.rollup_count
                 where metric = 'event' and grain = 'q'
                   and bucket >= now() - interval '1 hour'), 0)::float8 / 3600 as events_per_second,
       coalesce((select sum(position) from traction.spool_position)::float8
                / nullif((select sum(events) from traction.ledger where outcome = 'landed'), 0),
                0)::float8 as record_bytes;
