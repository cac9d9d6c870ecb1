-- Net promoter score: x is 1 for a promoter, -1 for a detractor, and the score its mean.

-- fragment: events
with {survey_cells}, {top_by_n}
{nps_of_cells}
-- fragment: rollup
with {survey_rollup_cells}, {top_by_n}
{nps_of_cells}
