-- Cohorts by the interval of people's first day, and how many of each were active in every interval
-- from then on. An interval that is not over yet is null, and its share too.

-- fragment: events
with {matrix_of_events}, {retention_of_matrix}
-- fragment: rollup
with {matrix_of_cohorts}, {retention_of_matrix}
-- fragment: retention_of_matrix
intervals as materialized (
    select i, (:days)[i] as f, coalesce((:days)[i + 1], :to_day) as u,
        coalesce((:days)[i + 1], :to_day) <= (:now at time zone :timezone)::date as over
    from generate_subscripts(:days, 1) as i
), cells_of as materialized (
    select whole, g, cohort, period, sum(members) as members
    from (
        select whole, g, width_bucket(first_day, :days) as cohort, width_bucket(day, :days) as period,
            previous_day, members
        from matrix
        where first_day >= :from_day and day < :to_day
    ) m
    where previous_day < (:days)[period]
    group by 1, 2, 3, 4
), sizes as materialized (
    select whole, g, width_bucket(first_day, :days) as cohort, sum(members) as size
    from matrix
    where previous_day = '-infinity' and first_day >= :from_day and first_day < :to_day
    group by 1, 2, 3
    having sum(members) > 0
), periods as materialized (
    select z.whole, z.g, z.cohort, z.size, p.i - z.cohort as n,
        case when p.over then coalesce(c.members, 0) end as active
    from sizes z
    join intervals p on p.i >= z.cohort
    left join cells_of c on c.whole = z.whole and c.g is not distinct from z.g
        and c.cohort = z.cohort and c.period = p.i
), cohorts as materialized (
    select p.whole, p.g, p.cohort, p.size,
        sum(p.active) filter (where p.n = 1) as next_active,
        jsonb_build_object('t', to_char(i.f, 'YYYY-MM-DD'), 'size', p.size, 'periods', jsonb_agg(
            jsonb_build_object('n', p.n, 'active', p.active,
                'share', round(p.active / p.size, 9)) order by p.n)) as cohort_json
    from periods p
    join intervals i on i.i = p.cohort
    group by p.whole, p.g, p.cohort, p.size, i.f
)
select c.whole + 2 as level, null::int as t, c.g, (select labels from labels)[c.g] as label,
    round(sum(c.next_active) / nullif(sum(c.size) filter (where c.next_active is not null), 0), 9)
        as value,
    sum(c.size)::bigint as n, jsonb_agg(c.cohort_json order by c.cohort) as cohorts
from cohorts c
group by c.whole, c.g
union all
select c.whole, c.cohort, c.g, (select labels from labels)[c.g],
    round(c.next_active / c.size, 9), c.size::bigint, null
from cohorts c
where :series
