-- The properties that recent events have: their types, events and most frequent values, as JSON.
-- $1 project, $2 name of the events (null: any), $3 how many events are looked at.
-- Counts by quarters of an hour say which of these hold that many; at most 48 quarters, and of the
-- events no others are read (by the index on ts).
with quarters as (
    select q.bucket, sum(q.n) over (order by q.bucket desc) - q.n as newer
    from (
        select r.bucket, sum(r.n) as n
        from traction.rollup_count r
        where r.project_id = $1 and r.metric = 'event' and r.grain = 'q'
            and ($2::text is null or r.key = any (array[
                'e:' || $2, 'p:' || $2, 'b:' || $2, 'f:' || $2]))
        group by r.bucket
        order by r.bucket desc
        limit 48
    ) q
), windows as materialized (
    select min(bucket) as from_at, max(bucket) + interval '15 minutes' as to_at
    from quarters
    where newer < $3::int
    group by date_trunc('day', bucket)
), sample as materialized (
    select e.ts, e.name, e.properties
    from (select * from windows order by from_at desc) w
    cross join lateral (
        select e.ts, e.name, e.properties
        from traction.event e
        where e.project_id = $1 and e.ts >= w.from_at and e.ts < w.to_at and not e.bot
            and ($2 is null or e.name = $2)
        offset 0 -- each window for itself: never all events first
    ) e
    limit $3
), found as materialized (
    select p.key collate "C" as key, s.name collate "C" as name, jsonb_typeof(p.value) as type,
        case when jsonb_typeof(p.value) in ('string', 'number', 'boolean')
            then left(p.value #>> '{}', 100) collate "C" end as value, count(*) as n
    from sample s
    cross join lateral jsonb_each(s.properties) p
    group by 1, 2, 3, 4
), types as (
    select key, type, sum(n)::bigint as n from found group by key, type
), keys as (
    select key, sum(n)::bigint as events, array_agg(type order by type) as types
    from types
    group by key
    order by sum(n) desc, key
    limit 200
), of_names as (
    select key, jsonb_agg(name order by n desc, name) as names
    from (
        select key, name, sum(n) as n,
            row_number() over (partition by key order by sum(n) desc, name) as place
        from found
        group by key, name
    ) c
    where place <= 20
    group by key
), of_values as (
    select key, jsonb_agg(jsonb_build_object('value', value, 'events', n) order by n desc, value)
        as list
    from (
        select key, value, sum(n)::bigint as n,
            row_number() over (partition by key order by sum(n) desc, value) as place
        from found
        where value is not null
        group by key, value
    ) c
    where place <= 5
    group by key
)
select jsonb_build_object(
    'events', (select count(*) from sample),
    'from', (select left(trim('"' from to_json(min(ts))::text), -6) || 'Z' from sample),
    'to', (select left(trim('"' from to_json(max(ts))::text), -6) || 'Z' from sample)) as sample,
    coalesce(jsonb_agg(jsonb_build_object(
        'property', k.key, 'events', k.events, 'types', k.types, 'names', n.names,
        'values', coalesce(v.list, jsonb_build_array()))
        order by k.events desc, k.key), jsonb_build_array()) as list
from keys k
join of_names n on n.key = k.key
left join of_values v on v.key = k.key
