-- SPDX-License-Identifier: MIT
-- $1 project, $2 title, $3 KPI, $4 parameters as JSON, $5 whether above, $6 the bound, $7 from,
-- $8 until, $9 least sample, $10 confidence, $11 now, $12 how many a project may have. No row: it has
-- as many. A count over an index.
insert into traction.hypothesis (project_id, title, kpi, params, above, below, from_at, until_at,
    min_sample, confidence, created_at)
select $1::int, $2::text, $3::text, $4::text::jsonb, case when $5::bool then $6::float8 end,
    case when not $5::bool then $6::float8 end, $7::timestamptz,
    $8::timestamptz, $9::bigint, $10::float8, $11::timestamptz
where (
    select count(*) from traction.hypothesis where project_id = $1::int and archived_at is null
) < $12::int
returning id;
