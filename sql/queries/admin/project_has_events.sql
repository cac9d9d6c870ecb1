-- SPDX-License-Identifier: MIT
-- Whether anything that was sent to a project has landed. $1 project. A few rows of the ledger.
select exists (select from traction.ledger where project_id = $1 and events > 0) as found;
