-- The migrations that were applied, oldest first. No parameters.
select number, sha256, applied_at
from traction.schema_migration
order by number
