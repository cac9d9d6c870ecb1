-- Everything before a position has landed. No row touched: somebody else uses this spool's identity.
-- $1 server, $2 position before, $3 position now, $4 everything received before has landed.
update traction.spool_position
set position = $3, received_through = greatest(received_through, $4), updated_at = now()
where server_id = $1 and position = $2
