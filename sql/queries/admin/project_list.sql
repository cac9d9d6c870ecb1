-- SPDX-License-Identifier: MIT
-- All projects, as a JSON array of objects. No parameters; a scan.
select coalesce(json_agg(json_build_object(
           'name', name,
           'uuid', uuid,
           'timezone', timezone,
           'currency', currency,
           'origins', allowed_origins,
           'retention_days', retention_days,
           'gross_margin', trim_scale(gross_margin)::text,
           'rates', rates,
           'respect_dnt', respect_dnt,
           'created', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
       order by name), '[]')::text
from traction.project;
