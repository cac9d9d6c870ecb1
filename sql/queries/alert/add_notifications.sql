-- SPDX-License-Identifier: MIT
-- $1 projects, $2 receivers, $3 rules, $4 what goes out together, $5 alerts, $6 when.
insert into traction.alert_notification
    (project_id, receiver, rule_id, group_key, alert, created_at)
select d.project_id, d.receiver, d.rule_id, d.group_key, d.alert::json, d.at
from unnest($1::int[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])
    with ordinality as d (project_id, receiver, rule_id, group_key, alert, at, place)
order by d.place;
