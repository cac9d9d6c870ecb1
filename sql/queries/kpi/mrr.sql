-- What customers pay a month at the end of every stretch of time, and how that came about (:metric
-- mrr); or how much was won for what was lost (quick_ratio).

-- fragment: rollup
with {points}, {rates}, {flows_of_days}, {parts}, {states}, {used_balances}, {note}
{movements}
-- fragment: facts
with {points}, {rates}, {changes_of_facts}, {holders_of_facts}, {flows_of_changes}, {parts}, {states},
    {used_balances}, {note}
{movements}
-- fragment: facts_by_plan
with {points}, {rates}, {changes_of_facts}, {holders_of_facts}, {flows_of_changes}, {parts}, {states},
    {used_balances}, {note}
{movements}
-- fragment: events
with {points}, {rates}, {changes_of_events}, {flows_of_changes}, {parts}, {states}, {used_balances},
    {note}
{movements}
-- fragment: events_bots
with {points}, {rates}, {changes_of_bots}, {flows_of_changes}, {parts}, {states}, {used_balances},
    {note}
{movements}
