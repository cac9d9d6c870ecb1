-- Distinct sessions.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, {session} as member
    from {session_events} and {session} is not null
    group by 1, 2, 3
), {top_by_members}
select level, t, g, label, count(*) as x
from (
    select {keys}
    from (select t, {place} as g, member from cells) placed
    group by member, grouping sets ({sets})
) d
group by 1, 2, 3, 4
-- fragment: rollup
select level, t, null::int as g, null::text as label, sum(sessions)::bigint as x
from {sessions_of_days} s
group by 1, 2
