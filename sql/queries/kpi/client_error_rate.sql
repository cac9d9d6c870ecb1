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
select {level_of_t},
    coalesce(sum(members) filter (where subject = 'session_error'), 0)::bigint as x,
    coalesce(sum(members) filter (where subject = 'session'), 0)::bigint as y
from {members} m
where subject in ('session', 'session_error') and key = ''
group by t
