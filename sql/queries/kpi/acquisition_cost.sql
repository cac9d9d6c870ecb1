-- What was spent to win people, by the number of new paying customers.

-- fragment: rollup
with {points}, {rates}, {costs_of_rollup}, {people_of_facts}, {payers}, {top_by_costs}, {money},
    {customers}, {used_amounts}, {note}
{per_customer}
-- fragment: rollup_by_channel
with {points}, {rates}, {costs_of_rollup}, {people_of_facts}, {payers}, {top_by_costs}, {money},
    {customers}, {used_amounts}, {note}
{per_customer}
-- fragment: events
with {points}, {rates}, {costs_of_events}, {people_of_facts}, {payers_where}, {top_by_costs},
    {money}, {customers}, {used_amounts}, {note}
{per_customer}
-- fragment: events_bots
with {points}, {rates}, {costs_of_events}, {people_of_events}, {payers_where}, {top_by_costs},
    {money}, {customers}, {used_amounts}, {note}
{per_customer}
