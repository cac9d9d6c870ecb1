-- What a customer brings in before they leave: what one pays a month at the end, times the gross
-- margin, by the share that leaves in 30 days.

-- fragment: rollup
with {points}, {rates}, {changes_of_facts}, {flows_of_days}, {parts}, {states}, {endings},
    {used_balances}, {note}, {project}
{lifetime}
-- fragment: facts
with {points}, {rates}, {changes_of_facts}, {holders_of_facts}, {flows_of_changes}, {parts}, {states},
    {endings}, {used_balances}, {note}, {project}
{lifetime}
-- fragment: facts_by_plan
with {points}, {rates}, {changes_of_facts}, {holders_of_facts}, {flows_of_changes}, {parts}, {states},
    {endings}, {used_balances}, {note}, {project}
{lifetime}
-- fragment: events
with {points}, {rates}, {changes_of_events}, {flows_of_changes}, {parts}, {states}, {endings},
    {used_balances}, {note}, {project}
{lifetime}
-- fragment: events_bots
with {points}, {rates}, {changes_of_bots}, {flows_of_changes}, {parts}, {states}, {endings},
    {used_balances}, {note}, {project}
{lifetime}
