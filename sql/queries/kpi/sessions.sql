-- Distinct sessions.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, e.session_id as member
    from {events} and e.session_id is not null
    group by 1, 2, 3
), {top_by_members}
select {keys}, count(distinct member) as x
from (select t, {place} as g, member from cells) placed
group by grouping sets ({sets})
-- fragment: rollup
select level, t, null::int as g, null::text as label, sum(sessions)::bigint as x
from {sessions_of_days} s
group by 1, 2
