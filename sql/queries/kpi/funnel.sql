-- Steps in order, per person, within a window that counts from the first step. An event of a step
-- continues the latest start that reached the step before: all that matters later is how long ago the
-- start was, so the latest is the best. {funnel_steps} are as many passes over the same order, which is
-- sorted once, as there are further steps; most people do not get beyond the first, and are left out.
-- Of step k, hit_k says whether the event is one, start_k is the start it continues, run_k and last_k
-- the start and the time of the latest event that reached the step before.

-- fragment: events
with matched as materialized (
    select {person} as member, e.ts, e.received_at, e.id collate "C" as id, {group} as g{funnel_hits}
    from {people_events} and e.name = any (:step_names) {funnel_names}
), members as materialized (
    select member, bool_or(hit_2) as goes_on from matched group by 1 having bool_or(hit_1)
), step_1 as (
    select e.*, case when hit_1 then ts end as start_1
    from matched e
    join members m on m.member = e.member
    where m.goes_on
){funnel_steps}, people as materialized (
    select member, array[interval '0'{funnel_times}] as took,
        array[null::interval{funnel_gaps}] as gap
    from {funnel_last}
    group by member
    union all
    select member, array[interval '0'], null from members where not goes_on
), {funnel_groups}, cells as materialized (
    select p.g, p.member, k.step, p.took[k.step] as took, p.gap[k.step] as gap
    from grouped p cross join generate_subscripts(:steps, 1) as k (step)
    where p.took[k.step] is not null
), {top_by_members}, counted as (
    select {whole_and_g}, step, count(*) as people,
        percentile_cont(0.5) within group (order by took) as took,
        percentile_cont(0.5) within group (order by gap) as gap
    from (select {place} as g, member, step, took, gap from cells) p
    group by step, grouping sets ({sets_of_g})
), shares as (
    select w.whole, w.g, k.step, k.name, coalesce(c.people, 0) as people,
        first_value(coalesce(c.people, 0)) over w as started,
        lag(coalesce(c.people, 0)) over w as before, c.took, c.gap
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
        'median_seconds_from_first', round(extract(epoch from took), 3),
        'median_seconds_from_previous', round(extract(epoch from gap), 3)) order by step) as steps
from shares
group by whole, g
-- fragment: funnel_of_business
-- As the index event_business has it.
and e.name in (
    'sign_up', 'conversion', 'purchase', 'subscription_started', 'subscription_changed',
    'subscription_cancelled', 'acquisition_cost')
-- fragment: funnel_of_any
-- fragment: funnel_hit
, e.name = (:step_names)[{step}] as hit_{step}
-- fragment: funnel_hit_of_path
, e.name = (:step_names)[{step}] and coalesce(e.path, '') like (:step_paths)[{step}] as hit_{step}
-- fragment: funnel_step
, step_{step} as (
    select *, case when hit_{step} and ts <= run_{step} + make_interval(secs => :window)
        then run_{step} end as start_{step}
    from (
        select *, max(start_{step_before}) over w as run_{step},
            max(case when start_{step_before} is not null then ts end) over w as last_{step}
        from step_{step_before}
        window w as (
            partition by member order by ts, received_at, id
            rows between unbounded preceding and 1 preceding)
    ) s
)
-- fragment: funnel_time
, min(ts - start_{step})
-- fragment: funnel_gap
, min(ts - last_{step}) filter (where start_{step} is not null)
-- fragment: funnel_of_all
grouped as (
    select *, null::text as g from people
)
-- fragment: funnel_of_groups
grouped as (
    select p.*, f.g
    from people p
    join (
        select distinct on (member) member, g
        from matched
        where hit_1
        order by member, ts, received_at, id
    ) f on f.member = p.member
)
