-- After how many months a new customer has paid back what it cost to win them.

-- fragment: rollup
with {points}, {rates}, {flows_of_days}, {parts}, {states}, {costs_of_rollup}, {people_of_facts},
    {payers}, {money}, {customers}, {used_both}, {note}, {project}
{months}
-- fragment: events
with {points}, {rates}, {changes_of_events}, {flows_of_changes}, {parts}, {states}, {costs_of_events},
    {people_of_facts}, {payers_where}, {money}, {customers}, {used_both}, {note}, {project}
{months}
-- fragment: events_bots
with {points}, {rates}, {changes_of_bots}, {flows_of_changes}, {parts}, {states}, {costs_of_events},
    {people_of_events}, {payers_where}, {money}, {customers}, {used_both}, {note}, {project}
{months}
