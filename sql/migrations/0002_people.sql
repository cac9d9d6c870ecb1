-- SPDX-License-Identifier: MIT
-- Who people are, sessions by inactivity, cohorts, and what a person is known by.

-- Which user's the events of an anonymous visitor are, by the time of their receipt: the first user
-- it is joined to has its whole past (from_at '-infinity'), another one what comes from then on.
create table traction.alias (
    project_id int not null,
    anonymous uuid not null,            -- the digest of the anonymous id, as in event.person
    from_at timestamptz not null,       -- of receipt, included
    to_at timestamptz not null,         -- of receipt, not included; 'infinity': until further notice
    person uuid not null,               -- the digest of the user id
    primary key (project_id, anonymous, from_at)
);

-- Sessions of events without a session id: a person's events with no more than 30 minutes between
-- one and the next. session is the member of sets and the key of session_day.
create table traction.visit (
    project_id int not null,
    person uuid not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    session uuid not null,
    primary key (project_id, person, first_at)
) with (fillfactor = 80);

-- For bounces: a session with one page view, nothing else of engagement, and less than 10 s engaged.
alter table traction.session_day
    add column page_views bigint not null default 0,
    add column interactions bigint not null default 0,
    add column errors bigint not null default 0;
-- Of the sessions that have only this one day: those that bounced, those with an error.
alter table traction.session_time
    add column bounces bigint not null default 0,
    add column failed bigint not null default 0;

-- Sets of sessions are no longer kept: the two tables above say as much.
delete from traction.day_matrix as m using traction.member_set as s
where s.id = m.set_id and s.subject in ('session', 'session_error');
delete from traction.day_member as m using traction.member_set as s
where s.id = m.set_id and s.subject in ('session', 'session_error');
delete from traction.member_set where subject in ('session', 'session_error');

-- The matrix of day_matrix, parted by the members' first day. Kept for the sets of active people.
create table traction.day_cohort (
    set_id int not null,
    first_day date not null,
    day date not null,
    previous_day date not null,
    members bigint not null,
    primary key (set_id, first_day, day, previous_day)
);

insert into traction.day_cohort (set_id, first_day, day, previous_day, members)
select d.set_id, d.first_day, d.day, coalesce(d.previous_day, '-infinity'), count(*)
from (
    select
        m.set_id,
        m.day,
        min(m.day) over (partition by m.set_id, m.member) as first_day,
        lag(m.day) over (partition by m.set_id, m.member order by m.day) as previous_day
    from traction.day_member as m
    join traction.member_set as s on s.id = m.set_id and s.subject = 'active'
) as d
group by 1, 2, 3, 4;

-- Where people came from and what became of them. The channel is that of the earliest sign_up that
-- names one in its properties, else of the earliest event with one.
alter table traction.person
    add column channel_at timestamptz not null default 'infinity',
    add column channel text,
    add column sign_up_at timestamptz not null default 'infinity',
    add column sign_up_channel text,
    add column converted_at timestamptz not null default 'infinity',   -- first conversion
    add column paid_at timestamptz not null default 'infinity';        -- first purchase or
                                                                       -- subscription with value > 0

create index person_first_seen on traction.person (project_id, first_seen);
create index person_paid on traction.person (project_id, paid_at) where paid_at < 'infinity';

-- No event that has landed was received later: where "from now on" begins for an alias.
alter table traction.id_log_head
    add column newest_received_at timestamptz not null default '-infinity',
    add column newest_before timestamptz not null default '-infinity';

update traction.id_log_head
set newest_received_at =
        coalesce((select max(received_through) from traction.spool_position), '-infinity');

-- What the new columns say of events that have landed already. Their sessions by inactivity are not
-- made up for: those begin with the events to come.
update traction.session_day as s
set page_views = e.page_views, interactions = e.interactions, errors = e.errors
from (
    select
        e.project_id,
        substring(sha256(
            '\x00000004'::bytea || int4send(e.project_id) || '\x0000000173'::bytea
            || int4send(octet_length(e.session_id)) || convert_to(e.session_id, 'UTF8')
        ) for 16) as session,
        (e.ts at time zone p.timezone)::date as day,
        count(*) filter (where e.name = 'page_view') as page_views,
        count(*) filter (
            where e.kind = 'e' and e.name not in ('page_view', 'engaged_time', 'identify')
        ) as interactions,
        count(*) filter (where e.name = 'error') as errors
    from traction.event as e
    join traction.project as p on p.id = e.project_id
    where e.session_id is not null and not e.bot
    group by 1, 2, 3
) as e
where s.project_id = e.project_id and uuid_send(s.session) = e.session and s.day = e.day;

update traction.session_time as t
set bounces = s.bounces, failed = s.failed
from (
    select
        project_id,
        day,
        count(*) filter (where page_views = 1 and interactions = 0 and engaged_us < 10000000)
            as bounces,
        count(*) filter (where errors > 0) as failed
    from traction.session_day
    where not several_days
    group by 1, 2
) as s
where t.project_id = s.project_id and t.day = s.day;

update traction.person as p
set channel_at = e.channel_at, channel = e.channel, converted_at = e.converted_at,
    paid_at = e.paid_at, sign_up_at = e.sign_up_at, sign_up_channel = e.sign_up_channel
from (
    select
        project_id,
        person,
        coalesce(min(ts) filter (where channel is not null), 'infinity') as channel_at,
        (array_agg(channel order by ts, channel collate "C") filter (where channel is not null))[1]
            as channel,
        coalesce(min(ts) filter (where name = 'conversion'), 'infinity') as converted_at,
        coalesce(min(ts) filter (
            where value > 0
                and name in ('purchase', 'subscription_started', 'subscription_changed')
        ), 'infinity') as paid_at,
        coalesce(min(ts) filter (
            where name = 'sign_up' and jsonb_typeof(properties -> 'channel') = 'string'
                and properties ->> 'channel' <> ''
        ), 'infinity') as sign_up_at,
        (array_agg(channel order by ts, channel collate "C") filter (
            where name = 'sign_up' and jsonb_typeof(properties -> 'channel') = 'string'
                and properties ->> 'channel' <> ''
        ))[1] as sign_up_channel
    from traction.event
    where not bot
    group by 1, 2
) as e
where p.project_id = e.project_id and p.person = e.person;
