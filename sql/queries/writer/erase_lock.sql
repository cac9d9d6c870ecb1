-- Takes the lock under which batches commit; whoever takes it next learns that somebody was erased.
-- No parameters.
update traction.id_log_head set run = run + 1, erasures = erasures + 1
