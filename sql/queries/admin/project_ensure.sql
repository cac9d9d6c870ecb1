-- SPDX-License-Identifier: MIT
-- Makes a project of this name unless there is one, with every default. $1 name.
insert into traction.project (name) values ($1) on conflict (name) do nothing;
