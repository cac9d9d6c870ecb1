-- A time zone's name as PostgreSQL spells it. $1 the name in any case.
select name from pg_catalog.pg_timezone_names where lower(name) = lower($1)
