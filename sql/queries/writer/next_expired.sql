-- Where to go on deleting: a project, a day, the next block and how many blocks there are (0: the
-- partition is gone). What will be dropped as a whole is left to that. $1 now.
select
    e.project_id,
    e.day,
    e.block,
    coalesce(
        pg_relation_size(traction.event_partition(e.day)) / current_setting('block_size')::int, 0
    ) as blocks
from traction.expired_day as e
where e.day >= coalesce(traction.kept_from($1), '-infinity')
order by e.day, e.project_id
limit 1
for update of e skip locked
