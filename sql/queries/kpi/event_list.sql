-- The newest events (:limit) of the range, of one name (:name) or of any, as JSON: those before one
-- event (:after, :after_received, :after_id) in the order of time, arrival and id. What an event does
-- not have is left out; its properties, which can be anything, are beside it.

-- fragment: events
select jsonb_strip_nulls(jsonb_build_object(
        'id', l.id,
        'at', left(trim('"' from to_json(l.ts)::text), -6) || 'Z',
        'received', left(trim('"' from to_json(l.received_at)::text), -6) || 'Z',
        'kind', case l.kind when 'e' then 'engagement' when 'p' then 'performance' when 'b' then 'business'
            else 'feedback' end,
        'name', l.name, 'user', l.user_id, 'anonymous', l.anonymous_id, 'session', l.session_id,
        'value', l.value, 'unit', l.unit, 'url', l.url, 'referrer', l.referrer, 'title', l.title,
        'channel', l.channel, 'country', l.country, 'device', l.device, 'browser', l.browser, 'os', l.os,
        'bot', nullif(l.bot, false))) as event,
    l.properties
from (
    select e.*
    from {events} and (:name::text is null or e.name = :name)
        and (e.ts, e.received_at, e.id) < (:after, :after_received, :after_id)
    order by e.ts desc, e.received_at desc, e.id desc
    limit :limit
) l
order by l.ts desc, l.received_at desc, l.id desc
