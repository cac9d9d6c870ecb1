-- The sketches that are there. $1 projects, $2 metrics, $3 grains, $4 buckets, $5 keys.
select d.place::int, r.sketch
from unnest($1::int[], $2::text[], $3::"char"[], $4::timestamptz[], $5::text[])
    with ordinality as d (project_id, metric, grain, bucket, key, place)
join traction.rollup_sketch as r
    on r.project_id = d.project_id and r.metric = d.metric and r.grain = d.grain
    and r.bucket = d.bucket and r.key = d.key
