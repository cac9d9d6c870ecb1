-- Deletes a project's events in some blocks of a day's partition. $1 project, $2 UTC day, $3 the
-- first block, $4 the first block beyond. Plan: a TID range scan of the one partition.
delete from traction.event
where project_id = $1
    and ts >= $2::timestamp at time zone 'UTC'
    and ts < ($2 + 1)::timestamp at time zone 'UTC'
    and ctid >= format('(%s,0)', $3)::tid
    and ctid < format('(%s,0)', $4)::tid
