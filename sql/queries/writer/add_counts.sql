-- Adds to counts. $1 projects, $2 metrics, $3 grains, $4 buckets, $5 keys, $6 counts, $7 amounts.
insert into traction.rollup_count as r (project_id, metric, grain, bucket, key, n, amount)
select d.project_id, d.metric, d.grain, d.bucket, d.key, sum(d.n), sum(d.amount::numeric)
from unnest($1::int[], $2::text[], $3::"char"[], $4::timestamptz[], $5::text[], $6::bigint[],
            $7::text[]) as d (project_id, metric, grain, bucket, key, n, amount)
group by 1, 2, 3, 4, 5
order by 1, 2, 3, 4, 5
on conflict (project_id, metric, grain, bucket, key) do update
set n = r.n + excluded.n, amount = r.amount + excluded.amount
