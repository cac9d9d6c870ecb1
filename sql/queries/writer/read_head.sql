-- The number of the last committed batch, and no event that has landed was received later than
-- this. No parameters.
select run, newest_received_at from traction.id_log_head
