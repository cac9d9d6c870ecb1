-- SPDX-License-Identifier: MIT
-- A row if PostgreSQL knows the time zone $1 by this very name; abbreviations are none.
select 1 from pg_catalog.pg_timezone_names where name = $1;
