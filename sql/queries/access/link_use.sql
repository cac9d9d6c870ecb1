-- SPDX-License-Identifier: MIT
-- Takes the link with the digest $1; no row: there is none, or it is too old.
with taken as (
    delete from traction.sign_in_link where hash = $1 returning user_id, expires_at
)
select u.id, u.email, u.role
from taken t
join traction.app_user u on u.id = t.user_id
where t.expires_at > now();
