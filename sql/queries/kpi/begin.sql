-- One snapshot for all queries of a question. Compiling costs more than these queries do; distinct
-- people of millions of events want to be told apart in memory.
begin transaction isolation level repeatable read read only;
set local jit = off;
set local work_mem = '64MB'
