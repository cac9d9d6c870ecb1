-- Steps in order, per person, within a window that counts from the first step. An event of a step
-- continues the latest start that reached the step before: all that matters later is how long ago the
-- start was, so the latest is the best. {funnel_steps} are as many passes over the same order as there
-- are further steps; start is that of the step reached last, took what each step took from the start.

-- fragment: events
with matched as materialized (
    select {person} as member, e.ts, {group} as g, array_positions(:steps, e.name) as steps,
        row_number() over (
            partition by {person} order by e.ts, e.received_at, e.id collate "C") as place
    from {people_events} and e.name = any (:steps)
), step_1 as (
    select member, place, ts, steps, case when 1 = any (steps) then ts end as start,
        case when 1 = any (steps) then array[interval '0'] else array[null::interval] end as took
    from matched
){funnel_steps}, reached as materialized (
    select member, k as step, min(took[k]) as took
    from {funnel_last} cross join generate_subscripts(:steps, 1) as k
    where took[k] is not null
    group by 1, 2
), first as materialized (
    select distinct on (member) member, g
    from matched
    where 1 = any (steps)
    order by member, place
), cells as materialized (
    select f.g, r.member, r.step, r.took
    from reached r
    join first f on f.member = r.member
), {top_by_members}, counted as (
    select {whole_and_g}, step, count(*) as people,
        percentile_cont(0.5) within group (order by took) as median
    from (select {place} as g, member, step, took from cells) p
    group by step, grouping sets ({sets_of_g})
), shares as (
    select w.whole, w.g, k.step, k.name, coalesce(c.people, 0) as people,
        first_value(coalesce(c.people, 0)) over w as started,
        lag(coalesce(c.people, 0)) over w as before, c.median
    from (select whole, g from counted union select 1, null) w
    cross join unnest(:steps) with ordinality as k (name, step)
    left join counted c on c.whole = w.whole and c.g is not distinct from w.g and c.step = k.step
    window w as (partition by w.whole, w.g order by k.step)
)
select whole + 2 as level, null::int as t, g, (select labels from top)[g] as label,
    round(max(people) filter (where step = cardinality(:steps)) / nullif(max(started), 0)::numeric, 9)
        as value,
    max(started) as n,
    jsonb_agg(jsonb_build_object('step', step, 'name', name, 'people', people,
        'share_of_first', round(people / nullif(started, 0)::numeric, 9),
        'share_of_previous',
            case when step > 1 then round(people / nullif(before, 0)::numeric, 9) end,
        'median_seconds_from_first', round(extract(epoch from median), 3)) order by step) as steps
from shares
group by whole, g
-- fragment: funnel_step
, step_{step} as (
    select member, place, ts, steps,
        case when {step} = any (steps) and ts <= run + make_interval(secs => :window) then run end
            as start,
        took || case when {step} = any (steps) and ts <= run + make_interval(secs => :window)
            then ts - run end as took
    from (
        select *, max(start) over (
            partition by member order by place
            rows between unbounded preceding and 1 preceding) as run
        from step_{step_before}
    ) s
)
