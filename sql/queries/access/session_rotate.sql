-- SPDX-License-Identifier: MIT
-- A new cookie, with the digest $2, for the session with the digest $1, for $3 more seconds but no longer than
-- $4 seconds after signing in. The old one is good for a minute more: requests may be under way with it.
with old as (
    update traction.user_session
    set expires_at = least(expires_at, now() + interval '1 minute')
    where hash = $1 and expires_at > now() + interval '1 minute'
    returning user_id, opened_at
), made as (
    insert into traction.user_session (hash, user_id, opened_at, expires_at)
    select $2, user_id, opened_at, least(now() + make_interval(secs => $3), opened_at + make_interval(secs => $4))
    from old
    returning user_id
)
select user_id, pg_notify('traction_keys', '')::text as told from made;
