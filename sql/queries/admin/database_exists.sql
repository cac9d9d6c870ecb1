-- SPDX-License-Identifier: MIT
-- A row if the private cluster already has its database. No parameters; a scan of pg_database.
select 1 from pg_catalog.pg_database where datname = 'traction';
