-- SPDX-License-Identifier: MIT
-- The annotation with the number $2 of the project $1, and when the releases before and after it
-- were (null: none); others at the same instant are not looked at. Index look-ups.
select a.at, a.kind, a.title,
    (select max(b.at) from traction.annotation b
     where b.project_id = $1::int and b.kind = 'release' and b.at < a.at) as previous_at,
    (select min(b.at) from traction.annotation b
     where b.project_id = $1::int and b.kind = 'release' and b.at > a.at) as next_at
from traction.annotation a
where a.project_id = $1::int and a.id = $2::bigint;
