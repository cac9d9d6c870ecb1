-- SPDX-License-Identifier: MIT
-- Writes down what was found, once. $1 number, $2 now, $3 verdict, $4 value (NaN: none), $5 n, $6 the
-- answer as JSON. No row: it was decided already. A look-up by key.
update traction.hypothesis
set decided_at = $2::timestamptz, verdict = $3::text, value = nullif($4::float8, double precision 'NaN'), n = $5::bigint,
    result = $6::text::json
where id = $1::bigint and decided_at is null
returning id;
