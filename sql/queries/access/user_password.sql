-- SPDX-License-Identifier: MIT
-- The user with the address $1, or the number $2.
select id, email, role, password from traction.app_user where email = lower($1) or id = $2::int;
