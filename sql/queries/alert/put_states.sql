-- SPDX-License-Identifier: MIT
-- $1 rules, $2 series, $3 phases, $4 whether without data, $5 active, $6 fired, $7 clear, $8 values,
-- $9 samples, $10 seen, $11 told. Arrays of the same length, which is bounded by the looks between
-- two commits.
insert into traction.alert_state as s
    (rule_id, series, phase, no_data, active_at, fired_at, clear_at, value, n, seen_at, told_at)
select d.*
from unnest($1::bigint[], $2::text[], $3::text[], $4::bool[], $5::timestamptz[], $6::timestamptz[],
    $7::timestamptz[], $8::float8[], $9::bigint[], $10::timestamptz[], $11::timestamptz[])
    as d (rule_id, series, phase, no_data, active_at, fired_at, clear_at, value, n, seen_at, told_at)
on conflict (rule_id, series) do update
set phase = excluded.phase, no_data = excluded.no_data, active_at = excluded.active_at,
    fired_at = excluded.fired_at, clear_at = excluded.clear_at, value = excluded.value,
    n = excluded.n, seen_at = excluded.seen_at, told_at = excluded.told_at;
