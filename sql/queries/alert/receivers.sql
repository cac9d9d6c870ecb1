-- SPDX-License-Identifier: MIT
-- All receivers of all projects. No parameters.
select r.project_id, p.name as project, r.name, r.receiver
from traction.alert_receiver r
join traction.project p on p.id = r.project_id
order by r.id;
