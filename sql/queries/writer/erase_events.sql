-- Deletes a day's events of a user and of the visitors that became this user, and returns what the
-- rollups had of them. $1 project, $2 person, $3 UTC day.
delete from traction.event as e
where e.project_id = $1
    and e.ts >= $3::timestamp at time zone 'UTC'
    and e.ts < ($3::date + 1)::timestamp at time zone 'UTC'
    and e.person = any (array(
        select $2::uuid
        union all
        select a.anonymous from traction.alias as a where a.project_id = $1 and a.person = $2
    ))
    and (e.person = $2 or exists (
        select from traction.alias as a
        where a.project_id = $1 and a.anonymous = e.person and a.person = $2
            and e.received_at >= a.from_at and e.received_at < a.to_at
    ))
returning e.ts, e.kind, e.name, e.session_id, e.value::text, e.unit, e.bot, e.channel, e.route,
    e.status, e.feature, e.metric, round(e.sentiment::numeric * 1000000)::int as sentiment,
    case when e.name = 'survey_answer' then e.properties::text end as properties
