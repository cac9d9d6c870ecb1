-- Where a question's range begins and ends, in its time zone. $1 zone, $2 now; then for the start
-- ($3–$6) and the end ($7–$10): what was given (instant, date, today, or nothing), the instant, the
-- date, and days to add to the date or to today.
-- Nothing as a start: 30 days before the end. A midnight that the clocks pass twice is read as the
-- later one; the day begins at the earlier.
with given as (
    select
        case $3::text when 'instant' then $4::timestamptz at time zone $1::text
            when 'date' then ($5::date + $6::int)::timestamp
            when 'today' then (($2::timestamptz at time zone $1)::date + $6)::timestamp
        end as from_local,
        case $7::text when 'instant' then $8::timestamptz at time zone $1
            when 'date' then ($9::date + $10::int)::timestamp
            else (($2 at time zone $1)::date + $10)::timestamp
        end as to_local
), local as (
    select coalesce(from_local, to_local - interval '30 days') as from_local, to_local from given
), zoned as (
    select
        from_local, to_local,
        case $3 when 'instant' then $4 else from_local at time zone $1 end as from_at,
        case $7 when 'instant' then $8 else to_local at time zone $1 end as to_at,
        (to_local::date + case when to_local::time > '00:00' then 1 else 0 end)::timestamp
            as next_local,
        from_local - least(to_local - from_local, from_local - timestamp '0001-01-01')
            as before_local
    from local
), settled as (
    select
        z.from_local, z.to_local, z.next_local, z.before_local,
        case when $3 <> 'instant' and (from_at - interval '1 hour') at time zone $1 >= from_local
            then from_at - interval '1 hour' else from_at end as from_at,
        case when $7 <> 'instant' and (to_at - interval '1 hour') at time zone $1 >= to_local
            then to_at - interval '1 hour' else to_at end as to_at,
        case when (next_local at time zone $1 - interval '1 hour') at time zone $1 >= next_local
            then next_local at time zone $1 - interval '1 hour'
            else next_local at time zone $1 end as next_at,
        case when (before_local at time zone $1 - interval '1 hour') at time zone $1 >= before_local
            then before_local at time zone $1 - interval '1 hour'
            else before_local at time zone $1 end as before_at
    from zoned z
)
select
    from_at, to_at, next_at,
    from_local::date as from_day, next_local::date as next_day,
    from_at = case when (from_local::date::timestamp at time zone $1 - interval '1 hour')
            at time zone $1 >= from_local::date
        then from_local::date::timestamp at time zone $1 - interval '1 hour'
        else from_local::date::timestamp at time zone $1 end as from_midnight,
    to_at = next_at as to_midnight,
    before_at, before_local::date as before_day
from settled
