-- SPDX-License-Identifier: MIT
-- How many servers there have been, and how far behind the slowest is, in seconds. No parameters;
-- a row per server is read.
select count(*)::int8 as servers,
       coalesce(max(extract(epoch from clock_timestamp() - received_through)), 0)::float8 as behind
from traction.spool_position;
