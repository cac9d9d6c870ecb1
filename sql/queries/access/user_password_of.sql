-- SPDX-License-Identifier: MIT
-- The address of user $1.
select email from traction.app_user where id = $1;
