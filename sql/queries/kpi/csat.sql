-- Customer satisfaction: the share of the answers 4 and 5.

-- fragment: events
with {survey_cells}, {top_by_n}
{csat_of_cells}
-- fragment: rollup
with {survey_rollup_cells}, {top_by_n}
{csat_of_cells}
