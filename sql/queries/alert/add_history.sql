-- SPDX-License-Identifier: MIT
-- $1 projects, $2 rules, $3 their names, $4 series, $5 fingerprints, $6 changes, $7 when, $8 values,
-- $9 samples, $10 whether silenced.
insert into traction.alert_history
    (project_id, rule_id, rule, series, fingerprint, change, at, value, n, silenced)
select d.*
from unnest($1::int[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::timestamptz[], $8::float8[], $9::bigint[], $10::bool[]) as d;
