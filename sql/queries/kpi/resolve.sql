-- Where a question's range begins and ends, in its time zone, and those of the range that it is
-- compared with. $1 zone, $2 now; then for the start ($3–$6) and the end ($7–$10): what was given
-- (instant, date, today, begin, or nothing), the instant, the date, and days to add to the date or to
-- today; $11 project; $12 what to compare with (previous, week, year).
-- Nothing as a start: 30 days before the end; begin: the day of the project's first event, if that is
-- before the end. A midnight that the clocks pass twice is read as the later one; the day begins at the
-- earlier.
-- previous: as many days before, or as much time where an end is no midnight. week: as few whole weeks
-- back as make it end no later than the range begins. year: the same dates of the year before, 28 for
-- 29 February.
-- Materialized, because expressions put into each other grow until planning takes longer than all else.
with given as materialized (
    select
        case $3::text when 'instant' then $4::timestamptz at time zone $1::text
            when 'date' then ($5::date + $6::int)::timestamp
            when 'today' then (($2::timestamptz at time zone $1)::date + $6)::timestamp
            when 'begin' then (
                select date_trunc('day', min(p.first_seen) at time zone $1)
                from traction.person p
                where p.project_id = $11::int)
        end as from_local,
        case $7::text when 'instant' then $8::timestamptz at time zone $1
            when 'date' then ($9::date + $10::int)::timestamp
            else (($2 at time zone $1)::date + $10)::timestamp
        end as to_local
), local as materialized (
    select
        coalesce(case when $3 <> 'begin' or from_local < to_local then from_local end,
            to_local - interval '30 days') as from_local,
        to_local
    from given
), settled as materialized (
    select
        l.from_local, l.to_local, i.at[3] as from_midnight_at, i.at[4] as next_at,
        case when $3 = 'instant' then $4 else i.at[1] end as from_at,
        case when $7 = 'instant' then $8 else i.at[2] end as to_at
    from local l
    cross join lateral (
        select array_agg(case when (t.at - interval '1 hour') at time zone $1 >= t.local
            then t.at - interval '1 hour' else t.at end order by t.i) as at
        from (
            select v.i, v.local, v.local at time zone $1 as at
            from (values (1, l.from_local), (2, l.to_local), (3, date_trunc('day', l.from_local)),
                (4, date_trunc('day', l.to_local + interval '1 day - 1 microsecond'))) v (i, local)
        ) t
    ) i
), whole as materialized (
    -- Nothing is compared with what was before the year 1.
    select *, from_at = from_midnight_at as from_midnight, to_at = next_at as to_midnight,
        from_at = from_midnight_at and to_at = next_at as days,
        least(to_at - from_at,
            greatest(interval '0', from_at - timestamptz '0001-01-01 00:00:00+00')) as time,
        least(
            case when $12::text = 'week' then make_interval(days => 7 * ceil(
                extract(epoch from to_local - from_local) / (7 * 86400))::int)
                else to_local - from_local end,
            from_local - timestamp '0001-01-01') as back
    from settled
), shifted as materialized (
    select w.*,
        case when $12 = 'year' then greatest(from_local - interval '1 year', timestamp '0001-01-01')
            when days or $12 = 'week' then from_local - back
            else (from_at - time) at time zone $1 end as before_from,
        case when $12 = 'year' then to_local - interval '1 microsecond' - interval '1 year'
                + interval '1 microsecond'
            when $12 = 'week' then to_local - back
            else from_local end as before_to
    from whole w
), sound as materialized (
    -- Hours around a 29 February may be none a year before: then as long as they are now.
    select from_local, to_local, from_at, to_at, next_at, from_midnight, to_midnight, days, time,
        before_from, case when before_to > before_from then before_to
            else before_from + (to_local - from_local) end as before_to
    from shifted
), before as materialized (
    select
        s.*, i.at[3] as before_midnight_at, i.at[4] as before_next_at,
        case when $12 in ('week', 'year') or days then i.at[1]
            else from_at - time end as before_at,
        case when $12 in ('week', 'year') then greatest(i.at[1], i.at[2]) else from_at end
            as before_to_at
    from sound s
    cross join lateral (
        select array_agg(case when (t.at - interval '1 hour') at time zone $1 >= t.local
            then t.at - interval '1 hour' else t.at end order by t.i) as at
        from (
            select v.i, v.local, v.local at time zone $1 as at
            from (values (1, s.before_from), (2, s.before_to),
                (3, date_trunc('day', s.before_from)),
                (4, date_trunc('day', s.before_to + interval '1 day - 1 microsecond'))) v (i, local)
        ) t
    ) i
)
select
    from_at, to_at, next_at, from_midnight, to_midnight,
    from_local::date as from_day,
    (to_local + interval '1 day - 1 microsecond')::date as next_day,
    before_at as before_from_at, before_to_at, before_next_at,
    before_at = before_midnight_at as before_from_midnight,
    before_to_at = before_next_at as before_to_midnight,
    before_from::date as before_from_day,
    (before_to + interval '1 day - 1 microsecond')::date as before_next_day
from before
