-- SPDX-License-Identifier: MIT
-- Projects whose ledger does not balance: what landed is not what became of it. No parameters.
select project_id,
       sum(case when outcome = 'landed' then events else 0 end)::int8 as landed,
       sum(case when outcome = 'landed' then 0 else events end)::int8 as accounted
from traction.ledger
group by project_id
having sum(case when outcome = 'landed' then events else -events end) <> 0;
