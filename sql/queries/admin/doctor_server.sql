-- SPDX-License-Identifier: MIT
-- What doctor asks of the database: its version, its clock, and how it is reached. No parameters.
select current_setting('server_version_num')::int as version,
       current_setting('server_version') as version_text,
       clock_timestamp() as now,
       coalesce(host(inet_server_addr()), '') as address,
       coalesce((select ssl from pg_catalog.pg_stat_ssl where pid = pg_backend_pid()), false) as tls,
       pg_is_in_recovery() as standby,
       current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on' as durable;
