-- The number of the last committed batch. No parameters.
select run from traction.id_log_head
