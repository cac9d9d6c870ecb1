-- One snapshot for all queries of a question. Compiling costs more than these queries do.
begin transaction isolation level repeatable read read only;
set local jit = off
