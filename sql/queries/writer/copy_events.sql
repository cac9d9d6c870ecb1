-- Rows as the door encoded them; src/event/record_priv.h has the same columns in the same order.
copy traction.event (
    project_id, ts, received_at, id, kind, name, person, user_id, anonymous_id, session_id, value,
    unit, url, host, path, referrer, referrer_host, title, channel, country, device, browser, os,
    route, status, feature, goal, plan, metric, bot, clamped, properties, sentiment,
    address
) from stdin (format binary)
