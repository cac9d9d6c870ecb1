-- SPDX-License-Identifier: MIT
-- Opens a session of user $2 with the digest $1 for $3 seconds, and tells the servers. Those that have
-- ended go.
with old as (
    delete from traction.user_session where expires_at < now()
), made as (
    insert into traction.user_session (hash, user_id, expires_at)
    values ($1, $2, now() + make_interval(secs => $3))
    returning user_id
)
select user_id, pg_notify('traction_keys', '')::text as told from made;
