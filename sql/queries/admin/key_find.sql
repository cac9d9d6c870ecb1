-- SPDX-License-Identifier: MIT
-- The valid keys that a person may mean: with the digest $1, or whose first characters are $2.
-- $3 project, null for any.
select k.hash, k.hint, k.scope, k.project_id
from traction.api_key k
where k.revoked_at is null
  and (k.hash = $1 or k.hint = $2)
  and ($3::int is null or k.project_id = $3::int);
