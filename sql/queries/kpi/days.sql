-- What the KPIs about people's days share: stickiness, return_rate, retention, lifecycle. A matrix
-- of first day × day × the day before it, counting people, answers them all; rollups have it, from
-- events it is made. Its columns: whole (1: of everybody, 0: of group g), g, first_day, day,
-- previous_day ('-infinity': none), members.

-- fragment: history
-- All engagement up to the end: who was there for the first time is told by what came before.
traction.event e
    left join traction.alias a on a.project_id = :project and a.anonymous = e.person
        and e.received_at >= a.from_at and e.received_at < a.to_at
    where e.project_id = :project and e.ts < :to and e.kind = 'e' {bots} {where}
-- fragment: matrix_of_events
cells as materialized (
    select (e.ts at time zone :timezone)::date as day, {group} as g, {person} as member
    from {history}
    group by 1, 2, 3
), {top_by_members}, days_of as materialized (
    select {whole_and_g}, member, day
    from (select {place} as g, member, day from cells) p
    group by member, day, grouping sets ({sets_of_g})
), matrix as materialized (
    select whole, g, first_day, day, previous_day, count(*) as members
    from (
        select whole, g, day, min(day) over w as first_day,
            coalesce(lag(day) over (w order by day), '-infinity') as previous_day
        from days_of
        window w as (partition by whole, g, member)
    ) d
    group by 1, 2, 3, 4, 5
), labels as materialized (
    select labels from top
)
-- fragment: matrix_of_cohorts
-- Of those whose first day is in the range.
matrix as materialized (
    select 1 as whole, null::int as g, c.first_day, c.day, c.previous_day, c.members
    from traction.day_cohort c
    join traction.member_set s on s.id = c.set_id
    where s.project_id = :project and s.subject = 'active' and s.key = ''
        and c.first_day >= :from_day and c.day < :to_day
), labels as (
    select null::text[] as labels
)
-- fragment: matrix_of_days
-- Without first days, which half of these KPIs do not ask for; back to where the month begins that
-- stickiness looks back on, and the interval that lifecycle does.
matrix as materialized (
    select 1 as whole, null::int as g, null::date as first_day, c.day, c.previous_day, c.members
    from traction.day_matrix c
    join traction.member_set s on s.id = c.set_id
    where s.project_id = :project and s.subject = 'active' and s.key = '' and c.day < :to_day
        and c.day >= :from_day::date - greatest(31, :to_day::date - :from_day::date)
), labels as (
    select null::text[] as labels
)
-- fragment: whole_and_g_total
1 as whole, null::int as g
-- fragment: whole_and_g_groups
grouping(g) as whole, g
-- fragment: sets_of_g_total
()
-- fragment: sets_of_g_groups
(), (g)
-- fragment: spans
-- The whole range (t null) and its intervals: the days from f to before u. before: where the interval
-- before begins.
spans as materialized (
    select null::int as t, :from_day::date as f, :to_day::date as u,
        :from_day::date - (:to_day::date - :from_day::date) as before
    union all
    select i, (:days)[i], coalesce((:days)[i + 1], :to_day),
        ((:days)[i] - ('1 ' || :unit)::interval)::date
    from generate_subscripts(:days, 1) as i
    where :series
)
-- fragment: level_of_span
m.whole + case when s.t is null then 2 else 0 end as level, s.t, m.g,
    (select labels from labels)[m.g] as label
