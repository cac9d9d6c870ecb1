-- Events older than their project's retention go; src/writer/retention.c says how.

-- Events of earlier UTC days are gone, or their day is in expired_day. Null: kept for ever.
alter table traction.project add column expired_through date;

-- Days whose events of a project are still to be deleted, and how far that is: blocks of the
-- partition before this one are done.
create table traction.expired_day (
    project_id int not null,
    day date not null,
    block bigint not null default 0,
    primary key (project_id, day)
);

-- The partition of a UTC day, or null.
create function traction.event_partition(day date) returns regclass
language sql stable
set search_path = pg_catalog
as $$
    select i.inhrelid::regclass
    from pg_inherits as i
    join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'traction.event'::regclass
        and left(c.relname, 14) = 'event_' || to_char(day, 'YYYYMMDD')
    limit 1
$$;

-- The first UTC day that some project still keeps; null if one keeps everything, or there is none.
create function traction.kept_from(at timestamptz) returns date
language sql stable
set search_path = pg_catalog
as $$
    select case
        when bool_and(retention_days is not null)
            then (at at time zone 'UTC')::date - max(retention_days)
    end
    from traction.project
$$;

-- Drops the oldest partition of a day before this one, and says which day it was; null if there is
-- none. Locking all events out is given up soon, and tried again later.
create function traction.drop_event_partition(before date) returns date
language plpgsql
set search_path = pg_catalog
set lock_timeout = '500ms'
as $$
declare
    partition regclass;
    gone date;
begin
    perform pg_advisory_xact_lock(hashtextextended('traction.event', 0));
    select i.inhrelid, to_date(substr(c.relname, 7, 8), 'YYYYMMDD')
    into partition, gone
    from pg_inherits as i
    join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'traction.event'::regclass
        and c.relname ~ '^event_[0-9]{8}'
        and to_date(substr(c.relname, 7, 8), 'YYYYMMDD') < before
    order by 2
    limit 1;
    if partition is not null then
        execute format('drop table %s', partition);
        delete from traction.expired_day as e where e.day = gone;
    end if;
    return gone;
end
$$;
