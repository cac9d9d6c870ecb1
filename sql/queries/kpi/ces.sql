-- Customer effort score: the mean answer.

-- fragment: events
with {survey_cells}, {top_by_n}
{ces_of_cells}
-- fragment: rollup
with {survey_rollup_cells}, {top_by_n}
{ces_of_cells}
