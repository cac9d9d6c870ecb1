-- Takes the lock under which batches commit, and this batch's number; newest_before: no event that
-- has landed was received later. $1 when the newest event of this batch was received.
update traction.id_log_head
set run = run + 1,
    newest_before = newest_received_at,
    newest_received_at = greatest(newest_received_at, $1)
returning run, newest_before, erasures
