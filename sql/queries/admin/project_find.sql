-- SPDX-License-Identifier: MIT
-- A project by name or UUID. $1 either. A name wins. Two index look-ups.
select id, uuid::text as uuid, name, timezone, currency
from traction.project
where name = $1 or uuid::text = lower($1)
order by name = $1 desc
limit 1;
