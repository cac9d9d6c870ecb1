-- Sessions with an error, of all sessions.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, e.session_id as member, bool_or(e.name = 'error') as failed
    from {events} and e.session_id is not null
    group by 1, 2, 3
), {top_by_members}
select {keys}, count(distinct member) filter (where failed) as x, count(distinct member) as y
from (select t, {place} as g, member, failed from cells) placed
group by grouping sets ({sets})
-- fragment: rollup
select level, t, null::int as g, null::text as label, sum(failed)::bigint as x,
    sum(sessions)::bigint as y
from {sessions_of_days} s
group by 1, 2
