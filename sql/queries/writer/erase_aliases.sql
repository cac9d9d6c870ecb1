-- Who else a person's visitors became is theirs for the time of this person, too: as if it had never
-- been joined. $1 project, $2 person.
with gone as (
    delete from traction.alias where project_id = $1 and person = $2
    returning anonymous
),
others as (
    select
        a.anonymous, a.from_at,
        case when row_number() over w = 1 then '-infinity' else a.from_at end as begins_at,
        coalesce(lead(a.from_at) over w, 'infinity') as ends_at
    from traction.alias as a
    where a.project_id = $1 and a.person <> $2 and a.anonymous in (select anonymous from gone)
    window w as (partition by a.anonymous order by a.from_at)
),
kept as (
    update traction.alias as a
    set from_at = o.begins_at, to_at = o.ends_at
    from others as o
    where a.project_id = $1 and a.anonymous = o.anonymous and a.from_at = o.from_at
)
select count(distinct anonymous) from gone
