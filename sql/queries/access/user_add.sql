-- SPDX-License-Identifier: MIT
-- A new user: $1 address, $2 role, $3 password's hash or null. No row: there is one with this address.
insert into traction.app_user (email, role, password)
values (lower($1), $2, $3)
on conflict (email) do nothing
returning json_build_object('id', id, 'email', email, 'role', role)::text as answer;
