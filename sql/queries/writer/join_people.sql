-- What was known of visitors is known of the users they became. Each row returned says when somebody
-- counts as first seen from now on (1), or no longer (-1). $1 projects, $2 from, $3 to.
with joined as materialized (
    select project_id, "from", "to"
    from unnest($1::int[], $2::uuid[], $3::uuid[]) as d (project_id, "from", "to")
),
known as materialized (
    select p.*, j."to", j."from" is not null as goes
    from joined as j
    join traction.person as p on p.project_id = j.project_id and p.person = j."from"
    union all
    select p.*, p.person, false
    from (select distinct project_id, "to" from joined) as j
    join traction.person as p on p.project_id = j.project_id and p.person = j."to"
),
became as materialized (
    select
        project_id, "to" as person,
        min(first_seen) as first_seen,
        min(channel_at) as channel_at,
        (array_agg(channel order by channel_at, channel collate "C"))[1] as channel,
        min(sign_up_at) as sign_up_at,
        (array_agg(sign_up_channel order by sign_up_at, sign_up_channel collate "C"))[1]
            as sign_up_channel,
        min(converted_at) as converted_at,
        min(paid_at) as paid_at,
        min(signed_up_at) as signed_up_at
    from known
    group by 1, 2
    having bool_or(goes)
),
gone as (
    delete from traction.person as p
    using known as k
    where k.goes and p.project_id = k.project_id and p.person = k.person
),
written as (
    insert into traction.person as p
        (project_id, person, first_seen, channel_at, channel, sign_up_at, sign_up_channel,
            converted_at, paid_at, signed_up_at)
    select project_id, person, first_seen, channel_at, channel, sign_up_at, sign_up_channel,
        converted_at, paid_at, signed_up_at
    from became
    on conflict (project_id, person) do update
    set first_seen = excluded.first_seen, channel_at = excluded.channel_at,
        channel = excluded.channel, sign_up_at = excluded.sign_up_at,
        sign_up_channel = excluded.sign_up_channel, converted_at = excluded.converted_at,
        paid_at = excluded.paid_at, signed_up_at = excluded.signed_up_at
)
select b.project_id, b.first_seen, 1 as change from became as b
union all
select k.project_id, k.first_seen, -1
from known as k
join became as b on b.project_id = k.project_id and b.person = k."to"
