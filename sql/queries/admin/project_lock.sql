-- SPDX-License-Identifier: MIT
-- Holds batches back until the end of the transaction, then says whether project $1 has events.
-- The ledger remembers them beyond their retention.
with held as materialized (select run from traction.id_log_head for update)
select exists (select 1
               from traction.ledger
               where project_id = $1 and outcome = 'stored' and events > 0) as has_events
from held;
