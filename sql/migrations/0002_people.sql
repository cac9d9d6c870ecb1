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
    add column interactions bigint not null default 0;
alter table traction.session_time add column bounces bigint not null default 0;

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
