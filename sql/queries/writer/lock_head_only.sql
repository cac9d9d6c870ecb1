-- Keeps batches from committing until the transaction ends, without taking a number. No parameters.
select from traction.id_log_head for update
