-- SPDX-License-Identifier: MIT
-- $1 receiver's number.
delete from traction.alert_receiver where id = $1;
