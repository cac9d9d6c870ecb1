-- SPDX-License-Identifier: MIT
-- $1 project, $2 name, $3 receiver.
insert into traction.alert_receiver (project_id, name, receiver) values ($1, $2, $3::text::jsonb)
on conflict (project_id, name) do update
set receiver = excluded.receiver, failing_since = null, last_error = null;
