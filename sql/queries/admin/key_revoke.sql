-- SPDX-License-Identifier: MIT
-- Ends the key with the digest $1 and tells the servers.
with ended as (
    update traction.api_key set revoked_at = now() where hash = $1 and revoked_at is null
    returning hint
)
select hint, pg_notify('traction_keys', '')::text as told from ended;
