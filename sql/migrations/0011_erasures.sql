-- SPDX-License-Identifier: MIT
-- Erasing people; src/writer/erase.c says how.

-- How often somebody was erased. A server that sees another number forgets what it remembers of who
-- was seen when.
alter table traction.id_log_head add column erasures bigint not null default 0;

-- Whose visitors are whose.
create index alias_person on traction.alias (project_id, person);
