-- SPDX-License-Identifier: MIT
-- Makes sure that there is an owner with the address $1, and the password's hash $2 if there was none.
insert into traction.app_user as u (email, role, password)
values (lower($1), 'owner', $2)
on conflict (email) do update set password = coalesce(u.password, excluded.password)
returning u.id;
