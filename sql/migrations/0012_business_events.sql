-- SPDX-License-Identifier: MIT
-- What is sold and to whom is few among the other events, and asked for by funnels and by what they
-- break down by. Questions whose names are all among these read nothing else; funnel.sql repeats
-- them.
create index event_business on traction.event (project_id, ts) where name in (
    'sign_up', 'conversion', 'purchase', 'subscription_started', 'subscription_changed',
    'subscription_cancelled', 'acquisition_cost');
