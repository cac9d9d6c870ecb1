-- New people by the channel they came through, what became of them by the end of the range, and what
-- was spent there.

-- fragment: rollup_by_channel
with {points}, {rates}, {costs_of_rollup}, {people_of_facts}, {payers}, {arrivals},
    {top_by_arrivals}, {newcomers}, {money}, {customers}, {used_amounts}, {note}
{channels}
-- fragment: events
with {points}, {rates}, {costs_of_events}, {people_of_facts}, {payers_where}, {arrivals_where},
    {top_by_arrivals}, {newcomers}, {money}, {customers}, {used_amounts}, {note}
{channels}
-- fragment: events_bots
with {points}, {rates}, {costs_of_events}, {people_of_events}, {payers_where}, {arrivals_where},
    {top_by_arrivals}, {newcomers}, {money}, {customers}, {used_amounts}, {note}
{channels}
