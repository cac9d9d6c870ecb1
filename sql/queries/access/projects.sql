-- SPDX-License-Identifier: MIT
-- All projects with their settings. A scan.
select json_build_object('projects', coalesce(json_agg(json_build_object(
    'id', p.uuid, 'name', p.name, 'timezone', p.timezone, 'currency', p.currency,
    'origins', p.allowed_origins, 'retention_days', p.retention_days,
    'gross_margin', p.gross_margin::float, 'rates', p.rates, 'respect_dnt', p.respect_dnt)
    order by p.id), '[]'))::text as answer
from traction.project p;
