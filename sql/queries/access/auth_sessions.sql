-- SPDX-License-Identifier: MIT
-- Who is signed in. No parameters; a scan.
select s.hash, s.user_id, u.role, s.expires_at
from traction.user_session s
join traction.app_user u on u.id = s.user_id
where s.expires_at > now();
