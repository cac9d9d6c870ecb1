-- The UTC days that may have events. No parameters.
select distinct to_date(substr(c.relname, 7, 8), 'YYYYMMDD') as day
from pg_inherits as i
join pg_class as c on c.oid = i.inhrelid
where i.inhparent = 'traction.event'::regclass and c.relname ~ '^event_[0-9]{8}'
order by 1
