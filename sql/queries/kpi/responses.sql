-- Answers to surveys, by their type.

-- fragment: events
with cells as materialized (
    select {bucket} as t, {group} as g,
        case when e.properties ->> 'type' in ('nps', 'csat', 'ces', 'text')
            then e.properties ->> 'type' else 'other' end as type,
        coalesce(jsonb_typeof(e.properties -> 'text') = 'string'
            and e.properties ->> 'text' <> '', false) as has_text,
        count(*) as n
    from {events} and e.name = 'survey_answer'
        and (:survey::text is null or e.properties ->> 'survey' = :survey)
    group by 1, 2, 3, 4
), {top_by_n}
{responses_of_cells}
-- fragment: rollup
with cells as materialized (
    select {rollup_bucket} as t, null::text as g, split_part(r.key, ':', 1) as type,
        split_part(r.key, ':', 2) = 'text' as has_text, sum(r.n) as n
    from {counts} and r.metric = 'answer'
    group by 1, 2, 3, 4
), {top_by_n}
{responses_of_cells}
