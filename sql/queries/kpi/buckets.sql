-- The intervals of a range: where each begins, its first day within the range, and where it ends.
-- $1 zone, $2 from, $3 to, $4 unit. Days and longer are cut in local time; hours begin where a local
-- hour does, at most every 15 minutes, because clocks may change by half an hour.
select n.starts_at, greatest(n.day, ($2::timestamptz at time zone $1::text)::date) as day, n.ends_at
from (
    select b.starts_at, b.day, lead(b.starts_at) over (order by b.starts_at) as ends_at
    from (
        select distinct on (c.starts_at) c.starts_at, c.local::date as day
        from (
            select l.local, case
                    when (l.local at time zone $1 - interval '1 hour') at time zone $1 >= l.local
                    then l.local at time zone $1 - interval '1 hour'
                    else l.local at time zone $1 end as starts_at
            from generate_series(date_trunc($4::text, $2::timestamptz at time zone $1),
                $3::timestamptz at time zone $1 + ('1 ' || $4)::interval,
                ('1 ' || $4)::interval) as l (local)
            where $4 in ('day', 'week', 'month')
            union all
            select s.at at time zone $1, s.at
            from generate_series(date_trunc('minute', $2), $3 + interval '1 minute',
                interval '1 minute') as s (at)
            where $4 = 'minute'
            union all
            select s.at at time zone $1, s.at
            from generate_series(date_trunc('hour', $2, $1), $3 + interval '2 hours',
                interval '15 minutes') as s (at)
            where $4 = 'hour'
                and (extract(minute from s.at at time zone $1) = 0
                    or s.at = date_trunc('hour', $2, $1))
        ) c
        order by c.starts_at, c.local
    ) b
) n
where n.starts_at < $3
order by 1
