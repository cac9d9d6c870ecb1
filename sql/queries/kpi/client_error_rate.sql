-- Sessions with an error, of all sessions.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, {session} as member, bool_or(e.name = 'error') as failed
    from {session_events} and {session} is not null
    group by 1, 2, 3
), {top_by_members}
select level, t, g, label, count(*) filter (where failed) as x, count(*) as y
from (
    select {keys}, bool_or(failed) as failed
    from (select t, {place} as g, member, failed from cells) placed
    group by member, grouping sets ({sets})
) d
group by 1, 2, 3, 4
-- fragment: rollup
select level, t, null::int as g, null::text as label, sum(failed)::bigint as x,
    sum(sessions)::bigint as y
from {sessions_of_days} s
group by 1, 2
