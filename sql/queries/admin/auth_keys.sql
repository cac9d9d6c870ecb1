-- SPDX-License-Identifier: MIT
-- The digests of all keys that are valid now. No parameters; a scan.
select hash, project_id, scope
from traction.api_key
where revoked_at is null;
