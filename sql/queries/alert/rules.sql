-- SPDX-License-Identifier: MIT
-- All rules of all projects, removed ones too, and the version they are of. No parameters; a scan of
-- what people wrote.
select r.id, r.project_id, p.name as project, p.uuid::text as project_uuid, p.timezone, p.currency,
    r.removed_at is not null as removed, r.rule
from traction.alert_rule r
join traction.project p on p.id = r.project_id
order by r.id;
