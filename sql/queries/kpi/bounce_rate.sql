-- Sessions that bounced, of all: one page view, nothing else of engagement, less than 10 s engaged,
-- as far as the range, the interval and the group have them.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g, {session} as member,
        count(*) filter (where e.name = 'page_view') as page_views,
        count(*) filter (
            where e.kind = 'e' and e.name not in ('page_view', 'engaged_time', 'identify')
        ) as interactions,
        coalesce(sum({us}) filter (where e.name = 'engaged_time'), 0) as engaged
    from {session_events} and {session} is not null
    group by 1, 2, 3
), {top_by_members}
select level, t, g, label,
    count(*) filter (where page_views = 1 and interactions = 0 and engaged < 10000000) as x,
    count(*) as y
from (
    select {keys}, sum(page_views) as page_views, sum(interactions) as interactions,
        sum(engaged) as engaged
    from (select t, {place} as g, member, page_views, interactions, engaged from cells) placed
    group by member, grouping sets ({sets})
) d
group by 1, 2, 3, 4
-- fragment: rollup
select level, t, null::int as g, null::text as label, sum(bounces)::bigint as x,
    sum(sessions)::bigint as y
from {sessions_of_days} s
group by 1, 2
