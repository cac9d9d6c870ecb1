-- How feedback feels, and the newest texts behind that, which are always read from the events (by
-- the partial index event_sentiment).

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g,
        case when e.sentiment::numeric >= 0.05 then 'positive'
            when e.sentiment::numeric <= -0.05 then 'negative' else 'neutral' end as feeling,
        count(*) as n, sum(round(e.sentiment::numeric, 6)) as amount
    from {events} and e.sentiment is not null
        and (:survey::text is null or e.properties ->> 'survey' = :survey)
    group by 1, 2, 3
), {top_by_n}
{sentiment_of_cells}
-- fragment: rollup
with cells as materialized (
    select {rollup_bucket} as t, null::text as g, r.key as feeling, sum(r.n) as n,
        sum(r.amount) as amount
    from {counts} and r.metric = 'sentiment'
    group by 1, 2, 3
), {top_by_n}
{sentiment_of_cells}
