-- The blocks before $3 are done; all of them, if there are no more than that: $4.
-- $1 project, $2 day.
with done as (
    delete from traction.expired_day where project_id = $1 and day = $2 and $3 >= $4
)
update traction.expired_day set block = $3 where project_id = $1 and day = $2 and $3 < $4
