-- SPDX-License-Identifier: MIT
-- What servers need to know of every project. No parameters; a scan.
select id, uuid::text as uuid, name, timezone, currency,
       array_to_string(allowed_origins, E'\n') as allowed_origins, respect_dnt
from traction.project;
