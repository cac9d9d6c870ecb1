-- The names of a project's events in a range of days, the most frequent first, as one JSON array.
-- $1 project, $2 its time zone, $3 first day, $4 day after the last, $5 how many. Reads the days'
-- counts alone: a row a name and day, by the primary key.
with counted as (
    select substr(r.key, 3) as name, left(r.key, 1) as kind, sum(r.n)::bigint as events,
        min((r.bucket at time zone $2::text)::date) as first_day,
        max((r.bucket at time zone $2)::date) as last_day
    from traction.rollup_count r
    where r.project_id = $1 and r.metric = 'event' and r.grain = 'd'
        and r.bucket >= ($3::date::timestamp at time zone $2) - interval '1 day'
        and r.bucket < ($4::date::timestamp at time zone $2) + interval '1 day'
        and (r.bucket at time zone $2)::date >= $3 and (r.bucket at time zone $2)::date < $4
    group by r.key
    order by sum(r.n) desc, substr(r.key, 3) collate "C"
    limit $5::int
)
select coalesce(jsonb_agg(jsonb_build_object(
    'name', name,
    'kind', case kind when 'e' then 'engagement' when 'p' then 'performance'
        when 'b' then 'business' when 'f' then 'feedback' end,
    'events', events, 'first_seen', first_day, 'last_seen', last_day)
    order by events desc, name collate "C", kind), jsonb_build_array()) as list
from counted
