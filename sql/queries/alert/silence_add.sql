-- SPDX-License-Identifier: MIT
-- $1 rule's number, $2 group or null, $3 comment, $4 how long, in seconds.
insert into traction.alert_silence (rule_id, series, comment, until_at)
values ($1, $2, $3, now() + make_interval(secs => $4::float8))
returning to_char(until_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as until;
