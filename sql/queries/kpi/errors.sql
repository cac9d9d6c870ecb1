-- Errors: how many, of how many people, in how many sessions, since when. They are few among the
-- events; the partial index event_error finds them.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, {person} as person, {session} as session, count(*) as n,
        count(*) filter (where e.properties -> 'fatal' = 'true'::jsonb) as fatal,
        min(e.ts) as first_at, max(e.ts) as last_at
    from {session_events} and e.name = 'error'
    group by 1, 2, 3, 4
), {top_by_n}
select {keys}, coalesce(sum(n), 0)::bigint as value, count(distinct person) as people,
    count(distinct session) as sessions, coalesce(sum(fatal), 0)::bigint as fatal,
    left(trim('"' from to_json(min(first_at))::text), -6) || 'Z' as first_seen,
    left(trim('"' from to_json(max(last_at))::text), -6) || 'Z' as last_seen,
    coalesce(sum(n), 0)::bigint as n
from (select t, {place} as g, person, session, n, fatal, first_at, last_at from cells) placed
group by grouping sets ({sets})
