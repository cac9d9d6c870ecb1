-- SPDX-License-Identifier: MIT
-- Whether DNT and Sec-GPC keep events out of project $1: $2. Tells the servers.
with changed as (
    update traction.project set respect_dnt = $2 where id = $1 returning id
)
select id, pg_notify('traction_keys', '')::text as told from changed;
