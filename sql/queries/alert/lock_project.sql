-- SPDX-License-Identifier: MIT
-- One change of a project's rules at a time. $1 project.
select id from traction.project where id = $1 for no key update;
