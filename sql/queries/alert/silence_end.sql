-- SPDX-License-Identifier: MIT
-- Ends a rule's silences; those that just began never were. $1 rule's number.
delete from traction.alert_silence where rule_id = $1 and until_at > now()
returning id;
