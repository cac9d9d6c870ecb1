-- SPDX-License-Identifier: MIT
-- What became of alerts, the newest first, as JSON. $1 project, $2 rule's name or number, or null,
-- $3 from, $4 to, $5 how many.
select coalesce(json_agg(json_build_object(
    'at', to_char(h.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'rule', h.rule, 'series', h.series, 'change', h.change, 'value', h.value, 'n', h.n,
    'silenced', h.silenced, 'fingerprint', h.fingerprint) order by h.at desc, h.id desc),
    '[]'::json) as history
from (
    select *
    from traction.alert_history
    where project_id = $1 and ($2::text is null or rule = $2 or rule_id::text = $2)
        and at >= $3::timestamptz and at < $4::timestamptz
    order by at desc, id desc
    limit $5::int
) h;
