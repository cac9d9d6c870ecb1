-- What became of the customers at the start of every stretch of time by its end (:metric).

-- fragment: rollup
with {points}, {rates}, {changes_of_facts}, {flows_of_days}, {parts}, {states}, {endings},
    {used_balances}, {note}
{kept_customers}
-- fragment: facts
with {points}, {rates}, {changes_of_facts}, {holders_of_facts}, {flows_of_changes}, {parts}, {states},
    {endings}, {used_balances}, {note}
{kept_customers}
-- fragment: facts_by_plan
with {points}, {rates}, {changes_of_facts}, {holders_of_facts}, {flows_of_changes}, {parts}, {states},
    {endings}, {used_balances}, {note}
{kept_customers}
-- fragment: events
with {points}, {rates}, {changes_of_events}, {flows_of_changes}, {parts}, {states}, {endings},
    {used_balances}, {note}
{kept_customers}
-- fragment: events_bots
with {points}, {rates}, {changes_of_bots}, {flows_of_changes}, {parts}, {states}, {endings},
    {used_balances}, {note}
{kept_customers}
