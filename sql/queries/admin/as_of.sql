-- SPDX-License-Identifier: MIT
-- Up to when the events of every server that has been heard of within the hour are in. No
-- parameters; no row while there is no such server.
select min(received_through) as as_of
from traction.spool_position
where updated_at > now() - interval '1 hour'
having count(*) > 0;
