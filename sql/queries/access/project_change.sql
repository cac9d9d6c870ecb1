-- SPDX-License-Identifier: MIT
-- Changes project $1 and tells the servers; null leaves a field as it is: $2 name, $3 origins as a JSON array,
-- $4 days to keep events (0: for ever), $5 whether to honour DNT and GPC.
with changed as (
    update traction.project p
    set name = coalesce($2, p.name),
        allowed_origins = case when $3::text is null then p.allowed_origins
            else array(select jsonb_array_elements_text($3::jsonb)) end,
        retention_days = case when $4::text is null then p.retention_days else nullif($4::text::int, 0) end,
        respect_dnt = coalesce($5::text::boolean, p.respect_dnt)
    where p.id = $1
    returning p.uuid, p.name, p.timezone, p.currency, p.allowed_origins, p.retention_days, p.respect_dnt
)
select json_build_object('id', uuid, 'name', name, 'timezone', timezone, 'currency', currency,
        'origins', allowed_origins, 'retention_days', retention_days, 'respect_dnt', respect_dnt)::text as answer,
    pg_notify('traction_keys', '')::text as told
from changed;
