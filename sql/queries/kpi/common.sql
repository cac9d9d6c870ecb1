-- Pieces that the KPIs' queries are put together from (src/kpi/statement.c): {name} stands for a
-- fragment of this file, or for one that the question chooses; :name for a bound parameter.
--
-- A KPI's file has the fragments "events" and "rollup"; "events_by_X", "rollup_by_X" take their
-- place in a question by X, "events_bots" in one that includes bots. What cannot be asked of rollups
-- has no such fragment.
--
-- Every query returns rows with named columns:
--   level   what the row is about: 3 the whole, 1 an interval, 2 a group, 0 an interval of a group
--   t       number of the interval, from 1; null at the levels 3 and 2
--   g       place of the group, from 1, and 0 for all beyond the first :groups; null at 3 and 1
--   label   name of the group
-- and, by the shape of the answer, x (value or numerator, or an amount as text), y (denominator),
-- n (sample), people, k (currency), and for distributions index (log bucket), n, us (sum), sketch.

-- fragment: events
traction.event e
    where e.project_id = :project and e.ts >= :from and e.ts < :to {bots} {where}
-- fragment: people_events
-- The same, with whose they are: {person} is the user that an anonymous visitor was joined to.
traction.event e
    left join traction.alias a on a.project_id = :project and a.anonymous = e.person
        and e.received_at >= a.from_at and e.received_at < a.to_at
    {vital_of_person}
    where e.project_id = :project and e.ts >= :from and e.ts < :to {bots} {where}
-- fragment: people_history
-- From the first event on, and not filtered: what followed from what.
traction.event e
    left join traction.alias a on a.project_id = :project and a.anonymous = e.person
        and e.received_at >= a.from_at and e.received_at < a.to_at
    where e.project_id = :project and e.ts < :to {bots}
-- fragment: session_events
-- The same, with which sessions they are in: {session}, null for those in none.
traction.event e
    left join traction.alias a on a.project_id = :project and a.anonymous = e.person
        and e.received_at >= a.from_at and e.received_at < a.to_at
    left join traction.visit v on v.project_id = :project and e.session_id is null and not e.bot
        and (e.kind = 'e' or e.name in ('error', 'page_load', 'web_vital'))
        and v.person = coalesce(a.person, e.person) and e.ts >= v.first_at and e.ts <= v.last_at
    {vital_of_person}
    where e.project_id = :project and e.ts >= :from and e.ts < :to {bots} {where}
-- fragment: rating_of_person
-- How people fared: the rating of the 75th percentile of their own values of a web vital.
left join (
    select r.person, case when r.parts <= r.good then 'good' when r.parts <= r.poor
            then 'needs improvement' else 'poor' end as rating
    from (
        select coalesce(b.person, w.person) as person, max(v.good) as good, max(v.poor) as poor,
            percentile_disc(0.75) within group (order by round(w.value * v.parts)) as parts
        from traction.event w
        join {vitals} on v.metric = w.metric
        left join traction.alias b on b.project_id = :project and b.anonymous = w.person
            and w.received_at >= b.from_at and w.received_at < b.to_at
        where w.project_id = :project and w.ts >= :from and w.ts < :to and not w.bot
            and w.name = 'web_vital' and w.metric = :vital and w.value >= 0
            and round(w.value * v.parts) <= v.most
        group by 1
    ) r
) vital on vital.person = coalesce(a.person, e.person)
-- fragment: no_rating

-- fragment: person
coalesce(a.person, e.person)
-- fragment: session
coalesce(e.session_id, v.session::text)
-- fragment: no_bots
and not e.bot
-- fragment: bucket_of_event
width_bucket(e.ts, :buckets)
-- fragment: bucket_of_rollup
width_bucket(r.bucket, :buckets)
-- fragment: bucket_of_day
width_bucket(d.day, :days)
-- fragment: no_bucket
null::int
-- fragment: no_group
null::text
-- fragment: place_of_group
coalesce(array_position((select labels from top), g), 0)
-- fragment: no_place
null::int
-- fragment: keys_total
3 as level, null::int as t, null::int as g, null::text as label
-- fragment: keys_series
grouping(t) * 2 + 1 as level, t, null::int as g, null::text as label
-- fragment: keys_groups
2 + grouping(g) as level, null::int as t, g, (select labels from top)[g] as label
-- fragment: keys_both
grouping(t, g) as level, t, g, (select labels from top)[g] as label
-- fragment: key_total
null::int as t
-- fragment: key_series
t
-- fragment: sets_total
()
-- fragment: sets_series
(), (t)
-- fragment: sets_groups
(), (g)
-- fragment: sets_both
(), (t), (g), (t, g)
-- fragment: top_by_n
top as materialized (
    select array(
        select g from cells group by g order by sum(n) desc, g collate "C" limit :groups
    ) as labels
)
-- fragment: top_by_members
top as materialized (
    select array(
        select g from (select g, member from cells group by 1, 2) c
        group by g order by count(*) desc, g collate "C" limit :groups
    ) as labels
)
-- fragment: where_is
and coalesce({expression}, '') = any (:values)
-- fragment: where_is_not
and not coalesce({expression}, '') = any (:values)
-- fragment: where_like
and coalesce({expression}, '') like any (:values)
-- fragment: where_not_like
and not coalesce({expression}, '') like any (:values)
-- fragment: sessions_of_days
-- Sessions, as rows of level and t: those with one day only as sums a day; those with several, which
-- are few, put together from their days in the range and in each interval.
(
    select l.level, case when l.level & 2 = 0 then {day_bucket} end as t, d.sessions, d.bounces,
        d.failed
    from traction.session_time d
    cross join unnest(:levels) as l (level)
    where d.project_id = :project and d.day >= :from_day and d.day < :to_day
    union all
    select p.level, p.t, 1,
        (p.page_views = 1 and p.interactions = 0 and p.engaged_us < 10000000)::int,
        (p.errors > 0)::int
    from (
        select l.level, case when l.level & 2 = 0 then {day_bucket} end as t,
            sum(d.page_views) as page_views, sum(d.interactions) as interactions,
            sum(d.engaged_us) as engaged_us, sum(d.errors) as errors
        from traction.session_day d
        cross join unnest(:levels) as l (level)
        where d.project_id = :project and d.several_days
            and d.day >= :from_day and d.day < :to_day
        group by 1, 2, d.session
    ) p
)
-- fragment: counts
traction.rollup_count r
    where r.project_id = :project and r.grain = :grain::"char"
        and r.bucket >= :from and r.bucket < :to
-- fragment: members
(
    -- Distinct members of sets, in the whole range (t null) and in each interval: the cells of the
    -- days there whose previous day lies before.
    select s.subject, s.key, v.t, coalesce(sum(v.members), 0)::bigint as members
    from traction.member_set s
    cross join lateral (
        select width_bucket(m.day, :days) as t,
            sum(m.members) filter (where m.previous_day < :from_day) as whole,
            sum(m.members) filter (
                where m.previous_day < (:days)[width_bucket(m.day, :days)]) as part
        from traction.day_matrix m
        where m.set_id = s.id and m.day >= :from_day and m.day < :to_day
        group by 1
    ) d
    cross join lateral (values (null::int, d.whole), (d.t, d.part)) as v (t, members)
    where s.project_id = :project and (:series or v.t is null)
    group by 1, 2, 3
)
-- fragment: active_by_t
-- Active people in the whole and in each interval, for what is measured by all of them.
active as materialized (
    select t, count(*) as people
    from (
        select {key_of_t}, member
        from (
            select {bucket} as t, {person} as member from {people_events} and e.kind = 'e'
            group by 1, 2
        ) a
        group by member, grouping sets ({sets_of_t})
    ) b
    group by 1
)
-- fragment: level_of_both
case when a.t is null then 2 else 0 end + case when p.g is null then 1 else 0 end as level
-- fragment: level_of_t
case when t is null then 3 else 1 end as level, t, null::int as g, null::text as label
-- fragment: ms
(e.value * case e.unit when 's' then 1000 else 1 end)
-- fragment: us
round({ms} * 1000)
-- fragment: duration
-- The time on site of a session: the engaged time where there is any, else last minus first event.
-- In microseconds; whole numbers below 2^53, which float8 adds up exactly and much faster.
case when sum(engaged) > 0 then sum(engaged)
    else round(date_part('epoch', max(last_at) - min(first_at)) * 1000000) end
-- fragment: index_of_us
-- The bucket of include/traction/base/sketch.h.
case when us > 0 then greatest(-700, least(1500,
    ceil(ln(us / 1000) / ln((1 + 0.01::float8) / (1 - 0.01::float8)))))::int else -701 end
-- fragment: index_of_ms
case when {ms} > 0 then greatest(-700, least(1500,
    ceil(ln({ms}::float8) / ln((1 + 0.01::float8) / (1 - 0.01::float8)))))::int else -701 end
-- fragment: vitals
unnest(:vital_names, :vital_parts, :vital_good, :vital_poor, :vital_most)
    v (metric, parts, good, poor, most)
-- fragment: apdex_of_cells
select {keys}, (sum(satisfied) + sum(tolerating) / 2) / nullif(sum(n), 0) as value,
    sum(satisfied)::bigint as satisfied, sum(tolerating)::bigint as tolerating,
    (sum(n) - sum(satisfied) - sum(tolerating))::bigint as frustrated, sum(n)::bigint as n
from (
    select t, {place} as g, n, coalesce(satisfied, 0) as satisfied,
        coalesce(tolerating, 0) as tolerating
    from cells
) placed
group by grouping sets ({sets})
having sum(n) > 0
-- fragment: survey_cells
cells as materialized (
    select {bucket} as t, {group} as g, e.value as score, count(*) as n
    from {events} and e.name = 'survey_answer' and e.properties ->> 'type' = :metric
        and e.value = trunc(e.value) and e.value between :least and :most
        and (:survey::text is null or e.properties ->> 'survey' = :survey)
    group by 1, 2, 3
)
-- fragment: survey_rollup_cells
cells as materialized (
    select {rollup_bucket} as t, null::text as g, split_part(r.key, ':', 2)::numeric as score,
        sum(r.n) as n
    from {counts} and r.metric = 'survey' and split_part(r.key, ':', 1) = :metric
    group by 1, 2, 3
)
-- fragment: nps_of_cells
select level, t, g, label, round(100 * mean, 9) as value, promoters, passives, detractors,
    round(100 * margin, 9) as margin, round(greatest(-100, 100 * (mean - margin)), 9) as low,
    round(least(100, 100 * (mean + margin)), 9) as high, n
from (
    select {keys}, sum(n)::bigint as n, sum(n * x) / sum(n) as mean,
        1.96 * sqrt(greatest(0, sum(n * x * x) / sum(n) - (sum(n * x) / sum(n)) ^ 2) / sum(n))
            as margin,
        coalesce(sum(n) filter (where x = 1), 0)::bigint as promoters,
        coalesce(sum(n) filter (where x = 0), 0)::bigint as passives,
        coalesce(sum(n) filter (where x = -1), 0)::bigint as detractors
    from (
        select t, {place} as g, n, case when score >= 9 then 1 when score <= 6 then -1 else 0 end
                as x
        from cells
    ) placed
    group by grouping sets ({sets})
    having sum(n) > 0
) s
-- fragment: csat_of_cells
-- The interval is Wilson's.
select level, t, g, label, round(p, 9) as value, satisfied, neutral, dissatisfied,
    round((p + 1.9208 / n - spread) / (1 + 3.8416 / n), 9) as low,
    round((p + 1.9208 / n + spread) / (1 + 3.8416 / n), 9) as high, n
from (
    select level, t, g, label, n, satisfied, neutral, n - satisfied - neutral as dissatisfied,
        satisfied / n::numeric as p,
        1.96 * sqrt((satisfied / n::numeric * (1 - satisfied / n::numeric) + 0.9604 / n) / n)
            as spread
    from (
        select {keys}, sum(n)::bigint as n,
            coalesce(sum(n) filter (where score >= 4), 0)::bigint as satisfied,
            coalesce(sum(n) filter (where score = 3), 0)::bigint as neutral
        from (select t, {place} as g, score, n from cells) placed
        group by grouping sets ({sets})
        having sum(n) > 0
    ) c
) s
-- fragment: ces_of_cells
select level, t, g, label, round(mean, 9) as value, easy, neutral, hard, round(margin, 9) as margin,
    round(mean - margin, 9) as low, round(mean + margin, 9) as high, n
from (
    select {keys}, sum(n)::bigint as n, sum(n * score) / sum(n) as mean,
        1.96 * sqrt(greatest(0, sum(n * score * score) - sum(n * score) ^ 2 / sum(n))
            / nullif(sum(n) - 1, 0) / sum(n)) as margin,
        coalesce(sum(n) filter (where score >= 5), 0)::bigint as easy,
        coalesce(sum(n) filter (where score = 4), 0)::bigint as neutral,
        coalesce(sum(n) filter (where score <= 3), 0)::bigint as hard
    from (select t, {place} as g, score, n from cells) placed
    group by grouping sets ({sets})
    having sum(n) > 0
) s
-- fragment: responses_of_cells
select {keys}, sum(n)::bigint as value, coalesce(sum(n) filter (where type = 'nps'), 0)::bigint as nps,
    coalesce(sum(n) filter (where type = 'csat'), 0)::bigint as csat,
    coalesce(sum(n) filter (where type = 'ces'), 0)::bigint as ces,
    coalesce(sum(n) filter (where type = 'text'), 0)::bigint as text,
    coalesce(sum(n) filter (where type = 'other'), 0)::bigint as other_types,
    coalesce(sum(n) filter (where has_text), 0)::bigint as with_text, sum(n)::bigint as n
from (select t, {place} as g, type, has_text, n from cells) placed
group by grouping sets ({sets})
having sum(n) > 0
-- fragment: sentiment_of_cells
select s.level, s.t, s.g, s.label, round(s.amount / s.n, 9) as value,
    round(s.positive / s.n, 9) as positive, round((s.n - s.positive - s.negative) / s.n, 9)
        as neutral, round(s.negative / s.n, 9) as negative,
    case when s.level = 3 then coalesce((
        select jsonb_agg(jsonb_build_object('text', a.properties ->> 'text',
            'sentiment', round(a.sentiment::numeric, 6), 'at', left(trim('"' from to_json(a.ts)::text), -6) || 'Z', 'name', a.name,
            'survey', a.properties ->> 'survey') order by a.ts desc)
        from (
            select e.ts, e.name, e.sentiment, e.properties
            from {events} and e.sentiment is not null
                and jsonb_typeof(e.properties -> 'text') = 'string'
                and e.properties ->> 'text' <> ''
                and (:survey::text is null or e.properties ->> 'survey' = :survey)
            order by e.ts desc
            limit 20
        ) a), jsonb_build_array()) end as answers,
    s.n::bigint as n
from (
    select {keys}, sum(n) as n, sum(amount) as amount,
        coalesce(sum(n) filter (where feeling = 'positive'), 0) as positive,
        coalesce(sum(n) filter (where feeling = 'negative'), 0) as negative
    from (select t, {place} as g, feeling, n, amount from cells) placed
    group by grouping sets ({sets})
    having sum(n) > 0
) s
