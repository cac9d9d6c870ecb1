-- SPDX-License-Identifier: MIT
-- Ends the session with the digest $1; with $2, all of that person's.
with ended as (
    delete from traction.user_session
    where hash = $1
        or $2 and user_id = (select user_id from traction.user_session where hash = $1)
    returning hash
)
select count(*) as ended, max(pg_notify('traction_keys', '')::text) as told from ended;
