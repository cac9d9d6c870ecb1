-- Takes the lock under which batches commit, and this batch's number. No parameters.
update traction.id_log_head set run = run + 1 returning run
