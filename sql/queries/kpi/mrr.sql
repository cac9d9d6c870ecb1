-- What customers pay a month at the end of every stretch of time, and how that came about (:metric
-- mrr); or how much faster it grows than it shrinks (quick_ratio).

-- fragment: rollup
with {changes_of_facts}, {states}
{movements}
-- fragment: rollup_by_plan
with {changes_of_facts}, {states}
{movements}
-- fragment: events
with {changes_of_events}, {states}
{movements}
