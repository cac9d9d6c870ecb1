-- This spool's row, made if it is new. $1 the spool's identity.
with made as (
    insert into traction.spool_position (spool, position, received_through)
    values ($1, 0, now())
    on conflict (spool) do nothing
    returning server_id, position
)
select server_id, position from made
union all
select server_id, position from traction.spool_position where spool = $1
limit 1
