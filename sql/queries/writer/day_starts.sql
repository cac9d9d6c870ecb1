-- Where the days of a project begin. $1 project, $2 first day, $3 last day.
-- A midnight that the clocks pass twice is read as the later one; the day begins at the earlier.
select
    d.day,
    case when (d.midnight - interval '1 hour') at time zone d.timezone >= d.day
        then d.midnight - interval '1 hour'
        else d.midnight
    end as starts_at
from (
    select
        g.day::date as day,
        p.timezone,
        (g.day::date)::timestamp at time zone p.timezone as midnight
    from traction.project as p
    cross join generate_series($2::date::timestamp, $3::date::timestamp, interval '1 day') as g (day)
    where p.id = $1
) as d
order by d.day
