-- Stores merged sketches; n and total are added. $1 projects, $2 metrics, $3 grains, $4 buckets,
-- $5 keys, $6 counts, $7 totals in microseconds, $8 sketches.
insert into traction.rollup_sketch as r
    (project_id, metric, grain, bucket, key, n, total_us, sketch)
select d.project_id, d.metric, d.grain, d.bucket, d.key, d.n, d.total_us, d.sketch
from unnest($1::int[], $2::text[], $3::"char"[], $4::timestamptz[], $5::text[], $6::bigint[],
            $7::bigint[], $8::bytea[])
    as d (project_id, metric, grain, bucket, key, n, total_us, sketch)
on conflict (project_id, metric, grain, bucket, key) do update
set n = r.n + excluded.n, total_us = r.total_us + excluded.total_us, sketch = excluded.sketch
