-- What became of the customers at the start of every stretch of time by its end (:metric).

-- fragment: rollup
with {changes_of_facts}, {states}, {endings}
{kept_customers}
-- fragment: rollup_by_plan
with {changes_of_facts}, {states}, {endings}
{kept_customers}
-- fragment: events
with {changes_of_events}, {states}, {endings}
{kept_customers}
