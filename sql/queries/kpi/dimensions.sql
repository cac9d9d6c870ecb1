-- What a question may break down by or filter with; src/kpi/dimension.c lists the names.

-- fragment: kind
case e.kind when 'e' then 'engagement' when 'p' then 'performance' when 'b' then 'business'
    when 'f' then 'feedback' end
-- fragment: name
e.name
-- fragment: country
e.country
-- fragment: device
e.device
-- fragment: browser
e.browser
-- fragment: os
e.os
-- fragment: channel
e.channel
-- fragment: path
e.path
-- fragment: host
e.host
-- fragment: url
e.url
-- fragment: referrer
e.referrer_host
-- fragment: session
e.session_id
-- fragment: user
e.user_id
-- fragment: route
e.route
-- fragment: status
e.status::text
-- fragment: feature
e.feature
-- fragment: goal
e.goal
-- fragment: plan
e.plan
-- fragment: metric
e.metric
-- fragment: properties
coalesce(e.properties ->> :property, e.properties #>> string_to_array(:property, '.'))
-- fragment: error
case when e.name = 'error' then traction.error_label(e.properties) end
-- fragment: web_vital
vital.rating
