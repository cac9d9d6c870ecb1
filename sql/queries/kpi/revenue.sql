-- Money from purchases; one without a currency is in the project's.

-- fragment: events
with {points}, {rates}, cells as materialized (
    select {bucket} as t, {group} as g, coalesce(e.unit, :currency) as k, count(*) as n,
        sum(e.value) as amount
    from {events} and e.name = 'purchase' and e.value is not null
    group by 1, 2, 3
), {top_by_money}, {money}, {used_amounts}, {note}
{sums_of_money}
-- fragment: rollup
with {points}, {rates}, {revenue_of_rollup}, {top_by_money}, {money}, {used_amounts}, {note}
{sums_of_money}
