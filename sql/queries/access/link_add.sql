-- SPDX-License-Identifier: MIT
-- Makes a link that signs in $2 (an address) once, until $3 seconds from now. $1 digest. Links that were
-- not used in time go.
with old as (
    delete from traction.sign_in_link where expires_at < now()
)
insert into traction.sign_in_link (hash, user_id, expires_at)
select $1, id, now() + make_interval(secs => $3)
from traction.app_user
where email = lower($2)
returning user_id;
