-- What a batch holds of the last minutes. $1 run, $2 projects, $3 notes, $4 people, $5 their levels;
-- page views: $6 projects, $7 minutes, $8 counts.
with minutes as (
    insert into traction.live_minute as m (project_id, minute, page_views)
    select project_id, minute, n
    from unnest($6::int[], $7::timestamptz[], $8::bigint[]) as d (project_id, minute, n)
    on conflict (project_id, minute) do update
    set page_views = m.page_views + excluded.page_views
)
insert into traction.live_note (project_id, run, note, people, people_level)
select project_id, $1, note::json, people, level
from unnest($2::int[], $3::text[], $4::bytea[], $5::int[]) as d (project_id, note, people, level)
