-- The spool is empty: everything received until now has landed. $1 server, $2 now.
update traction.spool_position
set received_through = greatest(received_through, $2), updated_at = now()
where server_id = $1
